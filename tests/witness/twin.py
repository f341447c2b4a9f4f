"""Losses, gradients, clipping, updates and learning rates, by PyTorch."""
import math

import torch

from cases import STEPS


def named(config, key, default):
    """"adam", {adam: {...}}, or nothing."""
    value = config.get(key, default)
    return (value, {}) if isinstance(value, str) else next(iter(value.items()))


class Twin:
    """A network and its optimizer: what PyTorch makes of a configuration."""

    def __init__(self, case, net, dtype):
        self.case, self.net, self.dtype = case, net, dtype
        self.kind, self.options = named(case.config, "optimizer", "sgd")
        self.rates = torch_rates(case.config, self.base_rate(), case.epoch_steps)
        self.optimizer = None

    def base_rate(self):
        return self.options.get("lr", 1e-3 if self.kind.startswith("adam") else 1e-2)

    def set(self, theta, state):
        """Goes on from these weights; moments stay what they are."""
        if not self.optimizer:
            self.net.set(theta, state, self.dtype, self.case.config.get("freeze", ()))
            self.optimizer = self.make_optimizer(*self.groups())
            return
        with torch.no_grad():
            for name, value in theta.items():
                self.net.theta[name].copy_(torch.from_numpy(value))
            for name, value in state.items():
                self.net.state[name].copy_(torch.from_numpy(value))

    def groups(self):
        """Weight decay is for weights, not for biases and norms."""
        decay = self.options.get("weight_decay", 0.01 if self.kind == "adamw" else 0)
        trained = {name: leaf for name, leaf in self.net.theta.items() if leaf.requires_grad}
        decayed = [leaf for name, leaf in trained.items() if self.is_decayed(name)]
        others = [leaf for name, leaf in trained.items() if not self.is_decayed(name)]
        return [{"params": decayed, "weight_decay": decay}, {"params": others, "weight_decay": 0}], self.base_rate()

    @staticmethod
    def is_decayed(name):
        return name.endswith("/weight")

    def make_optimizer(self, groups, lr):
        o = self.options
        if self.kind.startswith("adam"):
            adam = torch.optim.Adam if self.kind == "adam" else torch.optim.AdamW
            return adam(groups, lr, betas=(o.get("beta1", 0.9), o.get("beta2", 0.999)), eps=o.get("epsilon", 1e-8))
        momentum = 0 if self.kind == "sgd" else o.get("momentum", 0.9)
        return torch.optim.SGD(groups, lr, momentum=momentum, nesterov=self.kind == "nesterov")

    def forward(self, batch, masks):
        """Loss and gradient; the states go on, too."""
        self.net.masks = masks
        self.optimizer.zero_grad(set_to_none=True)
        output = self.net.forward(batch["x"], train=True)
        losses = self.net.losses(output, batch["y"])
        loss = losses.mean()
        loss.backward()
        leaves = self.net.theta.items()
        grad = {name: torch.zeros_like(leaf) if leaf.grad is None else leaf.grad.clone() for name, leaf in leaves}
        return {"output": output, "losses": losses, "loss": loss, "grad": grad}

    def use_gradient(self, grad):
        for name, leaf in self.net.theta.items():
            if leaf.requires_grad:
                leaf.grad = torch.tensor(grad[name])

    def update(self, step):
        """Clips and steps; returns the gradient's norm."""
        leaves = [leaf for leaf in self.net.theta.values() if leaf.grad is not None]
        norm = self.clip(leaves)
        for group in self.optimizer.param_groups:
            group["lr"] = self.rates[step]
        self.optimizer.step()
        return norm

    def clip(self, leaves):
        if "clip_value" in self.options:
            torch.nn.utils.clip_grad_value_(leaves, self.options["clip_value"])
        return torch.nn.utils.clip_grad_norm_(leaves, self.options.get("clip_norm", math.inf))

    def moments(self):
        """By sonde's names."""
        keys = {"sgd": {}, "momentum": {"momentum": "momentum_buffer"}, "adam": {"adam/m": "exp_avg", "adam/v": "exp_avg_sq"}}
        keys["nesterov"], keys["adamw"] = keys["momentum"], keys["adam"]
        found = {}
        for ours, theirs in keys[self.kind].items():
            vectors = {name: self.optimizer.state.get(leaf, {}).get(theirs) for name, leaf in self.net.theta.items()}
            found[ours] = {n: torch.zeros_like(self.net.theta[n]) if v is None else v for n, v in vectors.items()}
        return found

    def evaluate(self, batch):
        with torch.no_grad():
            return self.net.forward(batch["x"], train=False)


def torch_rates(config, lr, epoch_steps):
    """The learning rates of all steps, by PyTorch's schedulers."""
    kind, o = named(config, "schedule", "constant")
    S = torch.optim.lr_scheduler
    optimizer = torch.optim.SGD([torch.zeros(1)], lr)
    warmup = o.get("warmup", 0)
    ramp = S.LinearLR(optimizer, 1 / warmup, 1.0, warmup - 1) if warmup > 1 else None
    if kind == "step" and "every" in o:
        main = S.StepLR(optimizer, round(o["every"] * epoch_steps), o.get("factor", 0.1))
    elif kind == "step":
        main = S.MultiStepLR(optimizer, [math.ceil(e * epoch_steps) for e in o["at"]], o.get("factor", 0.1))
    elif kind == "cosine":
        # It has no closed form of its own for a late start, so it runs on an optimizer of its own, behind the ramp.
        optimizer_late = torch.optim.SGD([torch.zeros(1)], lr)
        late = S.CosineAnnealingLR(optimizer_late, STEPS - 1 - warmup, o.get("final", 0) * lr)
        rates = [] if ramp is None else run_scheduler(optimizer, ramp, warmup)
        return rates + run_scheduler(optimizer_late, late, STEPS - len(rates))
    else:
        main = S.ConstantLR(optimizer, 1.0)
    return run_scheduler(optimizer, main if ramp is None else S.ChainedScheduler([ramp, main]), STEPS)


def run_scheduler(optimizer, scheduler, steps):
    rates = []
    for _ in range(steps):
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        scheduler.step()
    return rates
