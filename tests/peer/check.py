"""Compares what run_peer wrote with what PyTorch, in double precision, makes of the same inputs.

    check.py build/run_peer [NAME ...]      all cases, or those whose name begins with one of the names

For every case: the values; the gradients for random cotangents, by the fused rules that training runs and by those that
can be differentiated; and the second gradients. Prints the largest error of each, relative to the largest number of the
tensor (or to 1, where that is smaller); ends with status 1 where one is above the tolerance (1e-10 in double, 1e-5 in
float) or where a case is known to one side only.
"""
import collections
import math
import os
import subprocess
import sys
import tempfile

import numpy as np

try:
    import torch
    import torch.nn.functional as F
    from torch import distributions as dist
    from torch import nn
    from torch.nn.utils.stateless import functional_call
except ImportError:
    sys.exit("peer-check: PyTorch is missing (Debian: python3-torch)")

REDUCTION = ["mean", "sum", "none"]


# ---- What each case is in PyTorch -----------------------------------------------------------------------------------
# A function of the case's inputs, and by name of its numbers and indices; it returns a tensor or several.

def unflip(f):
    """A reduction over several axes at once, for a function of PyTorch that knows `dim` and `keepdim`."""
    return lambda x, axes, keepdim: f(x, dim=axes, keepdim=bool(keepdim))


def matmul(a, b, ta, tb):
    return (a.mT if ta else a) @ (b.mT if tb else b)


def linear(x, w, b):
    return F.linear(x, w, b)


def unslice(y, axis, start, stop, step, shape):
    places = torch.arange(start, stop, step)
    return torch.zeros(shape, dtype=y.dtype).index_add(axis, places, y)


def words_for_slices(x, shift):
    parts = x.chunk(3, 1)
    return [x.narrow(1, 1, 3), x.select(0, -2), x.narrow(1, 2, 1).squeeze(1).unsqueeze(-1), x.roll(shift, 1),
            parts[0] * parts[0], x.split([1, x.size(1) - 1], 1)[1], torch.stack([x[:, 0], x[:, 3]], -1)]


def concat(*parts, axis):
    return torch.cat(parts, axis)


def scatter_add(x, y, axis, index):
    return [x.scatter_add(axis, index, y), torch.zeros_like(x).scatter_add(axis, index, y)]


def index_add(x, y, axis, index):
    return [x.index_add(axis, index, y), torch.zeros_like(x).index_add(axis, index, y)]


def positions(x, values, axis, classes, rows, index):
    return [x.argmax(axis), x.argmin(axis, keepdim=True), x.argsort(axis), F.one_hot(index, classes),
            torch.searchsorted(rows, values), torch.searchsorted(rows, rows, right=True)]


def functional(x, v, u, a):
    def f(x):
        return torch.sin(a @ x) * x[0]

    def loss(x):
        return f(x).sum()
    of = torch.autograd.functional
    constants = [of.vjp(f, x, v)[1], of.jvp(f, x, u)[1], of.jacobian(f, x), of.hessian(loss, x), of.hvp(loss, x, u)[1]]
    return [c.detach() for c in constants] + [f(x)]


def along_one_axis(f, names):
    """max(x, axis) and the like: values and indices."""
    return lambda x, axis, flag: list(f(x, axis, **{names: bool(flag)}))


def conv2d_grads(x, w, g, stride, padding, dilation, groups):
    options = dict(stride=stride, padding=padding, dilation=dilation, groups=groups)
    return [torch.ops.aten.convolution_backward(g, x, w, None, stride, padding, dilation, False, [0, 0], groups,
                                                [i == k for i in range(3)])[k] for k in range(2)]


def solve_triangular(a, b, upper, transpose, unit, left):
    if transpose:
        a, upper = a.mT, not upper
    return torch.linalg.solve_triangular(a, b, upper=bool(upper), left=bool(left), unitriangular=bool(unit))


def eigh(a):
    values, vectors = torch.linalg.eigh((a + a.mT) / 2)
    return [values, vectors.square()]


def factors(a, diagonal, off_diagonal):
    t = torch.diag(diagonal) + torch.diag(off_diagonal, 1) + torch.diag(off_diagonal, -1)
    return [*torch.linalg.lu(a.detach()), *eigh(t.detach())]


# Python's qr leaves the signs to LAPACK as well, so they agree.
def qr(a):
    return list(torch.linalg.qr(a))


def soft_cross_entropy(x, target, reduction):
    k = x.size(-1)
    result = F.cross_entropy(x.reshape(-1, k), target.reshape(-1, k), reduction=REDUCTION[reduction])
    return result.reshape(x.shape[:-1]) if reduction == 2 else result


def cross_entropy(x, index, reduction, smoothing):
    result = F.cross_entropy(x.reshape(-1, x.size(-1)), index.reshape(-1), reduction=REDUCTION[reduction],
                             label_smoothing=smoothing)
    return result.reshape(x.shape[:-1]) if reduction == 2 else result


def kl_div(x, p, reduction):
    each = F.kl_div(F.log_softmax(x, -1), p, reduction="none").sum(-1)
    return [each.mean(), each.sum(), each][reduction]


def loss(f):
    return lambda x, target, reduction: f(x, target, reduction=REDUCTION[reduction])


def bce(x, target, reduction):
    return F.binary_cross_entropy_with_logits(x, target, reduction=REDUCTION[reduction])


def density(make):
    def f(location, scale, x, noise):
        location = location.expand(scale.shape)
        p = make(location, scale)
        log_prob = p.log_prob(x)
        entropy = p.entropy() if isinstance(p, dist.Normal) else scale.log() + 2
        return [log_prob, log_prob.flatten(1).sum(1) if x.dim() > 1 else log_prob, entropy, location + scale * noise]
    return f


def logistic(location, scale):
    uniform = dist.Uniform(torch.zeros_like(scale), torch.ones_like(scale))
    return dist.TransformedDistribution(uniform, [dist.SigmoidTransform().inv, dist.AffineTransform(location, scale)])


def bernoulli(logits, x):
    p = dist.Bernoulli(logits=logits, validate_args=False)
    log_prob = p.log_prob(x)
    return [log_prob, log_prob.flatten(1).sum(1) if x.dim() > 1 else log_prob, p.entropy()]


def categorical(logits, index):
    p = dist.Categorical(logits=logits)
    return [p.log_prob(index), p.entropy()]


def mixture(make):
    return lambda logits, location, scale, x: torch.logsumexp(
        logits.log_softmax(-1) + make(location, scale).log_prob(x[..., None]), -1)


CASES = {
    # elementwise.cc
    "neg": torch.neg, "exp": torch.exp, "expm1": torch.expm1, "log": torch.log, "log1p": torch.log1p,
    "sqrt": torch.sqrt, "square": torch.square, "abs": torch.abs, "sign": torch.sign, "floor": torch.floor,
    "round": torch.round, "sin": torch.sin, "cos": torch.cos, "atan": torch.atan, "tanh": torch.tanh, "erf": torch.erf,
    "sigmoid": torch.sigmoid, "log_sigmoid": F.logsigmoid, "softplus": F.softplus, "relu": F.relu, "silu": F.silu,
    "gelu": F.gelu, "gelu_tanh": lambda x: F.gelu(x, approximate="tanh"), "clamp": lambda x: x.clamp(-1, 0.5),
    "add": torch.add, "sub": torch.sub, "mul": torch.mul, "div": lambda a, b: a / (b * b + 1), "lt": torch.lt,
    "le": torch.le, "gt": torch.gt, "ge": torch.ge, "eq": torch.eq, "maximum": torch.maximum, "minimum": torch.minimum,
    "where": lambda a, b: torch.where(a < b, a * b, a.sin()),
    "add_number": lambda x, number: x + number, "sub_number": lambda x, number: x - number,
    "mul_number": lambda x, number: x * number, "div_number": lambda x, number: x / number,
    "number_sub": lambda x, number: number - x, "number_div": lambda x, number: number / x,
    "number_add_mul": lambda x, number: (number + x) * (number * x),
    "compare_number": lambda x, number: ((x < number) * 1.0 + (x <= number) * 1 + (x > number) * 2 + (x >= number) * 4
                                         + (x == number) * 1),
    "pow": lambda x, number: x ** number, "leaky_relu": lambda x, number: F.leaky_relu(x, number),
    "elu": lambda x, number: F.elu(x, number),
    "map": lambda a, s, t: a * s.exp() + t.tanh(),
    "map_sum": lambda a, s, t: (a * s.exp() + t.tanh()).flatten(1).sum(1) if a.dim() > 1 else a * s.exp() + t.tanh(),
    # structure.cc
    "sum": torch.sum, "mean": torch.mean, "max": torch.amax, "min": torch.amin, "sum_axes": unflip(torch.sum),
    "mean_axes": unflip(torch.mean), "amax": unflip(torch.amax), "amin": unflip(torch.amin),
    "logsumexp": unflip(torch.logsumexp),
    "var": lambda x, axes, keepdim, unbiased: x.var(axes, unbiased=bool(unbiased), keepdim=bool(keepdim)),
    "std": lambda x, axes, keepdim, unbiased: x.std(axes, unbiased=bool(unbiased), keepdim=bool(keepdim)),
    "cumsum": lambda x, axis: x.cumsum(axis), "softmax": lambda x, axis: x.softmax(axis),
    "log_softmax": lambda x, axis: x.log_softmax(axis),
    "max_axis": along_one_axis(torch.max, "keepdim"), "min_axis": along_one_axis(torch.min, "keepdim"),
    "sort": along_one_axis(torch.sort, "descending"),
    "topk": lambda x, axis, flag: list(x.topk((x.size(axis) + 1) // 2, axis, largest=bool(flag))),
    "matmul": matmul, "matmul_vectors": torch.matmul, "linear": linear,
    "reshape": lambda x: x.reshape(-1, x.size(0)), "broadcast_to": lambda x, shape: x.broadcast_to(shape),
    "sum_to": lambda x, shape: x.sum_to_size(shape), "permute": lambda x, axes: x.permute(axes),
    "transpose": lambda x, a, b: x.transpose(a, b),
    "slice": lambda x, axis, start, stop, step, shape: x.index_select(axis, torch.arange(start, stop, step)),
    "unslice": unslice, "words_for_slices": words_for_slices, "flip": lambda x, axes: x.flip(axes), "concat": concat,
    "pad": lambda x, widths: F.pad(x, widths, value=2.0),
    "triangles": lambda x, diagonal: [x.tril(diagonal), x.triu(diagonal)],
    "gather": lambda x, axis, index: x.gather(axis, index), "scatter_add": scatter_add,
    "index_select": lambda x, axis, index: x.index_select(axis, index), "index_add": index_add,
    "embedding": lambda w, index: F.embedding(index, w),
    "nll_of_logits": lambda x, index: F.cross_entropy(x, index, reduction="none"), "positions": positions,
    "functional": functional,
    # images.cc
    "conv2d": F.conv2d, "conv1d": F.conv1d, "conv2d_grads": conv2d_grads, "conv_transpose2d": F.conv_transpose2d,
    "conv_transpose1d": F.conv_transpose1d,
    "max_pool2d": lambda x, kernel, stride, padding: F.max_pool2d(x, kernel, stride, padding),
    "avg_pool2d": lambda x, kernel, stride, padding: F.avg_pool2d(x, kernel, stride, padding),
    "max_pool1d": lambda x, kernel, stride, padding: F.max_pool1d(x, kernel, stride, padding),
    "avg_pool1d": lambda x, kernel, stride, padding: F.avg_pool1d(x, kernel, stride, padding),
    # linalg.cc
    "slogdet": lambda a: list(torch.linalg.slogdet(a)), "inverse": torch.linalg.inv, "solve": torch.linalg.solve,
    "solve_triangular": solve_triangular, "cholesky": lambda a: torch.linalg.cholesky(a @ a.mT), "qr": qr, "eigh": eigh,
    "factors": factors,
    # losses.cc
    "cross_entropy": cross_entropy, "soft_cross_entropy": soft_cross_entropy, "kl_div": kl_div,
    "binary_cross_entropy_with_logits": bce, "mse_loss": loss(F.mse_loss), "l1_loss": loss(F.l1_loss),
    "huber_loss": lambda x, target, reduction: F.huber_loss(x, target, reduction=REDUCTION[reduction], delta=1.5),
    "Normal": density(dist.Normal), "Logistic": density(logistic), "Bernoulli": bernoulli, "Categorical": categorical,
    "kl_divergence": lambda m, s, n, t: dist.kl_divergence(dist.Normal(m, s), dist.Normal(n, t)),
    "Mixture of normals": mixture(dist.Normal), "Mixture of logistics": mixture(logistic),
}


# ---- Layers: inputs are given to a module whose parameters are inputs, too ---------------------------------------------

class Residual(nn.Module):
    def __init__(self, body):
        super().__init__()
        self.body = body

    def forward(self, x):
        return x + self.body(x)


def batch_norm(kind):
    def f(x, weight, bias, training, channels, mean, variance):
        norm = kind(channels, momentum=0.25).double().train(bool(training))
        norm.running_mean, norm.running_var = mean, variance
        y = functional_call(norm, {"weight": weight, "bias": bias}, x)
        return [y, norm.running_mean, norm.running_var, norm.num_batches_tracked]
    return f


def bare_norms(x):
    mean, variance = x.mean((0, 2)).detach(), x.var((0, 2), unbiased=False).detach()
    return [F.layer_norm(x, x.shape[-1:], eps=1e-3), F.batch_norm(x, None, None, training=True, eps=1e-3), mean, variance]


def blocked(steps, causal, positions):
    """Where attention may not look, in PyTorch's words."""
    return positions.bool() | (torch.ones(steps, steps).triu(1).bool() if causal else torch.zeros(steps, steps).bool())


def self_attention(qkv, causal, heads, positions, padding, kept):
    batch, steps, width = qkv.shape
    q, k, v = qkv.reshape(batch, steps, 3, heads, -1).permute(2, 0, 3, 1, 4)
    scores = q @ k.mT / math.sqrt(q.size(-1))
    mask = blocked(steps, causal, positions) | padding.bool()[:, None, None]
    y = (scores.masked_fill(mask, -math.inf).softmax(-1) * kept) @ v
    return y.transpose(1, 2).reshape(batch, steps, width // 3)


class Attention(nn.MultiheadAttention):
    def __init__(self, dim, heads, bias, causal, positions, padding):
        super().__init__(dim, heads, bias=bool(bias), batch_first=True)
        self.masks = dict(attn_mask=blocked(len(positions), causal, positions), key_padding_mask=padding.bool())

    def forward(self, x):
        return super().forward(x, x, x, need_weights=False, **self.masks)[0]


class Transformer(nn.TransformerEncoderLayer):
    def __init__(self, dim, heads, norm_first, causal, positions, padding):
        super().__init__(dim, heads, 5, 0.0, "gelu", batch_first=True, norm_first=bool(norm_first))
        self.masks = dict(src_mask=blocked(len(positions), causal, positions), src_key_padding_mask=padding.bool())

    def forward(self, x):
        return super().forward(x, **self.masks)


def recurrent(kind, x, names, in_size, hidden, layers, bias):
    layer = kind(in_size, hidden, layers, bias=bool(bias), batch_first=True).double()
    parameters = dict(zip(names, x))
    layer._flat_weights = [parameters[name] for name in layer._flat_weights_names]
    given = [a for a, name in zip(x, names) if not name]
    y, state = layer(given[0], given[1] if kind is not nn.LSTM else tuple(given[1:]))
    return [y, *state] if kind is nn.LSTM else [y, state]


RECURRENT = {"nn.RNN": nn.RNN, "nn.GRU": nn.GRU, "nn.LSTM": nn.LSTM}
LAYERS = {
    "nn.ReLU": nn.ReLU, "nn.SiLU": nn.SiLU, "nn.Softplus": nn.Softplus, "nn.Sigmoid": nn.Sigmoid, "nn.Tanh": nn.Tanh,
    "nn.LeakyReLU": nn.LeakyReLU, "nn.ELU": lambda: nn.ELU(1.5), "nn.GELU": nn.GELU,
    "nn.GELU tanh": lambda: nn.GELU("tanh"), "nn.Softmax": lambda: nn.Softmax(-1),
    "nn.Linear": lambda in_features, out_features, bias: nn.Linear(in_features, out_features, bool(bias)),
    "nn.Conv2d": lambda bias: nn.Conv2d(4, 6, (3, 2), 2, (1, 0), groups=2, bias=bool(bias)),
    "nn.Conv1d": lambda: nn.Conv1d(4, 6, 3, padding=2, dilation=2),
    "nn.ConvTranspose2d": lambda: nn.ConvTranspose2d(4, 6, 3, 2, 1, 1),
    "nn.LayerNorm": lambda size: nn.LayerNorm(size), "nn.GroupNorm": lambda groups, channels: nn.GroupNorm(groups, channels),
    "nn.MultiHeadAttention": Attention, "nn.TransformerBlock": Transformer,
    "nn.Sequential": lambda: nn.Sequential(
        nn.Conv2d(1, 3, 3, padding=1), nn.Tanh(), Residual(nn.Sequential(nn.Conv2d(3, 3, 3, padding=1), nn.SiLU())),
        nn.MaxPool2d(2), nn.AvgPool2d(2), nn.Flatten(), nn.Linear(12, 5)),
}
CASES.update({
    "nn.Flatten": lambda x: x.reshape(x.size(0), -1), "nn.Embedding": lambda w, index, count, dim: w[index],
    "nn.BatchNorm1d": batch_norm(nn.BatchNorm1d), "nn.BatchNorm2d": batch_norm(nn.BatchNorm2d),
    "layer_norm, batch_norm": bare_norms, "nn.Dropout": lambda x, mask: x * mask, "nn.DropPath": lambda x, mask: x * mask,
    "self_attention": self_attention,
})


# ---- Optimizers -----------------------------------------------------------------------------------------------------

class LARS(torch.optim.Optimizer):
    """As in SimCLR's code; PyTorch has none."""

    def __init__(self, params, lr, weight_decay, eta, momentum=0.9):
        super().__init__(params, dict(lr=lr, weight_decay=weight_decay, eta=eta, momentum=momentum))

    @torch.no_grad()
    def step(self):
        for group in self.param_groups:
            for p in group["params"]:
                update = p.grad + group["weight_decay"] * p
                trust = group["eta"] * p.norm() / update.norm()
                v = self.state[p].setdefault("momentum_buffer", torch.zeros_like(p))
                v.mul_(group["momentum"]).add_(group["lr"] * trust * update)
                p.sub_(v)


def optimizer(make):
    def f(w0, w1, g0, g1):
        w = [nn.Parameter(w0), nn.Parameter(w1)]
        opt = make([{"params": [p]} for p in w])
        schedule = torch.optim.lr_scheduler.CosineAnnealingLR(opt, 200)
        result = []
        for t in range(100):
            w[0].grad, w[1].grad = g0[t], g1[t]
            opt.step()
            schedule.step()
            if t in (0, 99):
                result += [p.detach().clone() for p in w]
        return result
    return f


def clipping(g0, g1):
    result = []
    for limit in (0.5, 100.0):
        w = [nn.Parameter(torch.zeros_like(g)) for g in (g0, g1)]
        for p, g in zip(w, (g0, g1)):
            p.grad = g.clone()
        result.append(nn.utils.clip_grad_norm_(w, limit))
        result += [p.grad.clone() for p in w]
        nn.utils.clip_grad_value_(w, 0.1)
        result += [p.grad for p in w]
    return result


def averaging(w, b):
    model = nn.Linear(4, 3).double()

    def load(t):
        with torch.no_grad():
            model.weight.copy_(w[t])
            model.bias.copy_(b[t])
    load(0)
    ema = torch.optim.swa_utils.AveragedModel(model, avg_fn=lambda a, x, n: 0.875 * a + 0.125 * x)
    ema.update_parameters(model)
    for t in range(1, 20):
        load(t)
        ema.update_parameters(model)
    return [ema.module.weight.detach(), ema.module.bias.detach()]


def schedules(n):
    def factors_of(make, lr=1.0):
        opt = torch.optim.SGD([nn.Parameter(torch.zeros(1))], lr)
        schedule, factors = make(opt), []
        for _ in range(n):
            factors.append(opt.param_groups[0]["lr"])
            opt.step()
            schedule.step() if len(factors) < n else None
        return torch.tensor(factors, dtype=torch.float64)
    of = torch.optim.lr_scheduler
    warm = n // 2 + 1
    return [factors_of(lambda opt: of.LinearLR(opt, 1 / warm, total_iters=warm - 1)) if warm > 1 else torch.ones(n),
            factors_of(lambda opt: of.StepLR(opt, n // 4 + 1, 0.5)),
            factors_of(lambda opt: of.CosineAnnealingLR(opt, n, 0.25)),
            factors_of(lambda opt: of.OneCycleLR(opt, 1.0, total_steps=n))]


OPT = torch.optim
CASES.update({
    "SGD": optimizer(lambda p: OPT.SGD(p, 0.125, weight_decay=0.125)),
    "SGD momentum": optimizer(lambda p: OPT.SGD(p, 0.0625, momentum=0.875, weight_decay=0.125)),
    "SGD Nesterov": optimizer(lambda p: OPT.SGD(p, 0.0625, momentum=0.875, nesterov=True, weight_decay=0.125)),
    "RMSprop": optimizer(lambda p: OPT.RMSprop(p)),
    "RMSprop momentum": optimizer(lambda p: OPT.RMSprop(p, momentum=0.5, weight_decay=0.125)),
    "Adam": optimizer(lambda p: OPT.Adam(p)),
    "Adam decay": optimizer(lambda p: OPT.Adam(p, 0.01, (0.8, 0.95), weight_decay=0.125)),
    "AdamW": optimizer(lambda p: OPT.AdamW(p)),
    "AdamW decay": optimizer(lambda p: OPT.AdamW(p, 0.01, (0.8, 0.95), weight_decay=0.5)),
    "LARS": optimizer(lambda p: LARS(p, 1.0, 0.125, 0.0625)),
    "clipping": clipping, "Ema": averaging, "schedules": schedules,
})


# ---- The comparison -------------------------------------------------------------------------------------------------

def plain(array):
    """A number or a list of them as Python's own, whole ones as int."""
    if array.ndim:
        return [plain(v) for v in array]
    return int(array) if array == int(array) else float(array)


def in_order(part):
    """The tensors of one kind: {"0": ..., "1/weight": ...} to a list of them and their names."""
    keys = sorted(part, key=lambda key: int(key.split("/")[0]))
    return [torch.tensor(part[k], dtype=torch.float64) for k in keys], [k.partition("/")[2] for k in keys]


def evaluate(name, x, names, keywords):
    if name in RECURRENT:
        return recurrent(RECURRENT[name], x, names, **keywords)
    if name not in LAYERS:
        y = CASES[name](*x, **keywords)
    else:
        layer = LAYERS[name](**keywords).double()
        parameters = {n: p for n, p in zip(names, x) if n}
        given = [p for n, p in zip(names, x) if not n]
        y = functional_call(layer, parameters, tuple(given))
    return list(y) if isinstance(y, (list, tuple)) else [y]


def gradients(y, x, g):
    """d = d(g.y)/dx as a graph; zeros where y does not depend on x."""
    pairs = [(a, b) for a, b in zip(y, g) if a.requires_grad]
    if not pairs or not x:
        return [torch.zeros_like(a) for a in x]
    ds = torch.autograd.grad([a for a, _ in pairs], x, [b for _, b in pairs], create_graph=True, allow_unused=True)
    return [torch.zeros_like(a) if d is None else d for a, d in zip(x, ds)]


def difference(ours, theirs):
    """The largest difference, relative to the largest number, or absolute where that is below 1."""
    ours, theirs = ours.double(), theirs.detach().double()
    if ours.shape != theirs.shape:
        return math.inf
    if not ours.numel():
        return 0.0
    error = ((ours - theirs).abs().max() / theirs.abs().max().clamp(min=1)).item()
    return error if math.isfinite(error) else math.inf


def compare(name, parts):
    """The errors of the values, the gradients (by both kinds of rule) and the second gradients."""
    x, names = in_order(parts["x"])
    for a in x:
        a.requires_grad_()
    (v, _), (g, _) = in_order(parts["v"]), in_order(parts["g"])
    for a in g:
        a.requires_grad_()
    indices = {k: torch.tensor(a, dtype=torch.long) for k, a in parts["index"].items()}
    tensors = {k: torch.tensor(a, dtype=torch.float64) for k, a in parts["tensor"].items()}
    numbers = {k: plain(a) for k, a in parts["number"].items()}
    y = evaluate(name, x, names, {**numbers, **indices, **tensors})
    d = gradients(y, x, g)
    s = sum(((a * b).sum() for a, b in zip(d, v)), torch.zeros(()))
    dd = gradients([s], x + g, [torch.ones_like(s)])
    ours = [in_order(parts[kind])[0] for kind in ("y", "fused", "d", "dd")]
    if not ours[3]:  # s depends on nothing that wants a gradient
        ours[3] = [torch.zeros_like(a) for a in dd]
    return [max((difference(a, b) for a, b in zip(mine, theirs)), default=0.0) if len(mine) == len(theirs) else math.inf
            for mine, theirs in zip(ours, (y, d, d, dd))]


def main():
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "peer.npz")
        subprocess.run([sys.argv[1], path], check=True)
        archive = dict(np.load(path))
    cases = collections.defaultdict(lambda: collections.defaultdict(lambda: collections.defaultdict(dict)))
    for key, array in archive.items():
        name, trial, kind, rest = key.split("/", 3)
        cases[name][trial][kind][rest] = array
    double = next(iter(archive.values())).dtype == np.float64
    tolerance = 1e-10 if double else 1e-5
    known, wanted = set(CASES) | set(LAYERS) | set(RECURRENT), tuple(sys.argv[2:]) or ("",)
    bad = [f"{name}: only here" for name in known - set(cases)] + [f"{name}: not here" for name in set(cases) - known]
    print(f"{'double' if double else 'float'}, tolerance {tolerance:g}\n{'case':34}    value     fused     first    second")
    for name, trials in cases.items():
        if name not in known or not name.startswith(wanted):
            continue
        errors = np.max([compare(name, parts) for parts in trials.values()], axis=0)
        ok = max(errors) <= tolerance
        print(f"{name:34} " + " ".join(f"{e:9.1e}" for e in errors) + ("" if ok else "   <-- WRONG"))
        if not ok:
            bad.append(f"{name}: {max(errors):.1e}")
    print(f"{len(cases)} cases" + ("".join(f"\nFAILED {line}" for line in bad) if bad else ", all agree"))
    sys.exit(bool(bad))


if __name__ == "__main__":
    main()
