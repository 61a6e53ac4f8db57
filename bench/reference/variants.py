"""Two faster versions of the original, to be measured beside: what its own authors made of it, and what one would make of it
in an afternoon.

- `trimmed`: without the dense mask of zeros that it hands to attention, and with head and softmax over the answer's rows
  only. Its transformer is the original's; the loop around it is written here, for what is measured: one block, no
  revising, the surest tokens first.
- `hooked`: LLaDA-V's Fast-dLLM hook (train/llava/hooks/fast_dllm_hook.py of its later versions), unmodified: the clone has to
  be one of LLaDA-V.
"""

import torch

import original

# Tokens that are never written where a mask was, by the original's literals.
FORBIDDEN = (126080, 126081, 126346, 126347)


def trim(model, ids):
    """The loop of the trimmed version: prompt embeddings and a schedule to tokens."""
    model.get_model()._update_causal_mask = lambda *args, **kwargs: None

    def generate(inputs_embeds, *, steps, gen_length, block_length, mask_id, **_):
        assert block_length == gen_length, "one block"
        embed = model.get_model().embed_tokens
        start = inputs_embeds.shape[1]
        x = torch.full((1, start + gen_length), mask_id)
        tokens = x[0, start:]
        rows = torch.cat([inputs_embeds, embed(tokens)[None]], dim=1)
        forbidden = [ids[literal] for literal in FORBIDDEN]
        for step in range(steps):
            masked = tokens == mask_id
            hidden = model.get_model()(inputs_embeds=rows)[0][0, start:]
            logits = model.lm_head(hidden).float()
            logits[:, forbidden] = torch.where(masked[:, None], -torch.inf, logits[:, forbidden])
            shares = torch.softmax(logits.double(), dim=-1)
            confidence, likeliest = shares.max(dim=-1)
            confidence[~masked] = -torch.inf
            quota = gen_length // steps + (step < gen_length % steps)
            chosen = torch.topk(confidence, quota).indices
            tokens[chosen] = likeliest[chosen]
            rows[0, start + chosen] = embed(likeliest[chosen])
        return x[:, start:]

    return generate


def hook(model, ids):
    """The hook's own loop."""
    from llava.hooks.fast_dllm_hook import FastDLLMGenerationHook, register_fast_dllm_hook

    original.replace_literals(FastDLLMGenerationHook._fast_generate_with_embeds, ids)
    return register_fast_dllm_hook(model)._fast_generate_with_embeds


VARIANTS = {"trimmed": trim, "hooked": hook}
