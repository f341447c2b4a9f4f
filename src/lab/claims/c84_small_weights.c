/* c84_small_weights.c -- C84: with weights of deviation 0.01 the activations of a deep tanh network vanish, and so do the gradients. */
#include "lab/signal.h"

static sd_status run(sd_lab *lab)
{
    static const sd_signal_spec spec = {"0.01", 0.01, sd_tanh, &sd__phi_tanh, 1};
    sd_signal s;
    SD_TRY(sd__signal_measure(lab, &spec, sd__lab_repeats(lab, 20, 100), &s));
    sd__lab_figure(lab, "Activations and gradients of a 10 × 500 tanh network, deviation 0.01", "layer", "root mean square",
                   false, true);
    sd__signal_draw(lab, &s, false, "activations");
    sd__signal_draw(lab, &s, true, "gradients");
    sd__signal_draw_steps(lab, 1, (const sd_signal *[]){&s}, (const char *[]){"deviation 0.01"});
    sd_verdict follows = sd__signal_follows(lab, "a", &s, "deviation 0.01");
    sd__lab_measure(lab, "b", s.gradient[0], s.theory_gradient[0], "gradient at the input, relative to the output");
    sd__lab_judge(lab, "a", follows, "the activations fall from %.3f in layer 1 to %.2g in layer 10; theory: %.3f to %.2g",
                  s.size[1].estimate, s.size[10].estimate, s.theory_size[1], s.theory_size[10]);
    sd__lab_judge(lab, "b", sd__rule_within(s.gradient[0], s.theory_gradient[0], 0.15 * s.theory_gradient[0]),
                  "the gradient falls to %.2g on its way to the input; theory: %.2g", s.gradient[0].estimate,
                  s.theory_gradient[0]);
    sd__signal_judge_steps(lab, "c", sd__signal_steps(lab, "c", &s, "deviation 0.01"), &s);
    return SD_OK;
}

const sd_claim sd__claim_c84_small_weights = {
    .id = "C84",
    .title = "Small weights: everything vanishes",
    .text = "Ten tanh layers of 500 units, weights drawn with standard deviation 0.01: all activations go to zero. What about "
            "the gradient?",
    .lecture = "D2",
    .slide = "Activity propagation; Tuning weights",
    .theory = "A unit's input is Gaussian with variance Nσ²q, q the mean square of the layer before, so the next is E "
              "tanh²(√(Nσ²q) z). "
              "With Nσ² = 0.05 each layer keeps a factor of about √0.05 = 0.22: 0.2135 in layer 1, 3.0·10⁻⁷ in layer 10. A "
              "gradient is "
              "multiplied by √(Nσ² E tanh'²), again about 0.22: it vanishes, too." SD_SIGNAL_THEORY,
    .protocol = "20 networks (100 in full) without biases, 64 standard normal inputs each, in f32; gradients of ⟨last layer, "
                "v⟩ for a standard "
                "normal v.",
    .kind = SD_THEOREM,
    .question = SD_WHY_AT_ALL,
    .part = {{"a", "Every layer's root mean square is that of the recursion, so the activations vanish.",
              "Simultaneous 95 % intervals lie within 15 % of theory, which is the limit of infinite width, in all ten layers.",
              SD_CONFIRMED},
             {"b", "The gradient vanishes as well.", "The interval at the input lies within 15 % of theory.", SD_CONFIRMED},
             SD_SIGNAL_PART("c")},
    .run = run,
};
