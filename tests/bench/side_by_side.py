"""Times bijou's training steps and kernels beside PyTorch's: the same work, the same threads, in one run.

    make bench            (or: python3 tests/bench/side_by_side.py build/run_bench [case ...])

The two sides take turns, a short burst each, so that a drift of the machine's speed meets both; what is printed are
medians of the bursts' medians, in microseconds, and the ratio PyTorch / bijou. For whole steps, `blas` is the time of
that step's own BLAS calls run bare: the floor for any implementation on this BLAS.
"""
import json
import statistics
import subprocess
import sys
import time

import torch
import torch.nn as nn
import torch.nn.functional as F

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


def realnvp():
    nets = nn.ModuleList(nn.Sequential(nn.Linear(1, 64), nn.ReLU(), nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 2))
                         for _ in range(8))
    optimizer, x = torch.optim.Adam(nets.parameters()), torch.randn(256, 2)

    def step():
        optimizer.zero_grad()
        h, log_det = x, 0
        for i, net in enumerate(nets):
            kept, moved = (h[:, :1], h[:, 1:]) if i % 2 == 0 else (h[:, 1:], h[:, :1])
            log_s, t = net(kept).chunk(2, 1)
            log_s = torch.tanh(log_s)
            moved = moved * torch.exp(log_s) + t
            log_det = log_det + log_s.sum(1)
            h = torch.cat([kept, moved] if i % 2 == 0 else [moved, kept], 1)
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
         'realnvp 2-d': realnvp, 'planar 32': planar, 'made 43-512-512-86': made, 'vae 784-400-20': vae,
         'conv encoder': conv_encoder, 'pixelcnn stack': pixelcnn, 'transformer': transformer, 'gru 128': gru}


# ---- Kernels: forward only ------------------------------------------------------------------------------------------------

def kernel(name, n):
    with torch.no_grad():
        x = torch.rand(n) + 0.5
        rows = max(1, n // 100)
        m, wide = x[:rows * 100].view(rows, 100), x[:n // 1000 * 1000].view(-1, 1000)
        weight, bias = torch.ones(1000), torch.zeros(1000)
        side = {1000: 10, 100000: 100, 10000000: 700}[n]
        a = torch.randn(side, side)
        image = torch.randn({1000: 1, 100000: 8, 10000000: 64}[n], 32, 28, 28)
        w = torch.randn(32, 32, 3, 3)
        table, ids = torch.randn(8192, 100), torch.randint(8192, (rows,))
        gradient = torch.randn(rows, 100)
        norm = lambda: F.layer_norm(wide, (1000,), weight, bias)
        body = {'add': lambda: x + x, 'exp': lambda: torch.exp(x), 'log': lambda: torch.log(x), 'tanh': lambda: torch.tanh(x),
                'gelu': lambda: F.gelu(x), 'sum': lambda: x.sum(), 'sum rows': lambda: m.sum(1), 'sum columns': lambda: m.sum(0),
                'softmax': lambda: torch.softmax(wide, 1), 'layer norm': norm, 'matmul': lambda: a @ a,
                'conv 3x3': lambda: F.conv2d(image, w, padding=1), 'gather': lambda: F.embedding(ids, table),
                'scatter': lambda: torch.zeros_like(table).index_add_(0, ids, gradient)}[name]

        def run():
            with torch.no_grad():
                body()
        return run


KERNELS = ['add', 'exp', 'log', 'tanh', 'gelu', 'sum', 'sum rows', 'sum columns', 'softmax', 'layer norm', 'matmul',
           'conv 3x3', 'gather', 'scatter']
CASES = dict(STEPS)
for _name in KERNELS:
    for _n in (1000, 100000, 10000000):
        CASES[f'{_name} {_n}'] = lambda name=_name, n=_n: kernel(name, n)


# ---- Taking turns -----------------------------------------------------------------------------------------------------

def burst(step):
    times, end = [], time.perf_counter() + BURST
    while time.perf_counter() < end or len(times) < 3:
        start = time.perf_counter()
        step()
        times.append(time.perf_counter() - start)
    return statistics.median(times) * 1e6


def main():
    program, wanted = sys.argv[1], sys.argv[2:]
    names = [n for n in CASES if not wanted or any(w in n for w in wanted)]
    print(f'{"":22}{"threads":>8}{"bijou µs":>12}{"PyTorch µs":>12}{"ratio":>8}{"blas µs":>10}{"over blas":>10}')
    for threads in (1, 2):
        torch.set_num_threads(threads)
        server = subprocess.Popen([program, '--serve'], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        for name in names:
            theirs_step = CASES[name]()
            for _ in range(3):
                theirs_step()
            ours, theirs, floors = [], [], []
            for _ in range(ROUNDS):
                server.stdin.write(f'{threads} {BURST} {name}\n')
                server.stdin.flush()
                answer = json.loads(server.stdout.readline())
                ours.append(answer['us'])
                floors.append(answer['blas'])
                theirs.append(burst(theirs_step))
            a, b, floor = map(statistics.median, (ours, theirs, floors))
            line = f'{name:22}{threads:8}{a:12.1f}{b:12.1f}{b / a:8.2f}'
            print(line + (f'{floor:10.1f}{a / floor:10.2f}' if name in STEPS and floor else ''), flush=True)
        server.stdin.close()
        server.wait()


if __name__ == '__main__':
    main()
