"""Writes python.safetensors: a file by Python's safetensors with every dtype, for src/safetensors/*.test.ts.

Usage: python make-safetensors.py        (with torch and safetensors installed)
"""

import os

import torch
from safetensors.torch import save_file

NAMES = ["uint8", "int8", "int16", "int32", "int64", "float16", "float32", "float64", "bool", "bfloat16", "uint16", "uint32", "uint64"]
NAMES += ["float8_e5m2", "float8_e4m3fn"]

tensors = {f"of {name}": torch.tensor([[0, 1], [2, 3]]).to(getattr(torch, name)) for name in NAMES}
tensors["scalar"] = torch.tensor(-1.5)
tensors["empty"] = torch.zeros(0, 3)
for name in ["float8_e5m2", "float8_e4m3fn"]:
    tensors[f"codes of {name}"] = torch.arange(256, dtype=torch.uint8).view(getattr(torch, name))
    tensors[f"values of {name}"] = tensors[f"codes of {name}"].to(torch.float32)
save_file(tensors, os.path.join(os.path.dirname(os.path.abspath(__file__)), "python.safetensors"), {"format": "pt"})
