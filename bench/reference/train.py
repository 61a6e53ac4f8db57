"""Training steps with the original ReDiff code, one JSON-lines request at a time.

    python train.py --clone ReDiff --checkpoint FOLDER [--threads 2]

Request: {"op": "train", "ids": [...], "labels": [...], "seeds": [...], "learning_rate": 1e-5, "profile": false}
    One optimizer step for each seed on the same sample of one micro-batch: forward pass with the original's loss,
    backward pass, clipping at 1.0, torch's AdamW (betas 0.9 and 0.999, eps 1e-8, no decay), as its Trainer does it.
    `labels` are ids or -100. The seed is given to torch before the step: draws are the original's own.
    Reply: {"losses", "norms", "step_seconds", "cpu_seconds", "peak_rss_bytes"}; the optimizer's state lives on between
    requests. `cpu_seconds` are of all threads: with one thread they tell on a busy machine what `step_seconds` cannot.

The model is in training mode with the Trainer's gradient checkpointing. Token embeddings are looked up here, inside the
step, and go to the language model's forward as they would after pictures were put in: a text-only batch cannot pass
the original's own front, which needs a picture tower.
"""

from protocol import PeakMemory, claim_stdout, serve

channel = claim_stdout()

import argparse
import time

import torch

import original


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--clone", required=True)
    parser.add_argument("--checkpoint", required=True)
    parser.add_argument("--threads", type=int, default=2)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    model, _, ids = original.load(arguments.clone, arguments.checkpoint)
    # The language model's loss; the class on top only puts picture features in front of it.
    language_model = type(model).__bases__[0]
    original.replace_literals(language_model.forward, ids)
    model.train()
    model.config.use_cache = False
    model.gradient_checkpointing_enable()
    parameters = [p for p in model.parameters() if p.requires_grad]
    optimizer = None

    def step(request, seed):
        nonlocal optimizer
        if optimizer is None:
            optimizer = torch.optim.AdamW(
                parameters, lr=request["learning_rate"], betas=(0.9, 0.999), eps=1e-8, weight_decay=0.0
            )
        input_ids = torch.tensor([request["ids"]])
        labels = torch.tensor([request["labels"]])
        torch.manual_seed(seed)
        loss = language_model.forward(
            model,
            inputs_embeds=model.get_model().embed_tokens(input_ids),
            labels=labels,
            revise=True,
            revise_indices=torch.zeros_like(labels, dtype=torch.bool),
            return_dict=True,
        ).loss
        loss.backward()
        norm = torch.nn.utils.clip_grad_norm_(parameters, 1.0)
        optimizer.step()
        optimizer.zero_grad()
        return loss.item(), norm.item()

    def train(request):
        memory = PeakMemory()
        memory.reset()
        losses, norms, seconds, cpu_seconds = [], [], [], []
        for seed in request["seeds"]:
            began, cpu_began = time.perf_counter(), time.process_time()
            loss, norm = step(request, seed)
            seconds.append(time.perf_counter() - began)
            cpu_seconds.append(time.process_time() - cpu_began)
            losses.append(loss)
            norms.append(norm)
        return {
            "losses": losses,
            "norms": norms,
            "step_seconds": seconds,
            "cpu_seconds": cpu_seconds,
            "peak_rss_bytes": memory.bytes(),
            "peak_rss_since_request": memory.since_reset,
        }

    hello = {
        "torch": torch.__version__,
        "threads": torch.get_num_threads(),
        "parameters": sum(p.numel() for p in parameters),
    }
    serve(channel, hello, {"train": train})


if __name__ == "__main__":
    main()
