"""Decodes with the original ReDiff code, one JSON-lines request at a time.

    python decode.py --clone ReDiff --checkpoint FOLDER [--threads 2] [--resize-to-tokenizer] [--variant trimmed|hooked]

With --variant another loop is measured in the place of the original's (variants.py); requests and replies are the same.

Requests:
    {"op": "decode", "prompt_ids": [...], "steps": 32, "gen_length": 128, "block_length": 128, ...,
     "max_forwards": 3}
        `prompt_ids` are embedded with the checkpoint's table (no picture); every further key but `max_forwards`,
        `prompt_file` and `id` goes to the original's generate_with_embeds as it is. `prompt_file` names a safetensors
        file whose `inputs_embeds` [1, P, D] is used instead of `prompt_ids`.
        Reply: {"tokens", "forwards", "seconds", "step_seconds", "peak_rss_bytes", "finished"}.
        `step_seconds[i]` runs from the start of forward pass i to the start of the next (or the end): head, choice and
        bookkeeping of the step included. With `max_forwards` the loop is broken off when it is about to begin one
        more, `finished` is false and `tokens` is the row as it stands, still masked where it is (the answer part).
    {"op": "profile", ... as decode}: the same under torch.profiler; {"ops": [{"name", "shapes", "seconds", "calls"}]}.
"""

from protocol import PeakMemory, claim_stdout, serve

channel = claim_stdout()

import argparse
import time

import torch

import original
import variants


class EnoughForwards(Exception):
    pass


class Stopwatch:
    """Notes when each forward pass of the transformer begins, and breaks off before pass `limit`."""

    def __init__(self, limit):
        self.limit = limit
        self.starts = []

    def __call__(self, module, args, kwargs):
        now = time.perf_counter()
        if self.limit is not None and len(self.starts) == self.limit:
            self.end = now
            raise EnoughForwards
        self.starts.append(now)


def row_of_interrupted_loop(error, name, start):
    """The decode loop's token row at the moment `error` left it, without the prompt part."""
    trace = error.__traceback__
    while trace is not None:
        if trace.tb_frame.f_code.co_name == name:
            return trace.tb_frame.f_locals["x"][0, start:].tolist()
        trace = trace.tb_next
    raise RuntimeError(f"no frame of {name} in the traceback")


def prompt_embeddings(model, request):
    if "prompt_file" in request:
        from safetensors import safe_open

        with safe_open(request["prompt_file"], "pt") as tensors:
            for key in ("inputs_embeds", "in.inputs_embeds"):
                if key in tensors.keys():
                    return tensors.get_tensor(key)
        raise ValueError(f"{request['prompt_file']} holds no inputs_embeds")
    ids = torch.tensor([request["prompt_ids"]], dtype=torch.long)
    return model.get_model().embed_tokens(ids)


@torch.no_grad()
def decode(model, tokenizer, ids, request, generate=None):
    options = {k: v for k, v in request.items() if k not in ("id", "op", "prompt_ids", "prompt_file", "max_forwards")}
    options.setdefault("mask_id", ids[original.MASK_LITERAL])
    if options.get("fake_ans") is not None:
        options["fake_ans"] = torch.tensor(options["fake_ans"], dtype=torch.long)
    embeddings = prompt_embeddings(model, request)
    stopwatch = Stopwatch(request.get("max_forwards"))
    hook = model.get_model().register_forward_pre_hook(stopwatch, with_kwargs=True)
    memory = PeakMemory()
    memory.reset()
    began = time.perf_counter()
    # LLaDAModelLM's method: the subclass only puts picture features in front of it.
    generate = generate or model.generate_with_embeds
    try:
        tokens = generate(inputs_embeds=embeddings, tokenizer=tokenizer, **options)[0].tolist()
        end, finished = time.perf_counter(), True
    except EnoughForwards as error:
        tokens = row_of_interrupted_loop(error, generate.__name__, embeddings.shape[1])
        end, finished = stopwatch.end, False
    finally:
        hook.remove()
    marks = [*stopwatch.starts, end]
    return {
        "tokens": tokens,
        "forwards": len(stopwatch.starts),
        "seconds": end - began,
        "step_seconds": [b - a for a, b in zip(marks, marks[1:])],
        "peak_rss_bytes": memory.bytes(),
        "peak_rss_since_request": memory.since_reset,
        "finished": finished,
    }


def profile(model, tokenizer, ids, request):
    from torch.profiler import ProfilerActivity
    from torch.profiler import profile as profiler

    with profiler(activities=[ProfilerActivity.CPU], record_shapes=True) as recorded:
        reply = decode(model, tokenizer, ids, request)
    ops = [
        {
            "name": event.key,
            "shapes": event.input_shapes,
            "seconds": event.self_cpu_time_total / 1e6,
            "calls": event.count,
        }
        for event in recorded.key_averages(group_by_input_shape=True)
    ]
    ops.sort(key=lambda op: -op["seconds"])
    return {**reply, "ops": ops[:80]}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--clone", required=True)
    parser.add_argument("--checkpoint", required=True)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--resize-to-tokenizer", action="store_true")
    parser.add_argument("--variant", choices=sorted(variants.VARIANTS))
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    memory = PeakMemory()
    memory.reset()
    began = time.perf_counter()
    model, tokenizer, ids = original.load(
        arguments.clone, arguments.checkpoint, resize_to_tokenizer=arguments.resize_to_tokenizer
    )
    variant = arguments.variant and variants.VARIANTS[arguments.variant](model, ids)
    hello = {
        "torch": torch.__version__,
        "threads": torch.get_num_threads(),
        "load_seconds": time.perf_counter() - began,
        "load_peak_rss_bytes": memory.bytes(),
        "parameters": sum(p.numel() for p in model.parameters()),
        "mask_id": ids[original.MASK_LITERAL],
    }
    handlers = {
        "decode": lambda request: decode(model, tokenizer, ids, request, variant),
        "profile": lambda request: profile(model, tokenizer, ids, request),
    }
    serve(channel, hello, handlers)


if __name__ == "__main__":
    main()
