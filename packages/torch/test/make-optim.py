"""Makes optim.json: what Python's torch computes with its optimizers and its clipping.

    pip install torch
    python make-optim.py && npx biome check --write .

It is committed; the tests read it and need no Python."""

import json
import math
from pathlib import Path

import torch

HERE = Path(__file__).parent


def numbers(shape, seed):
    """Exact in every dtype used here: multiples of 1/64 between -1 and 1."""
    count = math.prod(shape)
    return (torch.tensor([(i * 37 + seed * 11) % 127 - 63 for i in range(count)]) / 64).reshape(shape)


SHAPES = {"decays": [3, 4], "plain": [5], "late": [2, 2]}
STEPS = 5


def gradient(name, step):
    """`late` has none in the first two steps."""
    if name == "late" and step < 2:
        return None
    return numbers(SHAPES[name], 5 + step * 3 + len(name)) * (0.5 + step)


def adamw(dtype, optimizer_kind):
    weights = {name: torch.nn.Parameter(numbers(shape, i).to(dtype)) for i, (name, shape) in enumerate(SHAPES.items())}
    groups = [
        {"params": [weights["decays"], weights["late"]], "lr": 1e-2, "weight_decay": 0.1},
        {"params": [weights["plain"]], "lr": 3e-3, "weight_decay": 0.0},
    ]
    optimizer = torch.optim.AdamW(groups, betas=(0.9, 0.98), eps=1e-6, **optimizer_kind)
    base = [group["lr"] for group in optimizer.param_groups]
    for step in range(STEPS):
        for group, lr in zip(optimizer.param_groups, base):
            group["lr"] = lr * (1 - step / 10)
        for name, weight in weights.items():
            weight.grad = None if gradient(name, step) is None else gradient(name, step).to(dtype)
        optimizer.step()
    state = {name: optimizer.state[weight] for name, weight in weights.items()}
    return {
        name: {
            "weight": weight.detach().flatten().tolist(),
            "exp_avg": state[name]["exp_avg"].flatten().tolist(),
            "exp_avg_sq": state[name]["exp_avg_sq"].flatten().tolist(),
            "step": int(state[name]["step"]),
            "bfloat16": weight.detach().to(torch.bfloat16).float().flatten().tolist(),
        }
        for name, weight in weights.items()
    }


def clipping(max_norm):
    parameters = [torch.nn.Parameter(torch.zeros(shape)) for shape in SHAPES.values()]
    for i, parameter in enumerate(parameters):
        parameter.grad = numbers(list(parameter.shape), i + 3)
    norm = torch.nn.utils.clip_grad_norm_(parameters, max_norm)
    return {"norm": norm.item(), "gradients": [parameter.grad.flatten().tolist() for parameter in parameters]}


torch.set_num_threads(1)
result = {
    "torch": torch.__version__,
    "adamw_float32": adamw(torch.float32, {"foreach": False}),
    "adamw_float64": adamw(torch.float64, {"foreach": False}),
    "clipping": {"5": clipping(5.0), "0.25": clipping(0.25)},
}
(HERE / "optim.json").write_text(json.dumps(result, indent=2) + "\n")
