/* c87_xavier.c -- C87: Xavier's deviation 1/sqrt(N) keeps a tanh network's signal; the printed 1/N loses it. */
#include "lab/signal.h"

static sd_status run(sd_lab *lab)
{
    static const sd_signal_spec root = {"1/sqrt(N)", 0.044721359549995794, sd_tanh, &sd__phi_tanh, 3}; /* 1 / sqrt(500) */
    static const sd_signal_spec printed = {"1/N", 1.0 / SD_SIGNAL_WIDTH, sd_tanh, &sd__phi_tanh, 3};
    static const sd_signal_spec small = {"0.01", 0.01, sd_tanh, &sd__phi_tanh, 3};
    int networks = sd__lab_repeats(lab, 12, 100);
    sd_signal r, p, s;
    SD_TRY(sd__signal_measure(lab, &root, networks, &r));
    SD_TRY(sd__signal_measure(lab, &printed, networks, &p));
    SD_TRY(sd__signal_measure(lab, &small, networks, &s));
    sd__lab_figure(lab, "Activations of a 10 × 500 tanh network", "layer", "root mean square", false, true);
    sd__signal_draw(lab, &r, false, "deviation 1/√N");
    sd__signal_draw(lab, &p, false, "deviation 1/N, as printed");
    sd__signal_draw_steps(lab, 2, (const sd_signal *[]){&r, &p}, (const char *[]){"deviation 1/√N", "deviation 1/N"});
    sd__lab_judge(lab, "a", sd__signal_follows(lab, "a", &r, "1/√N"),
                  "activations go from %.3f in layer 1 to %.3f in layer 10; theory: %.3f to %.3f", r.size[1].estimate,
                  r.size[10].estimate, r.theory_size[1], r.theory_size[10]);
    sd__lab_measure(lab, "b", p.size[10], p.theory_size[10], "1/N, layer 10: root mean square of the activations");
    sd__lab_measure(lab, "b", s.size[10], s.theory_size[10], "0.01, layer 10: root mean square of the activations");
    sd__lab_judge(lab, "b",
                  p.size[10].high < s.size[10].low   ? SD_REFUTED
                  : p.size[10].low > s.size[10].high ? SD_CONFIRMED
                                                     : SD_NOT_DECIDED,
                  "with 1/N only %.2g is left in layer 10; with the deviation 0.01, which it is to improve on, %.2g",
                  p.size[10].estimate, s.size[10].estimate);
    sd_verdict root_steps = sd__signal_steps(lab, "c", &r, "1/√N"), printed_steps = sd__signal_steps(lab, "c", &p, "1/N");
    sd__signal_judge_steps(lab, "c", sd__rule_both(root_steps, printed_steps), &r);
    return SD_OK;
}

const sd_claim sd__claim_c87_xavier = {
    .id = "C87",
    .title = "Xavier's initialisation, as meant and as printed",
    .text = "Xavier initialisation, weights of standard deviation 1/N, is good for tanh.",
    .lecture = "D2",
    .slide = "Smarter initialization (two slides)",
    .theory = "A signal keeps its size if Nσ² is near 1: σ = 1/√N, a variance of 1/N. Then q ← E tanh²(√q z) falls slowly: "
              "0.628, 0.486, … "
              "0.229 after ten layers. Read literally, σ = 1/N makes Nσ² = 1/N, a factor of 1/√500 a layer: 3·10⁻¹⁴ after ten, "
              "less than "
              "with σ = 0.01. Glorot's own choice is a variance of 2/(n_in + n_out)." SD_SIGNAL_THEORY,
    .protocol = "12 networks (100 in full) each, without biases, 64 standard normal inputs, in f32.",
    .caution = "The text is an extraction: a root may have been lost. The verdict is on the printed text.",
    .kind = SD_THEOREM,
    .question = SD_WHY_AT_ALL,
    .part = {{"a", "With σ = 1/√N the activations follow the recursion and stay of order one.",
              "Simultaneous 95 % intervals lie within 15 % of theory, which is the limit of infinite width, in all ten layers.",
              SD_CONFIRMED},
             {"b", "With σ = 1/N, as printed, more of the signal arrives than with σ = 0.01.",
              "The simultaneous 95 % intervals of layer 10 do not overlap; refuted if that of 1/N is the lower.", SD_REFUTED},
             SD_SIGNAL_PART("c")},
    .error = {{"E08", "std = 1/N", "std = 1/√N (variance 1/N)", "b"}},
    .run = run,
};
