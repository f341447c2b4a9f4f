"""Runs sonde on a case, lets PyTorch follow, and compares."""
import json
import math
import os
import subprocess
import tempfile

import numpy as np
import torch

from cases import STEPS
from network import read_layer
from tensors import read_tensors, write_tensors
from twin import Twin

PRECISIONS = ("fp64", "fp32")

# The bounds. The worst deviations that occur are printed at the end; those of fp32 stay below the bound by a factor of 3 or
# more, for other CPUs sum in another order.
TOLERANCE = {
    "fp64": {"all": 1e-9},
    "fp32": {
        "output": 5e-6,  # tens of roundings (6e-8 each), and cancellation in the sums
        "eval": 5e-6,
        "losses": 5e-5,  # a margin or a logarithm near zero keeps the absolute error of the output
        "loss": 5e-5,
        "grad": 1e-4,  # backwards through all layers; what cancels to nothing counts by FLOOR, which adds two digits
        "norm": 1e-6,  # of one and the same gradient; PyTorch sums in fp32
        "theta": 1e-6,  # one update by one and the same gradient: a few roundings
        "moment": 1e-5,  # the same, summed up over up to 50 steps with decay
        "state": 2e-6,  # one step towards the batch's statistics
        "end": 2e-3,  # weights after 50 steps of their own: all that, amplified by the training
    },
}
# A slice whose gradient is zero but for rounding (a bias before batch norm) has no size of its own: it counts as so much of the
# largest.
FLOOR = {"fp64": 1e-5, "fp32": 3e-2}
# Closer than this (of the largest element) to a kink of a ReLU or a maximum, fp32 cannot say on which side a number is:
# output, loss and gradient of such a step are left out.
KINK = 2e-6
MOST_KINKS = 10  # of the steps of a case


class Disagreement(Exception):
    """sonde and PyTorch do not say the same."""


# ---- sonde's side --------------------------------------------------------------------------------------------------------


def program():
    build = os.environ.get("SONDE_BUILD", os.path.join(os.path.dirname(__file__), "..", "build"))
    return os.path.join(build, "tests", "witness")


def run_sonde(config, inputs, precision):
    """What witness.c writes."""
    environment = {**os.environ, "SONDE_KERNELS": "reference" if precision == "fp64" else ""}
    with tempfile.TemporaryDirectory() as folder:
        paths = [os.path.join(folder, name) for name in ("config.yaml", "in.safetensors", "out.safetensors")]
        with open(paths[0], "w") as file:
            json.dump(config, file)  # JSON is YAML, too
        write_tensors(paths[1], inputs)
        done = subprocess.run([program(), *paths], env=environment, capture_output=True, text=True)
        if done.returncode:
            raise Disagreement(f"{precision}, exit status {done.returncode} for {json.dumps(config)}: {done.stderr}")
        return read_tensors(paths[2])


class History:
    """A run of sonde, its vectors cut into named slices."""

    def __init__(self, case, precision):
        self.tensors, notes = run_sonde(*case.to_files(precision), precision)
        self.masks = {name: run_sonde(*case.mask_files(name, precision), precision)[0]["output"] for name in case.dropouts}
        self.layout = {}
        for vector, leaves in ("theta", case.theta), ("state", case.state):
            rows = [row.split() for row in notes[vector].splitlines()]
            if {name for name, _ in rows} != set(leaves):
                raise Disagreement(f"{case.name}: sonde's {vector} has {sorted(n for n, _ in rows)}, not {sorted(leaves)}")
            if any((decayed == "decayed") != Twin.is_decayed(name) for name, decayed in rows):
                raise Disagreement(f"{case.name}: other slices are decayed: {rows}")
            ends = np.cumsum([0] + [leaves[name].size for name, _ in rows])
            self.layout[vector] = [(name, begin, leaves[name].shape) for (name, _), begin in zip(rows, ends)]

    def slices(self, tensor, step, vector="theta"):
        """Names to arrays: row `step` of a tensor that has the layout of `vector`."""
        if not self.layout[vector]:
            return {}
        data = self.tensors[tensor][step]
        return {name: data[begin : begin + math.prod(shape)].reshape(shape) for name, begin, shape in self.layout[vector]}


# ---- comparing -----------------------------------------------------------------------------------------------------------


class Judge:
    """Compares, keeps the worst deviation of each quantity, and complains about the first that is too large."""

    def __init__(self, case, precision):
        self.case, self.precision, self.worst = case, precision, {}

    def tolerance(self, quantity):
        table = TOLERANCE[self.precision]
        return table.get(quantity) or table["all"]

    def look(self, quantity, step, ours, theirs, floor=0.0, label=None):
        theirs = theirs.detach().numpy() if isinstance(theirs, torch.Tensor) else np.asarray(theirs)
        if np.shape(ours) != np.shape(theirs):
            raise Disagreement(f"{self.case.name}: shape of {label or quantity}: {np.shape(ours)}, PyTorch {np.shape(theirs)}")
        size = max(float(np.abs(theirs).max(initial=0)), floor)
        apart = float(np.abs(ours.astype(np.float64) - theirs).max(initial=0))
        deviation = 0.0 if apart == 0 else apart / size if size > 0 else math.inf
        self.worst[quantity] = max(self.worst.get(quantity, 0.0), deviation)
        if not deviation <= self.tolerance(quantity):
            where = f"{self.case.name}, {self.precision}, step {step}, {label or quantity}"
            at = np.unravel_index(int(np.abs(ours - theirs).argmax()), np.shape(theirs)) if np.ndim(theirs) else ()
            raise Disagreement(f"{where}: deviates by {deviation:.2g} of its size, allowed {self.tolerance(quantity):.2g}; at "
                               f"{list(map(int, at))} sonde has {np.asarray(ours)[at]!r}, PyTorch {theirs[at]!r}")

    def look_slices(self, quantity, step, ours, theirs, floor=0.0):
        largest = max([float(v.detach().abs().max()) for v in theirs.values()], default=0.0)
        for name, value in theirs.items():
            self.look(quantity, step, ours[name], value, floor * largest, f"{quantity} of {name}")


def batches(case, dtype):
    x = torch.tensor(case.x, dtype=dtype)
    y = torch.tensor(case.y, dtype=torch.int64 if case.classes else dtype)
    return [{"x": x[step], "y": y[step]} for step in range(STEPS)]


def masks_of(history, step):
    return {name: torch.tensor(mask[step]) for name, mask in history.masks.items()}


def check_forward(judge, history, step, made):
    for quantity in ("output", "losses", "loss"):
        judge.look(quantity, step, history.tensors[quantity][step], made[quantity])
    judge.look_slices("grad", step, history.slices("grad", step), made["grad"], FLOOR[judge.precision])


def check_update(judge, history, step, twin, norm):
    floor = FLOOR[judge.precision]
    judge.look("norm", step, history.tensors["norm"][step], norm)
    judge.look_slices("theta", step, history.slices("theta", step + 1), twin.net.theta)
    for name, vector in twin.moments().items():
        judge.look_slices("moment", step, history.slices(name, step + 1), vector, floor)


def check_states(judge, history, step, twin, batch):
    judge.look_slices("state", step, history.slices("state", step + 1, "state"), twin.net.state)
    output = twin.evaluate(batch)
    if judge.precision == "fp64" or twin.net.kink >= KINK:
        judge.look("eval", step, history.tensors["eval"][step], output)


def follow(judge, twin, history):
    """Each on its own trajectory, from the same start."""
    twin.set(history.slices("theta", 0), history.slices("state", 0, "state"))
    for step, batch in enumerate(batches(twin.case, twin.dtype)):
        made = twin.forward(batch, masks_of(history, step))
        check_forward(judge, history, step, made)
        check_update(judge, history, step, twin, twin.update(step))
        check_states(judge, history, step, twin, batch)


def step_by_step(judge, twin, history):
    """Each step from sonde's numbers before it. Returns how many steps stood on a kink."""
    kinks = 0
    for step, batch in enumerate(batches(twin.case, twin.dtype)):
        twin.set(history.slices("theta", step), history.slices("state", step, "state"))
        made = twin.forward(batch, masks_of(history, step))
        if twin.net.kink < KINK:
            kinks += 1
        else:
            check_forward(judge, history, step, made)
        twin.use_gradient(history.slices("grad", step))
        check_update(judge, history, step, twin, twin.update(step))
        twin.set(history.slices("theta", step + 1), {})
        check_states(judge, history, step, twin, batch)
    return kinks


def compare_ends(judge, twin, history):
    twin.set(history.slices("theta", 0), history.slices("state", 0, "state"))
    for step, batch in enumerate(batches(twin.case, twin.dtype)):
        twin.forward(batch, masks_of(history, step))
        twin.update(step)
    judge.look_slices("end", STEPS, history.slices("theta", STEPS), twin.net.theta, floor=0.1)


def check_rates(case, twin, history):
    if not np.allclose(history.tensors["lr"], twin.rates, rtol=1e-12, atol=1e-18):
        raise Disagreement(f"{case.name}: the learning rates are {history.tensors['lr'].tolist()}, PyTorch's {twin.rates}")


def check_clipping(case, twin, history):
    """A limit that nothing exceeds, or everything, would show nothing."""
    for limit, sizes in ("clip_norm", history.tensors["norm"]), ("clip_value", np.abs(history.tensors["grad"])):
        if limit in twin.options and not sizes.min() < twin.options[limit] < sizes.max():
            raise Disagreement(f"{case.name}: {limit} is {twin.options[limit]}, sizes go from {sizes.min()} to {sizes.max()}")


def judge_history(case, precision, history):
    """All that is compared in one precision; returns the judge."""
    judge = Judge(case, precision)
    dtype = torch.float64 if precision == "fp64" else torch.float32
    twin = Twin(case, case.net(), dtype)
    check_rates(case, twin, history)
    check_clipping(case, twin, history)
    if precision == "fp64":
        follow(judge, twin, history)
        return judge
    kinks = step_by_step(judge, twin, history)
    if kinks > MOST_KINKS:
        raise Disagreement(f"{case.name}: {kinks} of {STEPS} steps stand on a kink; this case shows nothing")
    compare_ends(judge, Twin(case, case.net(), dtype), history)
    return judge


def check_masks(case, history):
    """Kept elements are scaled by 1 / (1 - rate); as many are dropped as the rate says; steps, samples and elements differ."""
    for name, mask in history.masks.items():
        rate = next(read_layer(e)[1]["rate"] for e in case.config["model"]["layers"] if read_layer(e)[0] == "dropout")
        kept = mask != 0
        if not np.allclose(mask[kept], 1 / (1 - rate), rtol=1e-6):
            raise Disagreement(f"{case.name}: dropout scales by {np.unique(mask)}, not by {1 / (1 - rate)}")
        flat = kept.reshape(STEPS * case.batch, -1)
        for axis, what in (None, "all"), (0, "an element"), (1, "a sample"):
            share, n = np.mean(flat, axis), flat.size if axis is None else flat.shape[axis]
            if np.abs(share - (1 - rate)).max() > 6 * math.sqrt(rate * (1 - rate) / n):  # six standard deviations
                raise Disagreement(f"{case.name}: dropout keeps {share} of {what}, not {1 - rate}")
        if len(np.unique(flat, axis=0)) < 0.9 * len(flat) and flat.shape[1] > 15:
            raise Disagreement(f"{case.name}: dropout draws the same masks again")
