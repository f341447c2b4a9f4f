"""PyTorch's side makes a known mistake, one at a time: the witness must notice each, in both precisions."""
import math
from unittest import mock

import torch
import torch.nn.functional as F

import judge
import twin
from network import Net
from twin import Twin


class WrongAdam(torch.optim.Optimizer):
    """Adam written out, so that it can be written wrongly."""

    def __init__(self, groups, lr, betas, eps, inside=False, corrected=True):
        super().__init__(groups, dict(lr=lr))
        self.betas, self.eps, self.inside, self.corrected, self.steps = betas, eps, inside, corrected, 0

    @torch.no_grad()
    def step(self):
        self.steps += 1
        fix1, fix2 = (1 - beta**self.steps if self.corrected else 1 for beta in self.betas)
        for group in self.param_groups:
            for p in group["params"]:
                state = self.state[p]
                m, v = (state.setdefault(key, torch.zeros_like(p)) for key in ("exp_avg", "exp_avg_sq"))
                m.mul_(self.betas[0]).add_(p.grad, alpha=1 - self.betas[0])
                v.mul_(self.betas[1]).addcmul_(p.grad, p.grad, value=1 - self.betas[1])
                root = (v / fix2 + self.eps).sqrt() if self.inside else (v / fix2).sqrt() + self.eps
                p.sub_(m / fix1 / root, alpha=group["lr"])


def sgd(**wrong):
    return lambda self, groups, lr: torch.optim.SGD(groups, lr, **wrong)


def wrong_adam(kind, **wrong):
    def make(self, groups, lr):
        o = self.options
        return kind(groups, lr, betas=(o.get("beta1", 0.9), o.get("beta2", 0.999)), eps=o.get("epsilon", 1e-8), **wrong)

    return make


def norm_before_value(self, leaves):
    norm = torch.nn.utils.clip_grad_norm_(leaves, self.options["clip_norm"])
    torch.nn.utils.clip_grad_value_(leaves, self.options["clip_value"])
    return norm


def norm_without_limit(self, leaves):
    return torch.nn.utils.clip_grad_norm_(leaves, math.inf)


def norm_always_scaled(self, leaves):
    norm = torch.nn.utils.clip_grad_norm_(leaves, math.inf)
    for leaf in leaves:
        leaf.grad.mul_(self.options["clip_norm"] / (norm + 1e-6))
    return norm


def biased_variance(net, x, mean, variance, scale, offset, momentum, epsilon):
    n, after = x.numel() // x.shape[1], variance.clone()
    y = F.batch_norm(x, mean, after, scale, offset, net.train, momentum, epsilon)
    if net.train:
        kept = (1 - momentum) * variance
        variance.copy_(kept + (after - kept) * (n - 1) / n)
    return y


def turned_momentum(net, x, mean, variance, scale, offset, momentum, epsilon):
    return F.batch_norm(x, mean, variance, scale, offset, net.train, 1 - momentum, epsilon)


def eval_by_batch(net, x, mean, variance, scale, offset, momentum, epsilon):
    return F.batch_norm(x, *((mean, variance) if net.train else (None, None)), scale, offset, True, momentum, epsilon)


def epsilon_outside(net, x, mean, variance, scale, offset, momentum, epsilon):
    with torch.no_grad():
        F.batch_norm(x, mean, variance, scale, offset, net.train, momentum, epsilon)
    shape, axes = [1, -1, *[1] * (x.dim() - 2)], [0, *range(2, x.dim())]
    middle, spread = (x.mean(axes), x.var(axes, unbiased=False)) if net.train else (mean, variance)
    middle, spread, scale, offset = (vector.reshape(shape) for vector in (middle, spread, scale, offset))
    return (x - middle) / (spread.sqrt() + epsilon) * scale + offset


def unbiased_layer_norm(net, x, o, name):
    size = x.shape[-1]
    scale, offset = net.leaf(name + "/scale", (size,), 1.0), net.leaf(name + "/offset", (size,))
    return (x - x.mean(-1, keepdim=True)) / (x.var(-1, keepdim=True) + o.get("epsilon", 1e-5)).sqrt() * scale + offset


right_split, right_conv, right_forward, right_rates = Net.split_same, Net.conv, Twin.forward, twin.torch_rates


def odd_zero_first(length, size, stride, dilation):
    return right_split(length, size, stride, dilation)[::-1]


def smoothing_of_wrong_classes(net, z, y, o):
    smooth, logs = o.get("smoothing", 0.0), F.log_softmax(z, 1)
    target = F.one_hot(y, z.shape[1]).to(z.dtype)
    return -(logs * ((1 - smooth) * target + smooth / (z.shape[1] - 1) * (1 - target))).sum(1)


def hinge_of_all(net, z, y, o):
    return z.shape[1] * F.multi_margin_loss(z, y, reduction="none")


def unscaled_dropout(net, x, o, name):
    net.inputs[name] = list(x.shape[1:])
    return x * (net.masks[name] != 0) if net.train else x


def late_dropout(net, x, o, name):
    """The masks of the sample before."""
    net.inputs[name] = list(x.shape[1:])
    return x * net.masks[name].roll(1, 0) if net.train else x


def transposed_filters(net, x, o, name):
    return right_conv(net, x.flip(1), o, name).flip(1)


def gradient_with(change):
    def forward(self, batch, masks):
        made = right_forward(self, batch, masks)
        with torch.no_grad():
            for name, leaf in self.net.theta.items():
                change(made["grad"][name])
                leaf.grad.copy_(made["grad"][name])
        return made

    return forward


def one_element(grad):
    grad.view(-1)[-1] += 1e-3 * grad.abs().max()


def late_rates(config, lr, epoch_steps):
    return [lr, *right_rates(config, lr, epoch_steps)[:-1]]


def ramp_from_zero(config, lr, epoch_steps):
    return [0.0, *right_rates(config, lr, epoch_steps)[1:]]


MISTAKES = [  # what, case, owner, attribute, in its place
    ("momentum is dampened", "tanh / momentum", Twin, "make_optimizer", sgd(momentum=0.8, dampening=0.1)),
    ("nesterov does not look ahead", "tanh / nesterov", Twin, "make_optimizer", sgd(momentum=0.9)),
    ("momentum looks ahead", "tanh / momentum", Twin, "make_optimizer", sgd(momentum=0.8, nesterov=True)),
    ("adam's epsilon is inside the root", "optimizer adam, numbers", Twin, "make_optimizer",
     wrong_adam(WrongAdam, inside=True)),
    ("adam's moments are not corrected", "tanh / adam", Twin, "make_optimizer", wrong_adam(WrongAdam, corrected=False)),
    ("adamw decays through the gradient", "tanh / adamw", Twin, "make_optimizer", wrong_adam(torch.optim.Adam)),
    ("adam decays beside the gradient", "optimizer adam, weight decay", Twin, "make_optimizer", wrong_adam(torch.optim.AdamW)),
    ("biases are decayed", "optimizer sgd, weight decay", Twin, "is_decayed", staticmethod(lambda name: True)),
    ("the norm is clipped before the values", "optimizer sgd, all", Twin, "clip", norm_before_value),
    ("the norm is not clipped", "optimizer nesterov, clip norm", Twin, "clip", norm_without_limit),
    ("small gradients are scaled up to the norm", "optimizer adamw, clip norm", Twin, "clip", norm_always_scaled),
    ("the running variance is biased", "batch_norm / sgd", Net, "normalise", biased_variance),
    ("running statistics take 1 - momentum", "batch_norm / sgd", Net, "normalise", turned_momentum),
    ("batch norm's eval uses the batch", "batch_norm / sgd", Net, "normalise", eval_by_batch),
    ("batch norm's epsilon is outside the root", "batch_norm / sgd", Net, "normalise", epsilon_outside),
    ("layer norm's variance is unbiased", "layer_norm / sgd", Net, "layer_norm", unbiased_layer_norm),
    ("the border counts in a mean", "avgpool / sgd", Net, "count_border", True),
    ("conv: the odd zero is above and left", "conv same / sgd", Net, "split_same", staticmethod(odd_zero_first)),
    ("maxpool: the odd row is above and left", "maxpool / sgd", Net, "split_same", staticmethod(odd_zero_first)),
    ("filters are turned upside down", "conv valid / sgd", Net, "conv", transposed_filters),
    ("smoothing spares the label", "loss cross_entropy, smoothing", Net, "loss_cross_entropy", smoothing_of_wrong_classes),
    ("hinge adds up the wrong classes", "loss hinge", Net, "loss_hinge", hinge_of_all),
    ("mse is summed over the columns", "loss mse", Net, "loss_mse", lambda net, z, y, o: ((z - y) ** 2).sum(1)),
    ("gelu is approximated by tanh", "gelu / sgd", Net, "gelu", lambda net, x, o, name: F.gelu(x, approximate="tanh")),
    ("dropout does not scale", "dropout / sgd", Net, "dropout", unscaled_dropout),
    ("dropout draws for another sample", "dropout / sgd", Net, "dropout", late_dropout),
    ("a gradient is 0.1 % too large", "dense / adam", Twin, "forward", gradient_with(lambda grad: grad.mul_(1.001))),
    ("the last element of a gradient is off", "conv groups / sgd", Twin, "forward", gradient_with(one_element)),
    ("a schedule is a step late", "schedule cosine", twin, "torch_rates", late_rates),
    ("the first step has no rate", "schedule constant, warm-up", twin, "torch_rates", ramp_from_zero),
]


def noticed_mistakes(case, precision, history):
    """For each mistake in this case: what it is, and whether the judge complains."""
    for what, name, owner, attribute, wrong in MISTAKES:
        if name != case.name:
            continue
        with mock.patch.object(owner, attribute, wrong):
            try:
                judge.judge_history(case, precision, history)
                yield what, False
            except judge.Disagreement:
                yield what, True
