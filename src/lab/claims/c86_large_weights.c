/* c86_large_weights.c -- C86: with weights of deviation 1 most tanh units saturate; but gradients grow, they do not vanish. */
#include "lab/signal.h"

static sd_status run(sd_lab *lab)
{
    static const sd_signal_spec spec = {"1", 1, sd_tanh, &sd__phi_tanh, 1};
    sd_signal s;
    SD_TRY(sd__signal_measure(lab, &spec, sd__lab_repeats(lab, 20, 100), &s));
    sd__lab_figure(lab, "Gradient in a 10 × 500 tanh network, deviation 1", "layer",
                   "root mean square, relative to the last layer", false, true);
    sd__signal_draw(lab, &s, true, "gradients");
    sd__signal_draw_steps(lab, 1, (const sd_signal *[]){&s}, (const char *[]){"deviation 1"});
    sd_verdict saturated = SD_CONFIRMED, grows = SD_CONFIRMED;
    for (int l = 2; l <= SD_SIGNAL_LAYERS; l++) {
        sd__lab_measure(lab, "a", s.saturated[l], s.theory_saturated[l], "layer %d: share of units beyond 0.99 in size", l);
        saturated = sd__rule_both(saturated, sd__rule_within(s.saturated[l], s.theory_saturated[l], 0.01));
    }
    for (int l = 0; l < SD_SIGNAL_LAYERS; l++) {
        sd__lab_measure(lab, "b", s.gradient[l], s.theory_gradient[l], "layer %d: gradient relative to layer 10", l);
        grows = sd__rule_both(grows, sd__rule_at_least(s.gradient[l], 1));
    }
    sd__lab_judge(lab, "a", saturated, "%.1f %% of the units of layer 10 lie beyond 0.99 (theory: 90.4 %%): most, not all",
                  100 * s.saturated[SD_SIGNAL_LAYERS].estimate);
    sd__lab_judge(lab, "b", sd__rule_not(grows),
                  "the gradient grows by a factor of %.2g on its way back through ten layers: it explodes",
                  s.gradient[0].estimate);
    sd__signal_judge_steps(lab, "c", sd__signal_steps(lab, "c", &s, "deviation 1"), &s);
    return SD_OK;
}

const sd_claim sd__claim_c86_large_weights = {
    .id = "C86",
    .title = "Large weights: saturated, but no gradient lost",
    .text = "Ten tanh layers of 500 units, weights drawn with standard deviation 1: all neurons saturate, and no gradient is "
            "backpropagated.",
    .lecture = "D2",
    .slide = "Tuning weights",
    .theory = "Inputs of a unit are Gaussian with a deviation of about √500·0.97; |tanh| < 0.99 needs |z| < 2.65, a chance of "
              "9.6 %, so 90.4 % saturate. A gradient's mean square is multiplied by χ = Nσ² E tanh'² on its way back: the "
              "tenth that is not saturated passes on a signal that 500 weights of size 1 amplify more than enough, χ ≈ 12. It "
              "explodes by a factor of 3.5 a layer." SD_SIGNAL_THEORY,
    .protocol = "20 networks (100 in full) without biases, 64 standard normal inputs each, in f32; gradients of ⟨last layer, "
                "v⟩ for a standard normal v.",
    .kind = SD_MEASUREMENT,
    .question = SD_WHY_AT_ALL,
    .part = {{"a", "About nine tenths of the units saturate (the slide says: all).",
              "Simultaneous 95 % intervals lie within 0.01 of theory for the layer, in layers 2 to 10.", SD_CONFIRMED},
             {"b", "No gradient is backpropagated.",
              "Refuted if at every layer below the last the gradient is at least as large as at the last (lower ends of "
              "simultaneous 95 % intervals).",
              SD_REFUTED},
             SD_SIGNAL_PART("c")},
    .error = {{"E09", "std = 1.0: no gradient; all saturate", "the gradient grows about 3.5-fold a layer; 90 % saturate", "b"}},
    .run = run,
};
