"""Loads the original ReDiff model from a clone of its repository, unmodified, for decoding on a CPU.

The clone is only imported. What keeps it from running on a checkpoint other than the released one is set right from
outside, and none of it changes a number or costs time:

- token ids stand as literals in the decode loop: they are replaced in the compiled function by the ids that the
  checkpoint's tokenizer gives to the same special tokens;
- the picture tower is fetched by name when the model is built: prompt embeddings are given here, so the model is built
  without one (as the original does for a configuration that names none);
- float32 is not among the dtypes that its loader offers, and the loader picks the class by the folder's name: the
  class is used directly, as the loader would.

The original also shortens the vocabulary to the tokenizer's length after loading; `resize_to_tokenizer` does the same.
"""

import json
import os
import sys
import types

import torch

# Special tokens by the literal that stands for them in the original's code.
TOKEN_BY_LITERAL = {
    126080: "<|startoftext|>",
    126081: "<|endoftext|>",
    126336: "<|mdm_mask|>",
    126346: "<|start_header_id|>",
    126347: "<|end_header_id|>",
    126348: "<|eot_id|>",
}
MASK_LITERAL = 126336


def import_model_class(clone):
    sys.path.insert(0, os.path.join(clone, "train"))
    from llava.model.language_model.llava_llada import LlavaLLaDAConfig, LlavaLLaDAModelLM

    return LlavaLLaDAConfig, LlavaLLaDAModelLM


def special_ids(checkpoint):
    """The checkpoint's id for each literal, by the names in its tokenizer.json."""
    with open(os.path.join(checkpoint, "tokenizer.json"), encoding="utf-8") as handle:
        added = {token["content"]: token["id"] for token in json.load(handle)["added_tokens"]}
    missing = [token for token in TOKEN_BY_LITERAL.values() if token not in added]
    if missing:
        raise ValueError(f"{checkpoint}/tokenizer.json lacks the special tokens {missing}")
    return {literal: added[token] for literal, token in TOKEN_BY_LITERAL.items()}


def replace_literals(function, replacements):
    """Replaces integer constants in a function's compiled code, in the tuples among its constants too."""
    while hasattr(function, "__wrapped__"):
        function = function.__wrapped__

    def replaced(constant):
        if type(constant) is int:
            return replacements.get(constant, constant)
        if isinstance(constant, (tuple, frozenset)):
            return type(constant)(map(replaced, constant))
        if isinstance(constant, types.CodeType):
            return constant.replace(co_consts=tuple(map(replaced, constant.co_consts)))
        return constant

    function.__code__ = replaced(function.__code__)
    return function


def load(clone, checkpoint, *, resize_to_tokenizer=False, dtype=torch.float32, layers=None):
    """Returns (model, tokenizer, ids): the original's model on the CPU with SDPA attention, ready to decode; its first
    `layers` layers, all by default."""
    config_class, model_class = import_model_class(clone)
    from transformers import AutoTokenizer

    config = config_class.from_pretrained(checkpoint)
    if hasattr(config, "mm_vision_tower"):
        del config.mm_vision_tower
    if layers is not None:
        config.num_hidden_layers = layers
    model = model_class.from_pretrained(
        checkpoint, config=config, torch_dtype=dtype, attn_implementation="sdpa", low_cpu_mem_usage=True
    )
    model.eval()
    tokenizer = AutoTokenizer.from_pretrained(checkpoint, use_fast=False)
    if resize_to_tokenizer:
        model.resize_token_embeddings(len(tokenizer))
    ids = special_ids(checkpoint)
    replace_literals(model_class.generate_with_embeds, ids)
    return model, tokenizer, ids
