"""Time per call of small operations in Python's torch, one JSON-lines request at a time.

    python overhead.py [--threads 1]

Requests: {"op": "add" | "matmul" | "block", "mode": "no_grad" | "inference_mode", "calls": 2000, "batches": 9}
Reply: {"seconds_per_call": [one per batch], "check": a number that both sides must agree on}.

The tensors are so small that a call's time is what it costs to get to the kernel and back. engine/overhead.mjs runs the
same operations, in the same order, on the same numbers.
"""

from protocol import claim_stdout, serve

channel = claim_stdout()

import argparse
import time

import torch
import torch.nn.functional as F

WIDTH, HEADS, INTERMEDIATE, LENGTH = 64, 4, 192, 16


def waves(shape, phase, scale=1.0, offset=0.0):
    """Numbers that need no random generator: offset + scale * sin(0.37 n + phase)."""
    count = 1
    for size in shape:
        count *= size
    return (torch.arange(0, count, 1, dtype=torch.float32) * 0.37 + phase).sin().mul(scale).add(offset).view(shape)


def make_add():
    a, b = waves([16, 16], 0), waves([16, 16], 1)
    return lambda: a.add(b)


def make_matmul():
    a, b = waves([64, 64], 0), waves([64, 64], 1)
    return lambda: a.matmul(b)


def make_block():
    """A LLaDA block: RMSNorm, rotary attention without a mask, SwiGLU."""
    x = waves([1, LENGTH, WIDTH], 0)
    norm1, norm2 = waves([WIDTH], 1, 0.1, 1), waves([WIDTH], 2, 0.1, 1)
    q, k, v, o = (waves([WIDTH, WIDTH], 3 + i, 0.125) for i in range(4))
    gate, up = (waves([INTERMEDIATE, WIDTH], 7 + i, 0.125) for i in range(2))
    down = waves([WIDTH, INTERMEDIATE], 9, 0.07)
    head = WIDTH // HEADS
    angles = waves([1, 1, LENGTH, head], 10)
    cos, sin = angles.cos(), angles.sin()

    def rms_norm(x, weight):
        return weight.mul(x.mul(x.pow(2).mean(-1, True).add(1e-5).rsqrt()))

    def heads(x):
        return x.view(1, LENGTH, HEADS, head).transpose(1, 2)

    def rotate(x):
        turned = torch.cat((x.narrow(-1, head // 2, head // 2).neg(), x.narrow(-1, 0, head // 2)), -1)
        return x.mul(cos).add(turned.mul(sin))

    def block():
        h = rms_norm(x, norm1)
        query, key = rotate(heads(F.linear(h, q))), rotate(heads(F.linear(h, k)))
        attended = F.scaled_dot_product_attention(query, key, heads(F.linear(h, v)))
        y = x.add(F.linear(attended.transpose(1, 2).reshape(1, LENGTH, WIDTH), o))
        h = rms_norm(y, norm2)
        return y.add(F.linear(F.silu(F.linear(h, gate)).mul(F.linear(h, up)), down))

    return block


MAKERS = {"add": make_add, "matmul": make_matmul, "block": make_block}
MODES = {"no_grad": torch.no_grad, "inference_mode": torch.inference_mode}


def measure(make, request):
    calls, batches = request["calls"], request["batches"]
    with MODES[request["mode"]]():
        run = make()
        check = run().sum().item()
        for _ in range(calls // 4):
            run()
        times = []
        for _ in range(batches):
            began = time.perf_counter()
            for _ in range(calls):
                run()
            times.append((time.perf_counter() - began) / calls)
    return {"seconds_per_call": times, "check": check}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--threads", type=int, default=1)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    handlers = {name: lambda request, make=make: measure(make, request) for name, make in MAKERS.items()}
    serve(channel, {"torch": torch.__version__, "threads": torch.get_num_threads()}, handlers)


if __name__ == "__main__":
    main()
