/* c88_xavier_relu.c -- C88: with ReLUs Xavier's weights lose half of the mean square a layer; He's keep it. */
#include <math.h>

#include "lab/signal.h"

static sd_status run(sd_lab *lab)
{
    const sd_signal_spec xavier = {"xavier", sqrt(1.0 / SD_SIGNAL_WIDTH), sd_relu, &sd__phi_relu, 2};
    const sd_signal_spec he = {"he", sqrt(2.0 / SD_SIGNAL_WIDTH), sd_relu, &sd__phi_relu, 2};
    int networks = sd__lab_repeats(lab, 40, 200);
    sd_signal x, h;
    SD_TRY(sd__signal_measure(lab, &xavier, networks, &x));
    SD_TRY(sd__signal_measure(lab, &he, networks, &h));
    sd__lab_figure(lab, "Activations of a 10 × 500 ReLU network", "layer", "root mean square", false, true);
    sd__signal_draw(lab, &x, false, "Xavier, variance 1/N");
    sd__signal_draw(lab, &h, false, "He, variance 2/N");
    sd__signal_draw_steps(lab, 2, (const sd_signal *[]){&x, &h}, (const char *[]){"Xavier", "He"});
    sd_verdict loses = sd__signal_follows(lab, "a", &x, "Xavier"), keeps = sd__signal_follows(lab, "b", &h, "He");
    sd__lab_judge(lab, "a", loses, "%.4f of the signal is left after ten layers; theory: 2⁻⁵ = %.4f", x.size[10].estimate,
                  x.theory_size[10]);
    sd__lab_judge(lab, "b", keeps, "%.3f is left after ten layers; theory: %.3f", h.size[10].estimate, h.theory_size[10]);
    sd_verdict xavier_steps = sd__signal_steps(lab, "c", &x, "Xavier"), he_steps = sd__signal_steps(lab, "c", &h, "He");
    sd__signal_judge_steps(lab, "c", sd__rule_both(xavier_steps, he_steps), &h);
    return SD_OK;
}

const sd_claim sd__claim_c88_xavier_relu = {
    .id = "C88",
    .title = "Xavier's initialisation fails with ReLUs",
    .text = "Xavier's initialisation, good for tanh, fails with ReLUs.",
    .lecture = "D2",
    .slide = "Smarter initialization",
    .theory = "A ReLU sets half of its symmetric inputs to 0, so E h² is half of the variance of the input: with Nσ² = 1 the "
              "root mean square "
              "is 2^(−L/2) after L layers, 0.0313 after ten. He's variance 2/N makes up for it: the root mean square stays 1, "
              "but for "
              "fluctuations of order √(L/N) from network to network." SD_SIGNAL_THEORY,
    .protocol = "40 networks (200 in full) of each kind without biases, 64 standard normal inputs, in f32. Training speed is "
                "not compared.",
    .caution = "The loss is mild at ten layers (a factor of 32) and clear at thirty.",
    .kind = SD_THEOREM,
    .question = SD_WHY_AT_ALL,
    .part = {{"a", "With variance 1/N the root mean square falls like 2^(−L/2).",
              "Simultaneous 95 % intervals lie within 15 % of theory, which is the limit of infinite width, in all ten layers.",
              SD_CONFIRMED},
             {"b", "With variance 2/N (He) it stays 1.", "The same rule.", SD_CONFIRMED},
             SD_SIGNAL_PART("c")},
    .run = run,
};
