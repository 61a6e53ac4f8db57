"""Makes mm_projector.bin as LLaVA's pretraining writes it: torch.save of a dict of CPU tensors, and what a fresh
projector of the same seed is in Python.

    pip install torch
    python make_fixtures.py"""

import json
from collections import OrderedDict
from pathlib import Path

import torch
from torch import nn

HERE = Path(__file__).parent
C, D = 4, 6


def fresh(seed):
    torch.manual_seed(seed)
    layers = nn.Sequential(nn.Linear(C, D), nn.GELU(), nn.Linear(D, D))
    newline = torch.randn(D) / D**0.5
    return layers, newline


layers, newline = fresh(7)
state = {f"model.mm_projector.{name}": tensor.detach() for name, tensor in layers.state_dict().items()}
torch.save({name: tensor.to(torch.bfloat16).clone() for name, tensor in state.items()}, HERE / "mm_projector.bin")

# What else torch.save may write: an OrderedDict with versions, views into one storage, a parameter.
strided = OrderedDict(layers.state_dict())
strided["model.mm_projector.2.weight"] = torch.arange(72.0).view(12, 6)[3:9].t()
strided["parameter"] = nn.Parameter(torch.tensor([1.5, -2.0], dtype=torch.float64))
torch.save(strided, HERE / "unusual.bin")

expected = {name: tensor.to(torch.bfloat16).float().flatten().tolist() for name, tensor in state.items()}
numbers = {name: tensor.flatten().tolist() for name, tensor in state.items()}
numbers["model.image_newline"] = newline.tolist()
(HERE / "python.json").write_text(json.dumps({"seed": 7, "bfloat16": expected, "fresh": numbers}) + "\n")
