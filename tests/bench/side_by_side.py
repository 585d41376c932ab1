"""Times bijou's training steps and kernels beside PyTorch's: the same work, the same threads, in one run.

    make bench            (or: python3 tests/bench/side_by_side.py build/run_bench [case ...])

The two sides take turns, a short burst each, so that a drift of the machine's speed meets both; what is printed are
medians of the bursts' medians, in microseconds, and the ratio PyTorch / bijou. For whole steps, `blas` is the time of
that step's products run bare, on BLAS: the floor for any implementation on this BLAS. bijou can be below it where
registers are wide, as its products then are its own (tensor/product.h).
"""
import json
import math
import statistics
import subprocess
import sys
import time

import torch
import torch.nn as nn
import torch.nn.functional as F

import methods

ROUNDS, BURST = 5, 0.15  # turns of each side, seconds of a turn


# ---- Training steps: each returns a function that does one -------------------------------------------------------------

def supervised(net, x, y, loss, optimizer):
    def step():
        optimizer.zero_grad()
        loss(net(x), y).backward()
        optimizer.step()
    return step


def mlp(sizes):
    layers = []
    for i in range(len(sizes) - 1):
        layers += [nn.Linear(sizes[i], sizes[i + 1]), nn.ReLU()]
    net = nn.Sequential(*layers[:-1])
    return supervised(net, torch.randn(64, sizes[0]), torch.randint(sizes[-1], (64,)), F.cross_entropy,
                      torch.optim.Adam(net.parameters()))


def coupling_2d(params, move):
    """Eight couplings of two numbers; `move` does it, with `params` numbers for each from the network."""
    nets = nn.ModuleList(nn.Sequential(nn.Linear(1, 64), nn.ReLU(), nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, params))
                         for _ in range(8))
    bounds = nn.ParameterList(nn.Parameter(torch.ones(1)) for _ in nets)
    optimizer, x = torch.optim.Adam([*nets.parameters(), *bounds]), torch.randn(256, 2)

    def step():
        optimizer.zero_grad()
        h, log_det = x, 0
        for i, net in enumerate(nets):
            kept, moved = (h[:, :1], h[:, 1:]) if i % 2 == 0 else (h[:, 1:], h[:, :1])
            moved, log_slope = move(moved, net(kept), bounds[i])
            log_det = log_det + log_slope.sum(1)
            h = torch.cat([kept, moved] if i % 2 == 0 else [moved, kept], 1)
        log_prob = (-0.5 * h ** 2 - 0.9189385332).sum(1) + log_det
        (-log_prob.mean()).backward()
        optimizer.step()
    return step


def affine(x, params, bound):
    log_s, t = params.chunk(2, 1)
    log_s = bound * torch.tanh(log_s)
    return x * torch.exp(log_s) + t, log_s


def rq_spline(x, params, _, bins=8, bound=3.0, min_bin=1e-3, min_slope=1e-3):
    """z and log dz/dx of x [n, 1] by the spline of Durkan et al., the identity outside of [-bound, bound]."""
    inside, held = x.abs() < bound, x.clamp(-bound, bound)
    widths, heights, slopes = params.unsqueeze(1).split([bins, bins, bins - 1], -1)

    def knots(logits):
        sizes = min_bin + (1 - min_bin * bins) * F.softmax(logits, -1)
        return F.pad(2 * bound * torch.cumsum(sizes, -1), (1, 0)) - bound

    xs, ys = knots(widths), knots(heights)
    slopes = F.pad(min_slope + F.softplus(slopes + math.log(math.expm1(1 - min_slope))), (1, 1), value=1.0)
    k = torch.searchsorted(xs[..., 1:-1].contiguous(), held.unsqueeze(-1), right=True)
    x0, y0, d0 = [t.gather(-1, k).squeeze(-1) for t in (xs, ys, slopes)]
    x1, y1, d1 = [t.gather(-1, k + 1).squeeze(-1) for t in (xs, ys, slopes)]
    w, h = x1 - x0, y1 - y0
    t, s = (held - x0) / w, h / w
    q = t * (1 - t)
    denominator = s + (d0 + d1 - 2 * s) * q
    z = y0 + h * (s * t ** 2 + d0 * q) / denominator
    log_slope = 2 * torch.log(s) + torch.log(d1 * t ** 2 + 2 * s * q + d0 * (1 - t) ** 2) - 2 * torch.log(denominator)
    return torch.where(inside, z, x), torch.where(inside, log_slope, torch.zeros_like(x))


class GlowCoupling(nn.Module):
    def __init__(self, channels, hidden):
        super().__init__()
        half, sizes, layers = channels // 2, [channels // 2, *hidden, channels], []
        for i in range(len(sizes) - 1):
            kernel = 3 if i in (0, len(sizes) - 2) else 1
            layers += [nn.Conv2d(sizes[i], sizes[i + 1], kernel, padding=kernel // 2), nn.ReLU()]
        self.net, self.bound = nn.Sequential(*layers[:-1]), nn.Parameter(torch.ones(half, 1, 1))
        nn.init.zeros_(self.net[-1].weight), nn.init.zeros_(self.net[-1].bias)

    def forward(self, x):
        kept, moved = x.chunk(2, 1)
        moved, log_s = affine(moved, self.net(kept), self.bound)
        return torch.cat([kept, moved], 1), log_s.sum((1, 2, 3))


class GlowStep(nn.Module):
    def __init__(self, channels, width):
        super().__init__()
        self.log_scale, self.shift = [nn.Parameter(torch.zeros(channels, 1, 1)) for _ in range(2)]
        p, lower, upper = torch.lu_unpack(*torch.lu(torch.linalg.qr(torch.randn(channels, channels))[0]))
        self.lower, self.upper = nn.Parameter(lower), nn.Parameter(upper)
        self.log_s = nn.Parameter(upper.diagonal().abs().log())
        self.register_buffer('p', p), self.register_buffer('sign', upper.diagonal().sign())
        self.register_buffer('eye', torch.eye(channels))
        self.coupling = GlowCoupling(channels, [width, width])

    def forward(self, x):
        pixels = x.shape[2] * x.shape[3]
        x = x * torch.exp(self.log_scale) + self.shift
        u = torch.triu(self.upper, 1) + torch.diag(self.sign * torch.exp(self.log_s))
        w = self.p @ (torch.tril(self.lower, -1) + self.eye) @ u
        x, log_det = self.coupling(F.conv2d(x, w[:, :, None, None]))
        return x, log_det + pixels * (self.log_scale.sum() + self.log_s.sum())


def glow(levels=3, steps=4, width=64):
    channels, flow = 3, nn.ModuleList()
    for level in range(levels):
        channels *= 4
        flow.append(nn.ModuleList([GlowStep(channels, width) for _ in range(steps)]))
        if level + 1 < levels:
            flow[-1].append(GlowCoupling(channels, []))
            channels //= 2
    x, optimizer = torch.randn(16, 3, 32, 32), torch.optim.Adam(flow.parameters())

    def step():
        optimizer.zero_grad()
        h, log_prob = x, 0
        for level in flow:
            h = F.pixel_unshuffle(h, 2)
            for layer in level:
                h, log_det = layer(h)
                log_prob = log_prob + log_det
            h, z = h.chunk(2, 1) if level is not flow[-1] else (None, h)
            log_prob = log_prob + (-0.5 * z ** 2 - 0.9189385332).sum((1, 2, 3))
        (-log_prob.mean()).backward()
        optimizer.step()
    return step


class MaskedLinear(nn.Linear):
    def __init__(self, degrees_in, degrees_out, strict):
        super().__init__(len(degrees_in), len(degrees_out))
        seen = torch.gt if strict else torch.ge
        self.register_buffer('mask', seen(degrees_out[:, None], degrees_in).float())

    def forward(self, x):
        return F.linear(x, self.weight * self.mask, self.bias)


def maf(columns=43, width=512, layers=5):
    nets = nn.ModuleList()
    for k in range(layers):
        places = torch.arange(1, columns + 1)
        places = places.flip(0) if k % 2 else places
        degrees = 1 + torch.arange(width) * (columns - 1) // width
        nets.append(nn.Sequential(MaskedLinear(places, degrees, False), nn.ReLU(), MaskedLinear(degrees, degrees, False),
                                  nn.ReLU(), MaskedLinear(degrees, places.repeat(2), True)))
        nn.init.zeros_(nets[-1][-1].weight), nn.init.zeros_(nets[-1][-1].bias)
    x, optimizer = torch.randn(100, columns), torch.optim.Adam(nets.parameters())

    def step():
        optimizer.zero_grad()
        h, log_det = x, 0
        for net in nets:
            mu, a = net(h).chunk(2, 1)
            log_s = 5 * torch.tanh(a / 5)
            h, log_det = (h - mu) * torch.exp(-log_s), log_det - log_s.sum(1)
        log_prob = (-0.5 * h ** 2 - 0.9189385332).sum(1) + log_det
        (-log_prob.mean()).backward()
        optimizer.step()
    return step


def planar():
    u, w, b = [nn.Parameter(0.1 * torch.randn(32, *s)) for s in [(2,), (2,), ()]]
    optimizer, z0 = torch.optim.Adam([u, w, b]), torch.randn(256, 2)

    def step():
        optimizer.zero_grad()
        z, log_det = z0, 0
        for k in range(32):
            uk, wk, bk = u[k], w[k], b[k]
            wu = (wk * uk).sum()
            u_hat = uk + (F.softplus(wu) - 1 - wu) * wk / (wk ** 2).sum()
            h = torch.tanh(z @ wk + bk)
            log_det = log_det + torch.log1p((wk * u_hat).sum() * (1 - h ** 2))
            z = z + u_hat * h[:, None]
        loss = (0.5 * (z ** 2).sum(1) - log_det).mean()
        loss.backward()
        optimizer.step()
    return step


def made():
    sizes, x = [43, 512, 512, 86], torch.randn(100, 43)
    layers = [nn.Linear(sizes[i], sizes[i + 1]) for i in range(3)]
    masks = [(torch.rand_like(l.weight) < 0.5).float() for l in layers]
    optimizer = torch.optim.Adam([p for l in layers for p in l.parameters()])

    def step():
        optimizer.zero_grad()
        h = x
        for i, (layer, mask) in enumerate(zip(layers, masks)):
            h = F.linear(h, layer.weight * mask, layer.bias)
            if i < 2:
                h = torch.relu(h)
        mu, alpha = h.chunk(2, 1)
        z = (x - mu) * torch.exp(-alpha)
        loss = (0.5 * z ** 2 + 0.9189385332 + alpha).sum(1).mean()
        loss.backward()
        optimizer.step()
    return step


def vae():
    encode, mean, log_var = nn.Linear(784, 400), nn.Linear(400, 20), nn.Linear(400, 20)
    hidden, decode = nn.Linear(20, 400), nn.Linear(400, 784)
    x = (torch.rand(128, 784) < 0.3).float()
    optimizer = torch.optim.Adam([p for l in (encode, mean, log_var, hidden, decode) for p in l.parameters()])

    def step():
        optimizer.zero_grad()
        h = torch.relu(encode(x))
        mu, lv = mean(h), log_var(h)
        z = mu + torch.exp(0.5 * lv) * torch.randn_like(mu)
        logits = decode(torch.relu(hidden(z)))
        reconstruction = F.binary_cross_entropy_with_logits(logits, x, reduction='sum')
        kl = 0.5 * (mu ** 2 + torch.exp(lv) - lv - 1).sum()
        ((reconstruction + kl) / 128).backward()
        optimizer.step()
    return step


def conv_encoder():
    net = nn.Sequential(nn.Conv2d(1, 32, 3, 1, 1), nn.BatchNorm2d(32), nn.ReLU(),
                        nn.Conv2d(32, 64, 3, 2, 1), nn.BatchNorm2d(64), nn.ReLU(),
                        nn.Conv2d(64, 128, 3, 2, 1), nn.BatchNorm2d(128), nn.ReLU())
    x, optimizer = torch.randn(256, 1, 28, 28), torch.optim.Adam(net.parameters())

    def step():
        optimizer.zero_grad()
        (net(x) ** 2).mean().backward()
        optimizer.step()
    return step


def pixelcnn():
    layers = [nn.Conv2d(1, 64, 7, padding=3), nn.ReLU()]
    for _ in range(6):
        layers += [nn.Conv2d(64, 64, 3, padding=1), nn.ReLU()]
    net = nn.Sequential(*layers, nn.Conv2d(64, 256, 1))
    return supervised(net, torch.rand(16, 1, 28, 28), torch.randint(256, (16, 28, 28)), F.cross_entropy,
                      torch.optim.Adam(net.parameters()))


def transformer():
    class Model(nn.Module):
        def __init__(self):
            super().__init__()
            self.tokens, self.positions = nn.Embedding(8192, 128), nn.Parameter(0.02 * torch.randn(64, 128))
            layer = nn.TransformerEncoderLayer(128, 4, 512, dropout=0, activation='gelu', batch_first=True, norm_first=True)
            self.blocks = nn.TransformerEncoder(layer, 2, nn.LayerNorm(128))
            self.head = nn.Linear(128, 8192)
            self.mask = torch.triu(torch.full((64, 64), float('-inf')), 1)

        def forward(self, ids):
            return self.head(self.blocks(self.tokens(ids) + self.positions, self.mask)).view(-1, 8192)

    net = Model()
    return supervised(net, torch.randint(8192, (32, 64)), torch.randint(8192, (32 * 64,)), F.cross_entropy,
                      torch.optim.AdamW(net.parameters()))


def gru():
    net, x = nn.GRU(128, 128, batch_first=True), torch.randn(32, 64, 128)
    optimizer = torch.optim.Adam(net.parameters())

    def step():
        optimizer.zero_grad()
        (net(x)[0] ** 2).mean().backward()
        optimizer.step()
    return step


STEPS = {'mlp 784-256-128-10': lambda: mlp([784, 256, 128, 10]), 'mlp 784-32-10': lambda: mlp([784, 32, 10]),
         'realnvp 2-d': lambda: coupling_2d(2, affine), 'rq-nsf 2-d': lambda: coupling_2d(23, rq_spline),
         'glow 3x32x32': glow, 'maf 43-d 5x512': maf, 'planar 32': planar, 'made 43-512-512-86': made, 'vae 784-400-20': vae,
         'conv encoder': conv_encoder, 'pixelcnn stack': pixelcnn, 'transformer': transformer, 'gru 128': gru, **methods.STEPS}


# ---- Kernels: forward only ------------------------------------------------------------------------------------------------

def forward(body):
    def run():
        with torch.no_grad():
            body()
    return run


def kernel(name, n):
    with torch.no_grad():
        x = torch.rand(n) + 0.5
        rows = max(1, n // 100)
        m, wide = x[:rows * 100].view(rows, 100), x[:n // 1000 * 1000].view(-1, 1000)
        weight, bias = torch.ones(1000), torch.zeros(1000)
        table, ids = torch.randn(8192, 100), torch.randint(8192, (rows,))
        gradient = torch.randn(rows, 100)
        norm = lambda: F.layer_norm(wide, (1000,), weight, bias)
        return forward({
            'add': lambda: x + x, 'exp': lambda: torch.exp(x), 'log': lambda: torch.log(x), 'tanh': lambda: torch.tanh(x),
            'gelu': lambda: F.gelu(x), 'sum': lambda: x.sum(), 'sum rows': lambda: m.sum(1), 'sum columns': lambda: m.sum(0),
            'softmax': lambda: torch.softmax(wide, 1), 'layer norm': norm, 'gather': lambda: F.embedding(ids, table),
            'scatter': lambda: torch.zeros_like(table).index_add_(0, ids, gradient)}[name])


def matmul(n):
    a = torch.randn(n, n)
    return forward(lambda: a @ a)


def conv(n):
    x, w = torch.randn(n, 32, 28, 28), torch.randn(32, 32, 3, 3)
    return forward(lambda: F.conv2d(x, w, padding=1))


KERNELS = ['add', 'exp', 'log', 'tanh', 'gelu', 'sum', 'sum rows', 'sum columns', 'softmax', 'layer norm', 'gather',
           'scatter']
CASES = dict(STEPS)
for _name in KERNELS:
    for _n in (1000, 100000, 10000000):
        CASES[f'{_name} {_n}'] = lambda name=_name, n=_n: kernel(name, n)
for _n in (10, 100, 700):
    CASES[f'matmul {_n}x{_n}'] = lambda n=_n: matmul(n)
for _n in (1, 8, 64):
    CASES[f'conv 3x3, {_n} image' + ('s' if _n > 1 else '')] = lambda n=_n: conv(n)


# ---- Taking turns -----------------------------------------------------------------------------------------------------

def burst(step):
    times, end = [], time.perf_counter() + BURST
    while time.perf_counter() < end or len(times) < 3:
        start = time.perf_counter()
        step()
        times.append(time.perf_counter() - start)
    return statistics.median(times) * 1e6


class Bijou:
    def __init__(self, program):
        self.server = subprocess.Popen([program, '--serve'], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def burst(self, threads, name):
        self.server.stdin.write(f'{threads} {BURST} {name}\n')
        self.server.stdin.flush()
        return json.loads(self.server.stdout.readline())

    def close(self):
        self.server.stdin.close()
        self.server.wait()


def compare(bijou, threads, name):
    theirs_step = CASES[name]()
    for _ in range(3):
        theirs_step()
    ours, theirs, floors = [], [], []
    for _ in range(ROUNDS):
        answer = bijou.burst(threads, name)
        ours.append(answer['us'])
        floors.append(answer['blas'])
        theirs.append(burst(theirs_step))
    a, b, floor = map(statistics.median, (ours, theirs, floors))
    line = f'{name:22}{threads:8}{a:12.1f}{b:12.1f}{b / a:8.2f}'
    print(line + (f'{floor:10.1f}{a / floor:10.2f}' if name in STEPS and floor else ''), flush=True)


def alone(bijou, threads):
    """What has no counterpart in PyTorch."""
    times = {name: [] for name in ('copy 10000000', 'map 10000000', '100 tiny tanh', '100 tiny products')}
    for _ in range(ROUNDS):
        for name, bursts in times.items():
            bursts.append(bijou.burst(threads, name)['us'])
    copy, mapped, tanh, product = map(statistics.median, times.values())
    print(f'threads {threads}: a large map runs at {100 * copy / mapped:.0f} % of the speed of a copy; a tiny op takes '
          f'{10 * tanh:.0f} ns (tanh) or {10 * product:.0f} ns (product), forward and backward', flush=True)


def main():
    program, wanted = sys.argv[1], sys.argv[2:]
    names = [n for n in CASES if not wanted or any(w in n for w in wanted)]
    print(f'{"":22}{"threads":>8}{"bijou µs":>12}{"PyTorch µs":>12}{"ratio":>8}{"blas µs":>10}{"over blas":>10}')
    for threads in (1, 2):
        torch.set_num_threads(threads)
        bijou = Bijou(program)
        for name in names:
            compare(bijou, threads, name)
        if not wanted:
            alone(bijou, threads)
        bijou.close()


if __name__ == '__main__':
    main()
