#!/usr/bin/env python3
"""Writes dialect/ops.json: inputs, results and gradients of every case of tests/dialect/ops/cases.mlir.

Values come from torch in float64, written from the ops' descriptions and sharing nothing with the project's own
derivations. Gradients are those of sum(result * cotangent). Needs torch:
    python tests/golden/make_op_goldens.py
"""
import json
import math
import pathlib

import torch
import torch.nn.functional as F

torch.set_default_dtype(torch.float64)
generator = torch.Generator().manual_seed(20)


def real(*shape, low=-1.5, high=1.5):
    return torch.rand(*shape, generator=generator) * (high - low) + low


def bf16(*shape):
    return real(*shape).bfloat16().double()


def ints(*values):
    return torch.tensor(values, dtype=torch.int64)


def rms_norm(x, w, eps, offset=0.0):
    return x / torch.sqrt((x * x).mean(-1, keepdim=True) + eps) * (w + offset)


def rotate(x, c, s, interleaved):
    pairs = c.shape[1]
    y = x.clone()
    a, b = slice(0, pairs), slice(pairs, 2 * pairs)
    if interleaved:
        a, b = slice(0, 2 * pairs, 2), slice(1, 2 * pairs, 2)
    y[..., a] = x[..., a] * c[:, None] - x[..., b] * s[:, None]
    y[..., b] = x[..., b] * c[:, None] + x[..., a] * s[:, None]
    return y


def attention_scores(q, k, scale, causal=True, window=0, cap=0.0, slopes=None, segments=None):
    """[b,h,s,t] from q[b,s,h,d]; the queries are the last of the keys' positions."""
    k = k.repeat_interleave(q.shape[2] // k.shape[2], dim=2)
    scores = torch.einsum("bshd,bthd->bhst", q, k) * scale
    position = torch.arange(q.shape[1])[:, None] + k.shape[1] - q.shape[1]
    key = torch.arange(k.shape[1])[None]
    if slopes is not None:
        scores = scores + slopes[:, None, None] * (key - position)
    if cap:
        scores = cap * torch.tanh(scores / cap)
    if causal:
        scores = scores.masked_fill(key > position, -math.inf)
    if window:
        scores = scores.masked_fill(key <= position - window, -math.inf)
    if segments is not None:
        own = segments[:, -q.shape[1]:]
        scores = scores.masked_fill(own[:, None, :, None] != segments[:, None, None, :], -math.inf)
    return scores


def random(*numbers):
    """PCG3D (Jarzynski and Olano 2020), as a number from 0 to below 1 of 24 bits."""
    v = [(int(number) * 1664525 + 1013904223) & 0xffffffff for number in numbers]
    for mix in (False, True):
        if mix:
            v = [word ^ word >> 16 for word in v]
        for i in range(3):
            v[i] = (v[i] + v[(i + 1) % 3] * v[(i + 2) % 3]) & 0xffffffff
    return (v[0] >> 8) / 2 ** 24


def kept(shape, key, rate):
    """What dropout makes of weights [b,h,s,t]: factors."""
    if key is None:
        return 1.0
    batch, heads, queries, keys = shape
    return torch.tensor([[[[0.0 if random((b * heads + h) * queries + s, t + 1, key.item()) < rate else 1 / (1 - rate)
                            for t in range(keys)] for s in range(queries)] for h in range(heads)] for b in range(batch)])


def attention(q, k, v, scale, sinks=None, key=None, rate=0.0, **options):
    """The values, and the logarithm of the sum of exponentials [b,s,h]."""
    scores = attention_scores(q, k, scale, **options)
    if sinks is not None:
        column = sinks[None, :, None, None].expand(*scores.shape[:3], 1)
        scores = torch.cat([scores, column], -1)
    weights = torch.softmax(scores, -1)[..., :k.shape[1]]
    weights = weights * kept(weights.shape, key, rate)
    v = v.repeat_interleave(q.shape[2] // v.shape[2], dim=2)
    return torch.einsum("bhst,bthe->bshe", weights, v), torch.logsumexp(scores, -1).transpose(1, 2)


def attention_backward(q, k, v, dy, log_sum, delta, segments=None, key=None, rate=0.0, **options):
    """By automatic differentiation: sums of weights * (values - delta) with the weights' sums held constant."""
    q, k, v = (z if z.requires_grad else z.detach().requires_grad_() for z in (q, k, v))
    weights = torch.exp(attention_scores(q, k, segments=segments, **options) - log_sum.transpose(1, 2)[..., None])
    values = v.repeat_interleave(q.shape[2] // v.shape[2], dim=2)
    products = torch.einsum("bshe,bthe->bhst", dy, values) * kept(weights.shape, key, rate) - delta.transpose(1, 2)[..., None]
    return torch.autograd.grad((weights * products).sum(), (q, k, v), create_graph=True)


BATCH = {"positions": [0, 1, 2, 0, 1], "sequence_of": [3, 3, 3, 8, 8], "sequence_lengths": [3, 3, 3, 2, 2]}


def paged(q, k, v, batch, positions, sinks=None, slopes=None, **options):
    sequences = (slice(0, 3), slice(3, 5))
    parts = [attention(q[None, s], k[None, s], v[None, s], 0.6, sinks, slopes=slopes, **options)[0][0]
             for s in sequences]
    return torch.cat(parts)


def conv(x, k):
    return F.conv1d(x.transpose(1, 2), k.permute(2, 1, 0), stride=2).transpose(1, 2)


def depthwise(x, k):
    return F.conv1d(x.transpose(1, 2), k.T[:, None], padding=1, groups=4).transpose(1, 2)


def log_prob(x, w, targets, scale=1.0, cap=0.0):
    logits = x @ w * scale
    if cap:
        logits = cap * torch.tanh(logits / cap)
    return torch.log_softmax(logits, -1).gather(1, targets[:, None])[:, 0]


def log_prob_backward(x, w, targets, dy, scale=1.0, cap=0.0):
    """By automatic differentiation; a negative target counts nothing."""
    x, w = (z if z.requires_grad else z.detach().requires_grad_() for z in (x, w))
    y = log_prob(x, w, targets.clamp(min=0), scale, cap) * (targets >= 0)
    return y, *torch.autograd.grad((y * dy).sum(), (x, w), create_graph=True)


def log_prob_transposed(x, w, targets, dy):
    y, dx, dw = log_prob_backward(x, w.T, targets, dy)
    return y, dx, dw.T


def cross_entropy(x, labels):
    return F.cross_entropy(x, labels, reduction="none", ignore_index=-1)


TABLE = (torch.arange(12.0).reshape(3, 4) / 8)
CASES = {}


def case(name, function, *inputs):
    CASES[name] = (function, inputs)


for name, function in {
    "neg": torch.neg, "exp": torch.exp, "tanh": torch.tanh, "logistic": torch.sigmoid, "sin": torch.sin,
    "cos": torch.cos,
    "erf": torch.erf, "abs": torch.abs, "square": torch.square, "relu": torch.relu, "silu": F.silu, "gelu": F.gelu,
    "gelu_tanh": lambda x: F.gelu(x, approximate="tanh"), "gelu_quick": lambda x: x * torch.sigmoid(1.702 * x),
    "clamp": lambda x: torch.clamp(x, -0.25, 0.5), "soft_cap": lambda x: 1.5 * torch.tanh(x / 1.5),
    "scale": lambda x: -2.5 * x, "shift": lambda x: x + 0.75, "softmax": lambda x: torch.softmax(x, -1),
    "logsumexp": lambda x: torch.logsumexp(x, -1), "layer_norm.plain": lambda x: F.layer_norm(x, (4,), eps=1e-5),
    "mul.square": lambda x: x * x,
}.items():
    case(name, function, real(3, 4))
for name, function in {"log": torch.log, "sqrt": torch.sqrt, "rsqrt": torch.rsqrt}.items():
    case(name, function, real(3, 4, low=0.2, high=3))
for name, function in {"add": torch.add, "sub": torch.sub, "mul": torch.mul, "maximum": torch.maximum,
                       "minimum": torch.minimum,
                       "ge": lambda a, b: (a >= b).double() + 0 * a,
                       "lt": lambda a, b: (a < b).double() + 0 * a}.items():
    case(name, function, real(3, 4), real(4))
case("div", torch.div, real(3, 4), real(4, low=0.5, high=2))
case("pow", torch.pow, real(3, 4, low=0.2, high=2), real(4))
case("eq", lambda a, b: (a == b).double() + 0 * a,
     torch.tensor([[1.0, 2, 3, 4], [5, 6, 7, 8], [1, 6, 3, 8]]), torch.tensor([1.0, 6, 7, 9]))
case("add.signature", lambda x, w: x + w[:, None], real(3, 4), real(3))
case("mul.stretch", torch.mul, real(2, 1, 3), bf16(4, 1))
case("select", lambda c, x, y: torch.where(c != 0, x, y), ints([1], [0], [7]), real(3, 4), real(3, 4))
case("cast", lambda x: x, bf16(3, 4))
case("contract", torch.bmm, real(2, 3, 4), real(2, 4, 5))
case("contract.permuted", lambda x, w: torch.einsum("kbm,nbk->mnb", x, w), real(4, 2, 3), bf16(5, 2, 4))
case("linear", lambda x, w: x @ w.T, real(3, 4), bf16(6, 4))
case("linear.plain", lambda x, w: x @ w, real(2, 3, 4), real(4, 6))
case("reduce", lambda x: x.sum(1).T, real(3, 4, 2))
case("reduce.max", lambda x: x.amax(1).T, real(3, 4, 2))
case("reduce.min", lambda x: x.amin(1).T, real(3, 4, 2))
case("generic.conv", conv, real(1, 9, 4), real(3, 4, 5))
case("generic.padded", depthwise, real(1, 6, 4), real(3, 4))
case("generic.scatter", lambda x, ids: torch.zeros(5, 4).index_add(0, ids, x), real(4, 4), ints(1, 3, 1, 0))
case("reshape", lambda x: x.reshape(3, 2, 6), real(3, 12))
case("transpose", lambda x: x.transpose(0, 1), real(4, 2, 3))
case("broadcast", lambda x: x.expand(3, 4), real(4))
case("broadcast.like", lambda x, l: x.expand(5, 4), real(4), ints(0, 0, 0, 0, 0))
case("slice", lambda x: x[:, 2:5], real(3, 6))
case("concat", lambda *parts: torch.cat(parts, 1), real(3, 4), real(3, 2), real(3, 3))
case("pad", lambda x: F.pad(x, (0, 0, 2, 1)), real(3, 4))
case("gather_rows", lambda table, ids: table[ids], bf16(5, 4), ints(4, 0, 4))
case("take", lambda x, rows: x[rows], real(4, 2, 3), ints(3, 1))
case("iota", lambda: torch.arange(6.0))
case("one_hot", lambda ids: F.one_hot(ids, 5).double(), ints([0, 4], [2, 2], [3, 1]))
case("rms_norm", lambda x, w: rms_norm(x, w, 1e-5), real(3, 4), bf16(4))
case("rms_norm.offset", lambda x, w: rms_norm(x, w, 1e-6, 1.0), real(3, 2, 4), real(4))
case("layer_norm", lambda x, w, b: F.layer_norm(x, (4,), w, b, 1e-5), real(3, 4), real(4), real(4))
case("layer_norm.weight", lambda x, w: F.layer_norm(x, (4,), w, None, 1e-3), real(3, 4), real(4))
case("rotary_table", lambda p, f: (torch.cos(p[:, None] * f) * 1.25, torch.sin(p[:, None] * f) * 1.25),
     ints(0, 3, 11), real(3))
case("rotary_table.rows", lambda p, f: (torch.cos(p[:, None] * f), torch.sin(p[:, None] * f)),
     ints(0, 3, 11), real(3, 3))
case("rotary", lambda x, c, s: rotate(x, c.detach(), s.detach(), False), real(3, 2, 6), real(3, 2), real(3, 2))
case("rotary.interleaved", lambda x, c, s: rotate(x, c.detach(), s.detach(), True),
     real(3, 2, 6), real(3, 2), real(3, 2))
case("sequence_lengths", lambda batch: torch.tensor(batch["sequence_lengths"]), BATCH)
QKV = real(2, 3, 4, 3), real(2, 5, 2, 3), real(2, 5, 2, 2)
case("attention", lambda q, k, v: attention(q, k, v, 0.6), *QKV)
case("attention.full", lambda q, k, v: attention(q, k, v, 0.6, causal=False), *QKV)
case("attention.window", lambda q, k, v, sinks: attention(q, k, v, 0.6, sinks, window=2, cap=2.0), *QKV, real(4))
ROWS = real(5, 4, 3), real(5, 2, 3), real(5, 2, 2), BATCH, ints(*BATCH["positions"])
case("paged_attention", paged, *ROWS)
case("paged_attention.all",
     lambda q, k, v, b, p, sinks, slopes: paged(q, k, v, b, p, sinks, slopes, window=2, cap=2.0),
     *ROWS, real(4), real(4))
case("cross_entropy", cross_entropy, real(4, 5), ints(3, -1, 0, 4))
case("linear_log_prob", lambda x, w, t: log_prob(x, w.T, t), real(3, 4), bf16(5, 4), ints(1, 4, 0))
case("linear_log_prob.capped", lambda x, w, t: log_prob(x, w, t, 0.5, 1.5), real(3, 4), real(4, 5), ints(1, 4, 0))
case("use", lambda: TABLE)
case("constant", lambda: torch.tensor([1.0, -2.5, 0.125]))
case("pack", lambda w: w, real(6, 4))
case("fused", lambda x, w: F.silu(rms_norm(x, w, 1e-6)), real(3, 4), real(4))
case("attention.segments", lambda q, k, v, segments: attention(q, k, v, 0.6, segments=segments),
     real(2, 3, 4, 3), real(2, 5, 2, 3), real(2, 5, 2, 2), ints([0, 0, 1, 1, 1], [1, 1, 2, 2, 3]))
BACKWARD = real(2, 3, 4, 3), real(2, 5, 2, 3), real(2, 5, 2, 2), real(2, 3, 4, 2), real(2, 3, 4), real(2, 3, 4)
for name, options in (("", {}), (".full", {"causal": False}), (".window", {"window": 2, "cap": 2.0})):
    case("attention_gradients" + name,
         lambda *inputs, options=options: attention_backward(*inputs, scale=0.6, **options), *BACKWARD)
case("attention_gradients.segments", lambda *inputs: attention_backward(*inputs, scale=0.6), *BACKWARD,
     ints([0, 0, 1, 1, 1], [1, 1, 2, 2, 3]))
case("after", lambda x, done: x, real(2, 3), real(4))
case("linear_log_prob_gradients", lambda x, w, t, dy: log_prob_transposed(x, w, t, dy), real(5, 4), bf16(6, 4),
     ints(1, 4, -1, 0, 5), real(5))
case("linear_log_prob_gradients.tiles", lambda *inputs: log_prob_backward(*inputs, 0.5, 1.5), real(5, 4), real(4, 6),
     ints(1, 4, -1, 0, 5), real(5))
SEGMENTS = ints([0, 0, 1, 1, 1], [1, 1, 2, 2, 3])
case("attention.dropped", lambda q, k, v, sinks, segments, key: attention(q, k, v, 0.6, sinks, key, 0.4, segments=segments),
     real(2, 3, 4, 3), real(2, 5, 2, 3), real(2, 5, 2, 2), real(4), SEGMENTS, torch.tensor([70001.0]))
case("attention_gradients.dropped", lambda *inputs: attention_backward(*inputs, 0.4, scale=0.6, cap=2.0), *BACKWARD,
     SEGMENTS, torch.tensor([9.0]))
case("by_rows", lambda x, t, w, b: (cross_entropy(x @ w.T + b, t), torch.logsumexp(x @ w.T + b, -1)), real(6, 4),
     ints(1, 4, -1, 0, 2, 3), real(5, 4), bf16(5))
case("by_rows.sums", lambda x, d, w: (x @ w.T * d, (x @ w.T * d).T @ x, x.sum(0)), real(4, 3), real(4, 2), real(2, 3))
NOT_DIFFERENTIABLE = {"sequence_lengths", "one_hot", "iota", "use", "constant", "fused", "paged_attention",
                      "paged_attention.all"}


def encode(value):
    if isinstance(value, dict):
        return {"batch": value}
    return {"shape": list(value.shape), "values": [float(v) for v in value.detach().flatten().tolist()]}


def record(name, function, inputs):
    def leaf(value):
        is_real = isinstance(value, torch.Tensor) and value.is_floating_point()
        return value.clone().requires_grad_() if is_real else value

    leaves = [leaf(value) for value in inputs]
    results = function(*leaves)
    results = results if isinstance(results, tuple) else (results,)
    entry = {"inputs": [encode(v) for v in inputs], "results": [encode(r) for r in results]}
    if name in NOT_DIFFERENTIABLE:
        return entry
    cotangents = [torch.cos(torch.arange(float(r.numel())) * 0.7 + i).reshape(r.shape) for i, r in enumerate(results)]
    floats = [v for v in leaves if isinstance(v, torch.Tensor) and v.requires_grad]
    loss = sum((r * c).sum() for r, c in zip(results, cotangents))
    gradients = torch.autograd.grad(loss, floats, allow_unused=True)
    entry["cotangents"] = [encode(c) for c in cotangents]
    entry["gradients"] = [None if g is None else encode(g) for g in gradients]  # of the floating point inputs, in order
    return entry


goldens = {name: record(name, *case) for name, case in CASES.items()}
path = pathlib.Path(__file__).parent / "dialect" / "ops.json"
path.parent.mkdir(exist_ok=True)
lines = [f"{json.dumps(name)}: {json.dumps(entry, separators=(',', ':'))}" for name, entry in sorted(goldens.items())]
path.write_text("{\n" + ",\n".join(lines) + "\n}\n")
print(f"{path}: {len(goldens)} cases")
