#!/usr/bin/python3
"""The networks of the benchmark in PyTorch, as a server: one command a line (JSON), one answer a line.

{"do": "open", "model", "task", "batch", "variant", "drop", "drop_seconds"}   builds it, takes the first steps
{"do": "repeat", "seconds", "only"}                                            milliseconds of a step (only: of one number)
{"do": "close"}

Threads of PyTorch come from PEER_THREADS (else as PyTorch chooses); its BLAS from LD_LIBRARY_PATH, OPENBLAS_* from the driver.
"""
import gc
import json
import os
import resource
import sys
import time

import torch
import torch.nn.functional as F
from torch import nn

BATCHES = 4


class Block(nn.Module):
    """A residual block of He et al. 2015 with the shortcut without parameters (option A)."""

    def __init__(self, inner, outer, stride):
        super().__init__()
        self.conv1 = nn.Conv2d(inner, outer, 3, stride, 1, bias=False)
        self.norm1 = nn.BatchNorm2d(outer)
        self.conv2 = nn.Conv2d(outer, outer, 3, 1, 1, bias=False)
        self.norm2 = nn.BatchNorm2d(outer)
        self.stride, self.more = stride, outer - inner

    def forward(self, x):
        y = self.norm2(self.conv2(F.relu(self.norm1(self.conv1(x)), inplace=True)))
        if self.stride != 1 or self.more:
            x = F.pad(x[:, :, :: self.stride, :: self.stride], (0, 0, 0, 0, 0, self.more))
        return F.relu(y + x, inplace=True)


def conv_norm(inner, outer):
    return [nn.Conv2d(inner, outer, 3, 1, 1, bias=False), nn.BatchNorm2d(outer), nn.ReLU(inplace=True)]


def resnet20():
    widths = [16] * 3 + [32] * 3 + [64] * 3
    layers, inner = conv_norm(3, 16), 16
    for outer in widths:
        layers.append(Block(inner, outer, 1 if inner == outer else 2))
        inner = outer
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(64, 10))


def vgg():
    layers, inner = [], 3
    for outer in (64, 128, 256):
        layers += conv_norm(inner, outer) + conv_norm(outer, outer) + [nn.MaxPool2d(2)]
        inner = outer
    return nn.Sequential(*layers, nn.Flatten(), nn.Linear(4 * 4 * 256, 10))


def mlp(*sizes):
    layers = [nn.Flatten()]
    for i, o in zip(sizes, sizes[1:]):
        layers += [nn.Linear(i, o), nn.ReLU(inplace=True)]
    return nn.Sequential(*layers[:-1])


def lenet():
    return nn.Sequential(
        nn.Conv2d(1, 32, 5, padding=2), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(32, 64, 5, padding=2), nn.ReLU(), nn.MaxPool2d(2),
        nn.Flatten(), nn.Linear(7 * 7 * 64, 512), nn.ReLU(), nn.Linear(512, 10))


MODELS = {
    "mlp-small": (lambda: mlp(784, 100, 10), (1, 28, 28), 0.0),
    "mlp": (lambda: mlp(784, 1024, 1024, 10), (1, 28, 28), 0.9),
    "lenet": (lenet, (1, 28, 28), 0.9),
    "vgg": (vgg, (3, 32, 32), 0.9),
    "resnet20": (resnet20, (3, 32, 32), 0.9),
}


def make_train(model, xs, ys, momentum):
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01, momentum=momentum)
    model.train()

    def step(i):
        loss = F.cross_entropy(model(xs[i % BATCHES]), ys[i % BATCHES])
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()
        loss.item()

    return {"ms": step}


def make_infer(model, xs, optimized):
    model.eval()
    with torch.no_grad():
        traced = torch.jit.freeze(torch.jit.trace(model, xs[0]))
        if optimized:
            traced = torch.jit.optimize_for_inference(traced)

    def step(i):
        with torch.no_grad():
            traced(xs[i % BATCHES])

    return {"ms": step}


def make_hvp(model, x, y):
    parameters = list(model.parameters())
    direction = [torch.randn_like(p) for p in parameters]

    def gradients():
        return torch.autograd.grad(F.cross_entropy(model(x), y), parameters, create_graph=True)

    kept = gradients()

    def product(_):
        torch.autograd.grad(gradients(), parameters, direction)

    def gradient(_):
        torch.autograd.grad(F.cross_entropy(model(x), y), parameters)

    def kept_product(_):
        torch.autograd.grad(kept, parameters, direction, retain_graph=True)

    return {"ms": product, "gradient_ms": gradient, "kept_ms": kept_product}


class Server:
    def __init__(self):
        self.steps, self.at = None, 0

    def open(self, c):
        torch.manual_seed(1)
        build, shape, momentum = MODELS[c["model"]]
        model, layout = build(), torch.channels_last if c["variant"] == "channels_last" else torch.contiguous_format
        xs = [torch.randn(c["batch"], *shape).contiguous(memory_format=layout) for _ in range(BATCHES)]
        ys = [torch.randint(10, (c["batch"],)) for _ in range(BATCHES)]
        model = model.to(memory_format=layout)
        if c["task"] == "train":
            self.steps = make_train(model, xs, ys, momentum)
        elif c["task"] == "infer":
            self.steps = make_infer(model, xs, c["variant"] == "optimized")
        else:
            self.steps = make_hvp(model, xs[0], ys[0])
        dropped, start = 0, time.perf_counter()
        while dropped < 1 or (dropped < c["drop"] and time.perf_counter() - start < c["drop_seconds"]):
            self.steps["ms"](dropped)
            dropped += 1
        return {"dropped": dropped, "parameters": sum(p.numel() for p in model.parameters()),
                "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024e-6}

    def mean(self, step, seconds):
        steps, group, start = 0, 1, time.perf_counter()
        while True:
            for _ in range(group):
                step(self.at)
                self.at += 1
            steps += group
            spent = time.perf_counter() - start
            if spent >= seconds:
                return 1e3 * spent / steps
            if spent * 20 < seconds:
                group *= 2

    def repeat(self, c):
        return {name: self.mean(step, c["seconds"]) for name, step in self.steps.items() if c.get("only", name) == name}

    def close(self, _):
        self.steps = None
        gc.collect()
        return {}


def main():
    if os.environ.get("PEER_THREADS"):
        torch.set_num_threads(int(os.environ["PEER_THREADS"]))
    server = Server()
    with open("/proc/self/maps") as maps:
        blas = {line.split()[-1] for line in maps if "blas" in line.split()[-1]}
    print(json.dumps({"torch": torch.__version__, "threads": torch.get_num_threads(), "blas": sorted(blas)}), flush=True)
    for line in sys.stdin:
        command = json.loads(line)
        print(json.dumps(getattr(server, command["do"])(command)), flush=True)


if __name__ == "__main__":
    main()
