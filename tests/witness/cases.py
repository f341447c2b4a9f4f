"""What is trained: each layer with each optimizer, each loss, the options of optimizers and schedules."""
import math

import numpy as np

from network import Net, read_layer

STEPS = 50
SEED = 3  # of train.seed, from which sonde draws masks


class Case:
    """One configuration, its initial weights and its batches."""

    def __init__(self, name, input, layers, loss="cross_entropy", classes=4, targets=0, batch=6, epoch_steps=10, **more):
        self.name, self.batch, self.epoch_steps = name, batch, epoch_steps
        self.classes, self.targets = classes if not targets else 0, targets
        self.config = {"model": {"input": input, "layers": layers}, "loss": loss, **more}
        random = np.random.default_rng(abs(hash_text(name)))
        self.x = random.standard_normal([STEPS, batch, *input]).astype(np.float32).astype(np.float64)
        self.ids = random.permutation(STEPS * batch).reshape(STEPS, batch).astype(np.int32)
        count = self.classes or self.targets
        signal = self.x.reshape(STEPS * batch, -1) @ random.standard_normal([math.prod(input), count])
        signal = (signal / math.sqrt(math.prod(input))).reshape(STEPS, batch, count)
        self.y = signal.argmax(2).astype(np.int32) if self.classes else np.tanh(signal).astype(np.float32).astype(np.float64)
        net = self.net()
        self.theta = {name: leaf.numpy().astype(np.float32) for name, leaf in net.theta.items()}
        self.state = {name: leaf.numpy().astype(np.float32) for name, leaf in net.state.items()}
        self.dropouts = net.inputs

    def net(self):
        return Net(self.config, self.classes or self.targets, seed=1)

    def to_files(self, precision):
        """CONFIG and IN of witness.c."""
        config = {**self.config, "train": {"precision": precision, "seed": SEED}}
        inputs = {"x": self.x, **self.theta, **self.state}
        inputs = {name: array.astype(np.float64 if precision == "fp64" else np.float32) for name, array in inputs.items()}
        y = self.y if self.classes else self.y.astype(inputs["x"].dtype)
        numbers = {"classes": self.classes, "targets": self.targets, "epoch_steps": self.epoch_steps}
        inputs.update(y=y, ids=self.ids, **{name: np.array([value], np.int32) for name, value in numbers.items()})
        return config, inputs

    def mask_files(self, name, precision):
        """The dropout layer of that name alone, on ones."""
        layer = next(e for e in self.config["model"]["layers"] if read_layer(e)[0] == "dropout")
        model = {"input": self.dropouts[name], "layers": [{"dropout": {**read_layer(layer)[1], "name": name}}]}
        x = np.ones([STEPS, self.batch, *self.dropouts[name]], np.float64 if precision == "fp64" else np.float32)
        return {"model": model, "train": {"precision": precision, "seed": SEED}}, {"x": x, "ids": self.ids}


def hash_text(text):
    value = 0
    for byte in text.encode():
        value = (value * 131 + byte) % (1 << 31)
    return value


OPTIMIZERS = {
    "sgd": {"sgd": {"lr": 0.1}},
    "momentum": {"momentum": {"lr": 0.02, "momentum": 0.8}},
    "nesterov": {"nesterov": {"lr": 0.02}},
    "adam": {"adam": {"lr": 0.005}},
    "adamw": {"adamw": {"lr": 0.005, "weight_decay": 0.1}},
}

IMAGE = [7, 6, 4]
HEAD = [{"dense": "classes"}]
CONV = {"conv": {"filters": 4, "kernel": 3, "padding": "same"}}

# Each layer, in the smallest network in which weights before it get a gradient through it. tanh has no kinks. No bias stands
# before batch norm: its gradient is zero but for rounding, which Adam divides by its own size, so that no two programs take
# it the same way.
LAYERS = {
    "dense": ([9], [{"dense": 8}, "tanh", {"dense": {"units": 7, "bias": False}}, "tanh", *HEAD]),
    "conv valid": (IMAGE, [{"conv": 5}, "tanh", {"conv": {"filters": 4, "kernel": [3, 2]}}, "tanh", *HEAD]),
    "conv same": (IMAGE, [{"conv": {"filters": 5, "kernel": [4, 3], "padding": "same"}}, "tanh",
                          {"conv": {"filters": 3, "kernel": 2, "padding": "same", "bias": False}}, "tanh", *HEAD]),
    "conv same, stride": (IMAGE, [{"conv": {"filters": 5, "kernel": [3, 4], "padding": "same", "stride": 2}}, "tanh",
                                  {"conv": {"filters": 3, "padding": "same", "stride": [1, 2]}}, "tanh", *HEAD]),
    "conv padding, stride": (IMAGE, [{"conv": {"filters": 5, "kernel": [3, 5], "padding": [1, 2], "stride": [2, 1]}}, "tanh",
                                     {"conv": {"filters": 3, "padding": 2}}, "tanh", *HEAD]),
    "conv dilation": (IMAGE, [{"conv": {"filters": 5, "dilation": [2, 1], "padding": "same"}}, "tanh",
                              {"conv": {"filters": 3, "kernel": 2, "dilation": 3}}, "tanh", *HEAD]),
    "conv groups": (IMAGE, [{"conv": {"filters": 6, "groups": 2}}, "tanh",
                            {"conv": {"filters": 6, "groups": 6, "padding": "same"}}, "tanh", *HEAD]),
    "maxpool": (IMAGE, [CONV, {"maxpool": 2}, CONV, {"maxpool": {"size": [3, 2], "stride": 1, "padding": "same"}},
                        {"maxpool": {"size": 2, "stride": 2, "padding": 1}}, *HEAD]),
    "avgpool": (IMAGE, [CONV, {"avgpool": {"size": 3, "stride": 2, "padding": 1}}, "tanh", CONV,
                        {"avgpool": {"size": [2, 3], "stride": [1, 2], "padding": "same"}}, {"avgpool": [1, 2]}, *HEAD]),
    "global_avgpool": (IMAGE, [CONV, "tanh", {"conv": 6}, "global_avgpool", *HEAD]),
    "flatten": (IMAGE, [CONV, "tanh", "flatten", {"dense": 8}, "tanh", *HEAD]),
    "residual": (IMAGE, [CONV, {"residual": [CONV, "tanh", CONV]},
                         {"residual": {"layers": [{"conv": {"filters": 6, "stride": 2, "padding": "same"}}, "tanh"],
                                       "shortcut": "project"}},
                         {"residual": {"layers": [{"conv": {"filters": 8, "stride": 2, "padding": "same"}}],
                                       "shortcut": "pad"}},
                         {"residual": {"layers": [{"conv": {"filters": 5, "padding": "same"}}],
                                       "shortcut": [{"conv": {"filters": 5, "kernel": 1}}, "tanh"]}}, *HEAD]),
    "add": ([9], [{"dense": 8}, "tanh", {"dense": 8}, "sigmoid", {"dense": {"units": 8, "from": "tanh1"}},
                  {"add": ["previous", "sigmoid1", "tanh1"]}, *HEAD]),
    "concat": (IMAGE, [CONV, "tanh", {"conv": {"filters": 3, "padding": "same"}},
                       {"concat": {"from": ["tanh1", "previous", "input"]}}, "tanh", {"conv": 4}, "global_avgpool", *HEAD]),
    "block": ([9], [{"block": {"name": "stem", "layers": [{"dense": 8}, "tanh", {"dense": 8}]}}, "tanh",
                    {"block": [{"dense": {"units": 6, "name": "last"}}, "tanh"]}, *HEAD]),
    "batch_norm": (IMAGE, [{"conv": {"filters": 5, "bias": False}}, "batch_norm", "tanh",
                           {"dense": {"units": 7, "bias": False}},
                           {"batch_norm": {"momentum": 0.3, "epsilon": 1e-3}}, "tanh", *HEAD]),
    "layer_norm": (IMAGE, [CONV, "layer_norm", "tanh", {"dense": 8}, {"layer_norm": {"epsilon": 1e-2}}, *HEAD]),
    "dropout": ([9], [{"dense": 24}, "tanh", {"dropout": 0.3}, {"dense": 16}, "tanh", *HEAD]),
    "dropout of images": (IMAGE, [CONV, "tanh", {"dropout": {"rate": 0.5, "name": "drop"}}, {"conv": 4}, *HEAD]),
    "sigmoid": ([9], [{"dense": 12}, "sigmoid", {"dense": 8}, "sigmoid", *HEAD]),
    "tanh": ([9], [{"dense": 12}, "tanh", {"dense": 8}, "tanh", *HEAD]),
    "relu": ([9], [{"dense": 12}, "relu", {"dense": 8}, "relu", *HEAD]),
    "leaky": ([9], [{"dense": 12}, "leaky", {"dense": 8}, {"leaky": 0.2}, *HEAD]),
    "threshold": ([9], [{"dense": 12}, {"residual": [{"threshold": 0.25}]}, {"dense": 8}, "threshold", *HEAD]),
    "softplus": ([9], [{"dense": 12}, "softplus", {"dense": 8}, "softplus", *HEAD]),
    "gelu": ([9], [{"dense": 12}, "gelu", {"dense": 8}, "gelu", *HEAD]),
}

SMALL = [{"dense": 10}, "tanh", {"dense": 8}, "tanh"]
LOSSES = {
    "cross_entropy": {},
    "cross_entropy, smoothing": {"loss": {"cross_entropy": {"smoothing": 0.1}}},
    "mse": {"loss": "mse", "targets": 3},
    "mse of labels": {"loss": "mse", "classes": 3},
    "hinge": {"loss": "hinge", "classes": 5},
    "hinge, two classes": {"loss": "hinge", "classes": 2},
    "hinge, one column": {"loss": "hinge", "classes": 2, "units": 1},
    "logistic": {"loss": "logistic", "classes": 3},
    "logistic, one column": {"loss": "logistic", "classes": 2, "units": 1},
    "logistic, real targets": {"loss": "logistic", "targets": 3},
}

SCHEDULES = {
    "constant, warm-up": {"constant": {"warmup": 7}},
    "step every": {"step": {"every": 1.5, "factor": 0.3}},
    "step at, warm-up": {"step": {"at": [1, 2.5, 4], "factor": 0.5, "warmup": 12}},
    "cosine": "cosine",
    "cosine, warm-up, final": {"cosine": {"warmup": 10, "final": 0.1}},
}


def all_cases():
    cases = []
    for layer, (input, layers) in LAYERS.items():
        for optimizer in OPTIMIZERS:
            cases.append(Case(f"{layer} / {optimizer}", input, layers, optimizer=OPTIMIZERS[optimizer]))
    for loss, more in LOSSES.items():
        head = [{"dense": more.pop("units", "classes")}]
        cases.append(Case(f"loss {loss}", [9], SMALL + head, optimizer=OPTIMIZERS["momentum"], **more))
    for kind, ((key, options),) in ((kind, entry.items()) for kind, entry in OPTIMIZERS.items()):
        extras = {
            "default": None,
            "weight decay": {"weight_decay": 0.05},
            "clip norm": {"clip_norm": 1.0},  # some steps are below it
            "clip value": {"clip_value": 0.15},
            "all": {"weight_decay": 0.05, "clip_value": 0.15, "clip_norm": 0.9},
        }
        if kind.startswith("adam"):
            extras["numbers"] = {"beta1": 0.7, "beta2": 0.95, "epsilon": 1e-2}
        else:
            extras["numbers"] = {} if kind == "sgd" else {"momentum": 0.5}
        for extra, more in extras.items():
            optimizer = key if more is None else {key: {**options, **more}}
            cases.append(Case(f"optimizer {kind}, {extra}", [9], SMALL + HEAD, optimizer=optimizer))
    for schedule, entry in SCHEDULES.items():
        cases.append(Case(f"schedule {schedule}", [9], SMALL + HEAD, optimizer=OPTIMIZERS["adam"], schedule=entry))
    cases.append(Case("freeze", IMAGE, [CONV, "batch_norm", "tanh", {"dense": 8}, "tanh", *HEAD],
                      freeze=["conv1", "dense1/bias"],
                      optimizer={"momentum": {"lr": 0.02, "weight_decay": 0.1, "clip_norm": 1.2}}))
    wide = [{"conv": {"filters": 32, "padding": "same", "bias": False}}, "batch_norm", "relu", {"maxpool": 2},
            {"residual": [{"conv": {"filters": 32, "padding": "same", "groups": 2}}, "gelu"]}, {"avgpool": 2},
            {"dense": 64}, "layer_norm", "gelu", {"dropout": 0.2}, *HEAD]
    # Enough channels for the blocked layouts of fast kernels; the others are smaller than a vector.
    cases.append(Case("wide", [8, 8, 16], wide, classes=10, batch=8,
                      optimizer={"nesterov": {"lr": 0.02, "weight_decay": 1e-3}}))
    cases.append(Case("bias before batch_norm", IMAGE, [CONV, "batch_norm", "tanh", *HEAD], optimizer=OPTIMIZERS["momentum"]))
    cases.append(Case("lenet", [12, 12, 1], [{"conv": {"filters": 4, "kernel": 5, "padding": "same"}}, "relu", {"maxpool": 2},
                      {"conv": {"filters": 6, "kernel": 5, "padding": "same"}}, "relu", {"maxpool": 2}, "flatten",
                      {"dense": 32}, "relu", {"dense": 10}], classes=10, batch=8, optimizer={"adam": {"lr": 1e-3}},
                      schedule={"cosine": {"warmup": 10}}))
    return cases
