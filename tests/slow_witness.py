# release only
"""A second opinion on training: PyTorch follows every step that sonde takes, and must come to the same numbers.

tests/witness/witness.c trains a network from a YAML file and writes down, step by step, output, loss, gradient, weights,
states and moments. Here the same file is read by other code (tests/witness/*.py), the network is built of PyTorch's functions,
and both start from the same weights and see the same 50 batches. Two precisions, two ways of comparing:

  fp64  sonde's reference kernels against torch.float64, each on its own trajectory: nothing is ever set right again, so the
        last step sees the errors of all before it. All quantities of all steps agree to 1e-9.
  fp32  sonde's fast kernels against torch.float32. Two sums in another order differ by some 1e-7, and training amplifies
        that, so every step is judged alone: PyTorch takes over sonde's weights and states before the step, and for the
        update sonde's gradient, too. Then the weights at the ends of two trajectories are compared, more loosely.

What "agree to t" means: |a - b| <= t * max |b|, over one slice of a vector (a weight, a bias), or all of an output. The bounds,
each with its reason, are in tests/witness/judge.py.

Dropout: PyTorch cannot draw sonde's masks. So sonde is asked for them: a network of the dropout layer alone, under the same
name, seed, step and sample ids, shows on an input of ones what it multiplies with, and PyTorch multiplies with that. That
the masks are as random as they should be is checked by counting.

The witness itself is tried, too: PyTorch's side makes a known mistake (dampened momentum, a biased running variance, ...), one
at a time, and every one must be noticed in both precisions.

Environment: SONDE_BUILD (build folder). Arguments: names of cases to run alone; -v prints the deviations of each case.
"""
import multiprocessing
import os
import sys
import time

try:
    import torch
except ImportError:
    # Debian installs python3-torch for its own interpreter, which need not be the first one in PATH.
    if os.path.exists("/usr/bin/python3") and "SONDE_WITNESS_AGAIN" not in os.environ:
        os.environ["SONDE_WITNESS_AGAIN"] = "1"
        os.execv("/usr/bin/python3", ["/usr/bin/python3", *sys.argv])
    print("skipped: there is no PyTorch (Debian: python3-torch)")
    sys.exit(1 if os.environ.get("CI") == "true" else 77)

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "witness"))
from cases import STEPS, all_cases  # noqa: E402
from judge import PRECISIONS, Disagreement, History, check_masks, judge_history  # noqa: E402
from mistakes import MISTAKES, noticed_mistakes  # noqa: E402


def judge_case(case):
    """Deviations by precision and quantity; complaints; planted mistakes that were noticed."""
    deviations, complaints, noticed = {}, [], 0
    for precision in PRECISIONS:
        try:
            history = History(case, precision)
            check_masks(case, history)
            judge = judge_history(case, precision, history)
        except Disagreement as disagreement:
            complaints.append(str(disagreement))
            continue
        deviations.update({(precision, quantity): value for quantity, value in judge.worst.items()})
        for what, found in noticed_mistakes(case, precision, history):
            noticed += found
            if not found:
                complaints.append(f"{case.name}, {precision}: it goes unnoticed that {what}")
    return case.name, deviations, complaints, noticed


def main(words):
    torch.set_num_threads(1)
    start, verbose, names = time.time(), "-v" in words, [word for word in words if word != "-v"]
    cases = [case for case in all_cases() if not names or case.name in names]
    worst, complaints, noticed = {}, [] if cases else ["there is no such case"], 0
    with multiprocessing.Pool(min(4, len(os.sched_getaffinity(0)))) as pool:
        for name, deviations, more, found in pool.imap(judge_case, cases):
            for key, deviation in deviations.items():
                worst[key] = max(worst.get(key, (0.0, "")), (deviation, name))
            complaints += more
            noticed += found
            if verbose:
                print(f"{name}:", ", ".join(f"{what} {value:.1g}" for (_, what), value in deviations.items()))
    for (precision, quantity), (deviation, name) in sorted(worst.items()):
        print(f"{precision} {quantity:7} deviates by {deviation:.1e} at most ({name})")
    runs = len(PRECISIONS) * len(cases)
    print(f"{runs} runs of {STEPS} steps followed by PyTorch {torch.__version__}: {time.time() - start:.1f} s")
    if not names:
        planted = len(PRECISIONS) * len(MISTAKES)
        print(f"{noticed} of {planted} planted mistakes noticed")
        if noticed != planted and not complaints:
            complaints.append("a planted mistake names a case that does not exist")
    print("\n".join(complaints) or "all agree")
    return 1 if complaints else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
