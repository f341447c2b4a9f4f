"""The networks of sonde's YAML files, built of PyTorch's functions."""
import math

import numpy as np
import torch
import torch.nn.functional as F


def nchw(x):
    return x.permute(0, 3, 1, 2)


def nhwc(x):
    return x.permute(0, 2, 3, 1)


def pair(value):
    return list(value) if isinstance(value, (list, tuple)) else [value, value]


FIRST = {"dense": "units", "conv": "filters", "maxpool": "size", "avgpool": "size", "leaky": "slope", "threshold": "at"}
FIRST.update(dropout="rate", add="from", concat="from", block="layers", residual="layers")


def read_layer(entry):
    """Kind and options of an element of `layers`."""
    if isinstance(entry, str):
        return entry, {}
    ((kind, value),) = entry.items()
    return kind, value if isinstance(value, dict) else {FIRST[kind]: value}


class Net:
    """The network of a configuration. Images are NHWC and filters HWIO, as in sonde; PyTorch gets them turned."""

    def __init__(self, config, columns, seed):
        self.config = config
        self.columns = columns  # what `units: classes` means
        self.random = np.random.default_rng(seed)
        self.theta, self.state = {}, {}  # names to tensors: filled by the first run
        self.masks = {}
        self.inputs = {}  # of the dropout layers: shapes
        self.forward(torch.zeros([2, *config["model"]["input"]], dtype=torch.float64), train=False)

    def set(self, theta, state, dtype, frozen=()):
        """Weights and states to go on from."""
        for name, value in theta.items():
            self.theta[name] = torch.tensor(value, dtype=dtype, requires_grad=not name.startswith(tuple(frozen)))
        for name, value in state.items():
            self.state[name] = torch.tensor(value, dtype=dtype)

    def forward(self, x, train):
        self.kink = math.inf
        self.count, self.result, self.train = {}, {"input": x}, train
        return self.layers(self.config["model"]["layers"], x, "")

    def layers(self, entries, x, scope):
        for entry in entries:
            kind, options = read_layer(entry)
            ordinal = self.ordinal(scope, kind)  # named layers count, too
            name = options.get("name", ordinal)
            sources = options.get("from")
            if kind in ("add", "concat"):
                x = [x if source == "previous" else self.result[self.find(scope, source)] for source in sources]
            elif sources:
                x = self.result[self.find(scope, sources)]
            x = self.result[scope + name] = getattr(self, kind)(x, options, scope + name)
        return x

    def ordinal(self, scope, kind):
        self.count[scope, kind] = self.count.get((scope, kind), 0) + 1
        return f"{kind}{self.count[scope, kind]}"

    def find(self, scope, name):
        return scope + name if scope + name in self.result else name

    def leaf(self, name, shape, middle=0.0, spread=0.1, state=False):
        """A parameter, drawn when it is first asked for; none starts at 0 or 1, so that all matter."""
        leaves = self.state if state else self.theta
        if name not in leaves:
            leaves[name] = torch.tensor(middle + spread * self.random.standard_normal(shape))
        return leaves[name]

    def near_kink(self, distance, x):
        """Exact ties are none: they are zeros from a ReLU, through which nothing flows."""
        apart = distance.detach()[distance.detach() > 0]
        if apart.numel():
            self.kink = min(self.kink, float(apart.min() / x.detach().abs().max()))

    # -- linear

    def dense(self, x, o, name):
        x = x.reshape(len(x), -1)
        units = self.columns if o["units"] == "classes" else o["units"]
        w = self.leaf(name + "/weight", (x.shape[1], units), spread=1 / math.sqrt(x.shape[1]))
        return F.linear(x, w.T, self.leaf(name + "/bias", (units,)) if o.get("bias", True) else None)

    def conv(self, x, o, name):
        size, stride, dilation = pair(o.get("kernel", 3)), pair(o.get("stride", 1)), pair(o.get("dilation", 1))
        groups, channels = o.get("groups", 1), x.shape[3]
        shape = (*size, channels // groups, o["filters"])
        w = self.leaf(name + "/weight", shape, spread=1 / math.sqrt(math.prod(shape[:3])))
        b = self.leaf(name + "/bias", (o["filters"],)) if o.get("bias", True) else None
        x = F.pad(nchw(x), self.border(o, x.shape[1:3], size, stride, dilation))
        return nhwc(F.conv2d(x, w.permute(3, 2, 0, 1), b, stride=stride, dilation=dilation, groups=groups))

    # -- windows

    def border(self, o, image, size, stride, dilation=(1, 1)):
        """left, right, top, bottom"""
        padding = o.get("padding", "valid")
        if padding == "valid":
            return [0, 0, 0, 0]
        if padding != "same":
            rows, columns = pair(padding)
            return [columns, columns, rows, rows]
        rows, columns = (self.split_same(image[i], size[i], stride[i], dilation[i]) for i in range(2))
        return [*columns, *rows]

    @staticmethod
    def split_same(length, size, stride, dilation):
        total = max((math.ceil(length / stride) - 1) * stride + (size - 1) * dilation + 1 - length, 0)
        return total // 2, total - total // 2

    def window(self, x, o):
        size = pair(o.get("size", 2))
        stride = pair(o.get("stride", size))
        return size, stride, self.border(o, x.shape[1:3], size, stride)

    def maxpool(self, x, o, name):
        size, stride, border = self.window(x, o)
        padded = F.pad(nchw(x), border, value=-math.inf)
        flat = F.unfold(padded.flatten(0, 1).unsqueeze(1), size, stride=stride)
        if flat.shape[1] > 1:
            first, second = flat.detach().topk(2, dim=1).values.unbind(1)
            self.near_kink(first - second, x)
        return nhwc(F.max_pool2d(padded, size, stride))

    def avgpool(self, x, o, name):
        size, stride, border = self.window(x, o)
        if border[0] == border[1] and border[2] == border[3]:
            padding = [border[2], border[0]]
            return nhwc(F.avg_pool2d(nchw(x), size, stride, padding=padding, count_include_pad=self.count_border))
        inside = F.pad(torch.ones_like(nchw(x)), border, value=float(self.count_border))
        return nhwc(F.avg_pool2d(F.pad(nchw(x), border), size, stride) / F.avg_pool2d(inside, size, stride))

    count_border = False

    def global_avgpool(self, x, o, name):
        return F.adaptive_avg_pool2d(nchw(x), 1).flatten(1)

    def flatten(self, x, o, name):
        return x.flatten(1)

    # -- norms, dropout

    def batch_norm(self, x, o, name):
        size = x.shape[-1]
        scale, offset = self.leaf(name + "/scale", (size,), 1.0), self.leaf(name + "/offset", (size,))
        mean, variance = self.leaf(name + "/mean", (size,), state=True), self.leaf(name + "/variance", (size,), 1.0, state=True)
        turned = nchw(x) if x.dim() == 4 else x
        y = self.normalise(turned, mean, variance, scale, offset, o.get("momentum", 0.1), o.get("epsilon", 1e-5))
        return nhwc(y) if x.dim() == 4 else y

    def normalise(self, x, mean, variance, scale, offset, momentum, epsilon):
        """Changes mean and variance in training."""
        return F.batch_norm(x, mean, variance, scale, offset, self.train, momentum, epsilon)

    def layer_norm(self, x, o, name):
        size = x.shape[-1]
        scale, offset = self.leaf(name + "/scale", (size,), 1.0), self.leaf(name + "/offset", (size,))
        return F.layer_norm(x, (size,), scale, offset, o.get("epsilon", 1e-5))

    def dropout(self, x, o, name):
        self.inputs[name] = list(x.shape[1:])
        return x * self.masks[name] if self.train else x

    # -- activations

    def sigmoid(self, x, o, name):
        return torch.sigmoid(x)

    def tanh(self, x, o, name):
        return torch.tanh(x)

    def relu(self, x, o, name):
        self.near_kink(x.abs(), x)
        return F.relu(x)

    def leaky(self, x, o, name):
        self.near_kink(x.abs(), x)
        return F.leaky_relu(x, o.get("slope", 0.01))

    def threshold(self, x, o, name):
        at = o.get("at", 0)
        self.near_kink((x - at).abs(), x)
        return (x > at).to(x.dtype) + 0 * x

    def softplus(self, x, o, name):
        return F.softplus(x)

    def gelu(self, x, o, name):
        return F.gelu(x)

    # -- joins

    def block(self, x, o, name):
        return self.layers(o["layers"], x, name + "/")

    def residual(self, x, o, name):
        y = self.layers(o["layers"], x, name + "/")
        shortcut = o.get("shortcut", "identity")
        if isinstance(shortcut, list):
            x = self.layers(shortcut, x, name + "/shortcut/")
        elif shortcut == "project":
            strides = [math.ceil(x.shape[i] / y.shape[i]) for i in (1, 2)]
            label = name + "/" + self.ordinal(name + "/", "conv")
            x = self.conv(x, {"filters": y.shape[3], "kernel": 1, "stride": strides, "bias": False}, label)
        elif shortcut == "pad":
            x = x[:, :: math.ceil(x.shape[1] / y.shape[1]), :: math.ceil(x.shape[2] / y.shape[2])]
            x = F.pad(x, [0, y.shape[3] - x.shape[3]])
        return x + y

    def add(self, x, o, name):
        return sum(x[1:], x[0])

    def concat(self, x, o, name):
        return torch.cat(x, dim=-1)

    # -- losses: one number an example

    def losses(self, z, y):
        kind, options = self.config["loss"], {}
        if isinstance(kind, dict):
            ((kind, options),) = kind.items()
        return getattr(self, "loss_" + kind)(z, y, options)

    def loss_cross_entropy(self, z, y, o):
        return F.cross_entropy(z, y, reduction="none", label_smoothing=o.get("smoothing", 0.0))

    def loss_mse(self, z, y, o):
        return F.mse_loss(z, self.numbers(z, y), reduction="none").mean(1)

    def loss_logistic(self, z, y, o):
        return F.binary_cross_entropy_with_logits(z, self.numbers(z, y), reduction="none").mean(1)

    def loss_hinge(self, z, y, o):
        """Of two classes PyTorch has it (as the mean over the columns); of more only the sum over all wrong ones."""
        if z.shape[1] == 1:
            below = 1 - (2 * self.numbers(z, y) - 1) * z
            self.near_kink(below.abs(), z)
            return F.relu(below).squeeze(1)
        right = z.gather(1, y[:, None])
        wrong = z.masked_fill(F.one_hot(y, z.shape[1]).bool(), -math.inf)
        if z.shape[1] == 2:
            self.near_kink((1 + wrong.amax(1) - right[:, 0]).abs(), z)
            return 2 * F.multi_margin_loss(z, y, reduction="none")
        first, second = wrong.detach().topk(2, dim=1).values.unbind(1)
        self.near_kink(torch.minimum(first - second, (1 + first - right[:, 0]).abs()), z)
        return F.relu(1 + wrong.max(1).values - right[:, 0])

    def numbers(self, z, y):
        if y.dtype != torch.int64:
            return y
        return y[:, None].to(z.dtype) if z.shape[1] == 1 else F.one_hot(y, z.shape[1]).to(z.dtype)
