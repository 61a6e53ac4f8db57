"""Times a forward pass of the original at the 8B model's shapes: one of its layers, and all that is not its layers.

    python eight.py --clone ReDiff --checkpoint FOLDER [--threads 2] [--prompt 819]

A whole pass in bfloat16 takes a quarter of an hour on two cores without units for it, and its layers are alike: the model
is built with one. Reply to {"op": "pass"}: {"layer": {"cpu", "wall"}, "head": {"cpu", "wall"}}, where the head is the rest of
a step of generate_with_embeds: embeddings, final norm, head over all rows, choice and confidence.
"""

import decode  # claims stdout

import argparse
import time

import torch

import original
from protocol import serve

ANSWER = 128


def both():
    return {"cpu": time.process_time(), "wall": time.perf_counter()}


def since(before):
    return {key: value - before[key] for key, value in both().items()}


@torch.no_grad()
def measured_pass(model, tokenizer, ids, rows):
    layer = {}
    began = {}
    hooks = [
        model.get_model().layers[0].register_forward_pre_hook(lambda module, args: began.update(both())),
        model.get_model().layers[0].register_forward_hook(lambda module, args, output: layer.update(since(began))),
    ]
    prompt = [(i * 7919) % 100_000 for i in range(rows)]
    request = {"prompt_ids": prompt, "steps": 32, "gen_length": ANSWER, "block_length": ANSWER, "revise": True}
    try:
        before = both()
        decode.decode(model, tokenizer, ids, {**request, "max_forwards": 1})
        whole = since(before)
    finally:
        for hook in hooks:
            hook.remove()
    return {"layer": layer, "head": {key: whole[key] - layer[key] for key in whole}}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--clone", required=True)
    parser.add_argument("--checkpoint", required=True)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--prompt", type=int, default=819)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    model, tokenizer, ids = original.load(arguments.clone, arguments.checkpoint, dtype=torch.bfloat16, layers=1)
    hello = {"torch": torch.__version__, "threads": torch.get_num_threads()}
    serve(decode.channel, hello, {"pass": lambda request: measured_pass(model, tokenizer, ids, arguments.prompt)})


if __name__ == "__main__":
    main()
