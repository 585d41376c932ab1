"""The training steps of methods.cc, in PyTorch; each function returns one that does a step."""
import torch
import torch.nn as nn
import torch.nn.functional as F


def minimise(optimizer, loss):
    def step():
        optimizer.zero_grad()
        loss().backward()
        optimizer.step()
    return step


def nade():
    w, v = [nn.Parameter(0.01 * torch.randn(784, 128)) for _ in range(2)]
    b, c = nn.Parameter(torch.zeros(784)), nn.Parameter(torch.zeros(128))
    x = (torch.rand(32, 784) < 0.3).float()

    def loss():
        a, logits = c.expand(32, 128), []
        for i in range(784):
            logits.append(torch.sigmoid(a) @ v[i] + b[i])
            a = a + x[:, i:i + 1] * w[i]
        return F.binary_cross_entropy_with_logits(torch.stack(logits, 1), x, reduction='sum') / 32
    return minimise(torch.optim.Adam([w, v, b, c]), loss)


def wavenet():
    class Layer(nn.Module):
        def __init__(self, dilation):
            super().__init__()
            self.dilation = dilation
            self.filter, self.gate = [nn.Conv1d(32, 32, 2, dilation=dilation) for _ in range(2)]
            self.residual, self.skip = nn.Conv1d(32, 32, 1), nn.Conv1d(32, 64, 1)

        def forward(self, x):
            past = F.pad(x, (self.dilation, 0))
            z = torch.tanh(self.filter(past)) * torch.sigmoid(self.gate(past))
            return x + self.residual(z), self.skip(z)

    layers = nn.ModuleList(Layer(2 ** k) for k in range(9))
    first, last = nn.Conv1d(1, 32, 1), nn.Sequential(nn.ReLU(), nn.Conv1d(64, 64, 1), nn.ReLU(), nn.Conv1d(64, 256, 1))
    level = torch.randint(256, (4, 1000))
    x = F.pad(level[:, None, :-1] * (2 / 255) - 1, (1, 0))

    def loss():
        h, total = first(x), 0
        for layer in layers:
            h, skip = layer(h)
            total = total + skip
        return F.cross_entropy(last(total), level)
    return minimise(torch.optim.Adam([*layers.parameters(), *first.parameters(), *last.parameters()]), loss)


def gated_pixelcnn():
    def gate(x):
        a, b = x.chunk(2, 1)
        return torch.tanh(a) * torch.sigmoid(b)

    class Layer(nn.Module):
        def __init__(self, inputs, kernel, first):
            super().__init__()
            self.reach, self.first = kernel // 2, first
            self.vertical = nn.Conv2d(inputs, 64, (kernel // 2 + 1, kernel), padding=(0, kernel // 2))
            self.horizontal = nn.Conv2d(inputs, 64, (1, kernel // 2 + (not first)))
            self.across, self.out = nn.Conv2d(64, 64, 1), nn.Conv2d(32, 32, 1)

        def forward(self, v, h):
            above, row = self.vertical(F.pad(v, (0, 0, self.reach, 0))), F.pad(h, (self.reach, 0))
            told = self.horizontal(row[..., :-1] if self.first else row) + self.across(F.pad(above, (0, 0, 1, 0))[:, :, :-1])
            told = self.out(gate(told))
            return gate(above), told if self.first else h + told

    layers = nn.ModuleList([Layer(1, 7, True), *[Layer(32, 3, False) for _ in range(4)]])
    head = nn.Sequential(nn.ReLU(), nn.Conv2d(32, 32, 1), nn.ReLU(), nn.Conv2d(32, 1, 1))
    x = (torch.rand(16, 1, 28, 28) < 0.3).float()

    def loss():
        v = h = x
        for layer in layers:
            v, h = layer(v, h)
        return F.binary_cross_entropy_with_logits(head(h), x, reduction='sum') / 16
    return minimise(torch.optim.Adam([*layers.parameters(), *head.parameters()]), loss)


def image_transformer():
    i, j = torch.arange(16)[:, None], torch.arange(32)
    near = ((j >= i) & (j <= i + 16)).repeat(16, 1, 1, 1)
    near[0, :, :, :16] = False  # there is nothing above the first row
    causal = i >= torch.arange(16)

    def attend(q, k, v, seen):
        q, k, v = [t.unflatten(-1, (4, 16)).transpose(-2, -3) for t in (q, k, v)]
        p = torch.softmax((q @ k.transpose(-1, -2) / 4).masked_fill(~seen, float('-inf')), -1)
        return (p @ v).transpose(-2, -3).flatten(-2)

    class Block(nn.Module):
        def __init__(self, strided):
            super().__init__()
            self.strided, self.norm1, self.norm2 = strided, nn.LayerNorm(64), nn.LayerNorm(64)
            self.qkv, self.out = nn.Linear(64, 192), nn.Linear(64, 64)
            self.mlp = nn.Sequential(nn.Linear(64, 256), nn.GELU(), nn.Linear(256, 64))

        def forward(self, x):
            qkv = self.qkv(self.norm1(x))  # [batch, row, column, 3 dim]
            if self.strided:
                y = attend(*qkv.transpose(1, 2).chunk(3, -1), causal).transpose(1, 2)
            else:
                q, k, v = qkv.chunk(3, -1)
                y = attend(q, *[torch.cat([F.pad(t, (0, 0, 0, 0, 1, 0))[:, :-1], t], 2) for t in (k, v)], near)
            x = x + self.out(y)
            return x + self.mlp(self.norm2(x))

    class Model(nn.Module):
        def __init__(self):
            super().__init__()
            self.token, self.row, self.column = nn.Embedding(8, 64), nn.Embedding(16, 64), nn.Embedding(16, 64)
            self.start = nn.Parameter(0.02 * torch.randn(1, 1, 64))
            self.blocks = nn.Sequential(*[Block(k % 2 == 1) for k in range(4)])
            self.head = nn.Sequential(nn.LayerNorm(64), nn.Linear(64, 8))

        def forward(self, tokens):
            before = torch.cat([self.start.expand(16, 1, 64), self.token(tokens)[:, :-1]], 1).view(16, 16, 16, 64)
            return self.head(self.blocks(before + self.row.weight[:, None] + self.column.weight))

    net, x = Model(), torch.randint(8, (16, 256))
    return minimise(torch.optim.Adam(net.parameters()),
                    lambda: F.cross_entropy(net(x).view(-1, 8), x.flatten(), reduction='sum') / 16)


def simclr():
    net = nn.Sequential(nn.Conv2d(1, 32, 3, 1, 1), nn.BatchNorm2d(32), nn.ReLU(),
                        nn.Conv2d(32, 64, 3, 2, 1), nn.BatchNorm2d(64), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(),
                        nn.Linear(64, 128, bias=False), nn.BatchNorm1d(128), nn.ReLU(),
                        nn.Linear(128, 64, bias=False), nn.BatchNorm1d(64))
    x, partner = torch.randn(128, 1, 28, 28), (torch.arange(128) + 64) % 128
    itself = torch.diag(torch.full((128,), float('-inf')))

    def loss():
        z = F.normalize(net(x))
        return F.cross_entropy(z @ z.T / 0.5 + itself, partner)
    return minimise(torch.optim.Adam(net.parameters()), loss)


def simclr_views():
    x = torch.rand(64, 1, 28, 28)
    most = torch.tensor([0.349, 0.35, 0.2, 0.3, 0.25, 0.25])  # radians; in the plane from -1 to 1 a shift is twice as far

    def step():
        both = x.repeat(2, 1, 1, 1)
        angle, scale, aspect, shear, dx, dy = (most * (2 * torch.rand(128, 6) - 1)).unbind(1)
        zero, cos, sin = torch.zeros(128), torch.cos(angle), torch.sin(angle)
        rotate = torch.stack([cos, -sin, sin, cos], 1).view(128, 2, 2)
        stretch = torch.stack([torch.exp(-scale - aspect), shear, zero, torch.exp(-scale + aspect)], 1).view(128, 2, 2)
        maps = torch.cat([rotate @ stretch, torch.stack([dx, dy], 1)[:, :, None]], 2)
        moved = F.grid_sample(both, F.affine_grid(maps, both.shape, align_corners=False), align_corners=False)
        return moved * (0.6 + 0.4 * torch.rand(128, 1, 1, 1))
    return step


def masked_lm(all_logits=False):
    class Model(nn.Module):
        def __init__(self):
            super().__init__()
            self.token, self.position, self.segment = nn.Embedding(8192, 128), nn.Embedding(64, 128), nn.Embedding(2, 128)
            layer = nn.TransformerEncoderLayer(128, 4, 512, dropout=0, activation='gelu', batch_first=True)
            self.norm, self.blocks = nn.LayerNorm(128), nn.TransformerEncoder(layer, 2)
            self.dense, self.head_norm = nn.Linear(128, 128), nn.LayerNorm(128)
            self.bias = nn.Parameter(torch.zeros(8192))

        def forward(self, ids, padding, positions):
            h = self.token(ids) + self.position.weight + self.segment.weight[0]
            h = self.blocks(self.norm(h), src_key_padding_mask=padding).reshape(-1, 128)
            h = h if all_logits else h[positions]
            logits = F.linear(self.head_norm(F.gelu(self.dense(h))), self.token.weight, self.bias)
            return logits[positions] if all_logits else logits

    net, ids, padding = Model(), torch.randint(8192, (32, 64)), torch.zeros(32, 64, dtype=torch.bool)
    positions = torch.rand(32, 64).argsort(1)[:, :10].add(64 * torch.arange(32)[:, None]).flatten()
    targets = torch.randint(8192, (320,))
    return minimise(torch.optim.AdamW(net.parameters()), lambda: F.cross_entropy(net(ids, padding, positions), targets))


def sam():
    net = nn.Sequential(nn.Linear(784, 256), nn.ReLU(), nn.Linear(256, 128), nn.ReLU(), nn.Linear(128, 10))
    x, y, weights = torch.randn(64, 784), torch.randint(10, (64,)), list(net.parameters())
    optimizer = torch.optim.SGD(weights, lr=0.01, momentum=0.9)

    def step():
        optimizer.zero_grad()
        F.cross_entropy(net(x), y).backward()
        with torch.no_grad():
            norm = torch.norm(torch.stack([w.grad.norm() for w in weights]))
            moves = [w.grad * (0.05 / norm) for w in weights]
            for w, move in zip(weights, moves):
                w.add_(move)
        optimizer.zero_grad()
        F.cross_entropy(net(x), y).backward()
        with torch.no_grad():
            for w, move in zip(weights, moves):
                w.sub_(move)
        optimizer.step()
    return step


STEPS = {'nade 784-128': nade, 'wavenet': wavenet, 'gated pixelcnn': gated_pixelcnn,
         'image transformer': image_transformer, 'simclr': simclr, 'simclr views': simclr_views, 'masked lm': masked_lm,
         'masked lm, all logits': lambda: masked_lm(True), 'sam mlp 784-256-128-10': sam}
