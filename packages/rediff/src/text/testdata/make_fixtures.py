"""Makes tokenizer/ (a small tokenizer in the format of LLaDA's) and python.json (what Python makes of it).

    pip install tokenizers==0.19.1 transformers==4.43.4 jinja2
    python make_fixtures.py && npx biome check --write .

Both are committed; the tests read them and need no Python."""

import json
import random
import shutil
import tempfile
from pathlib import Path

from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import AutoTokenizer

HERE = Path(__file__).parent
SPECIAL = [
    "<|startoftext|>", "<|endoftext|>", "[CLS]", "<|reserved_token_0|>", "<|mdm_mask|>",
    "<|start_header_id|>", "<|end_header_id|>", "<|eot_id|>",
]
# The pattern of LLaDA's tokenizer.json: single digits, a newline at the end of a run of spaces on its own.
SPLIT = (
    r"'(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?+\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]++[\r\n]*|\s*[\r\n]|\s+(?!\S)|\s+"
)
CORPUS = """A photograph of a street after the rain. The user asks the assistant what can be seen in the image, and the
assistant answers: there is a white truck in front of the station, two dogs and a woman with an umbrella.
Please describe the image in detail. What color is the car? How many people are there? It's a red one, I'm sure.
system user assistant dummy helpful language vision understand visual content provides tasks natural
"""
TEMPLATE = (
    "{% for message in messages %}"
    "{% set text = '<|start_header_id|>' + message['role'] + '<|end_header_id|>\n\n' + message['content'] | trim"
    " + '<|eot_id|>' %}"
    "{% if loop.first %}{% set text = bos_token + text %}{% endif %}{{ text }}"
    "{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|start_header_id|>assistant<|end_header_id|>\n\n' }}{% endif %}"
)


def write_tokenizer(folder):
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([
        pre_tokenizers.Split(Regex(SPLIT), behavior="isolated"),
        pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
    ])
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=400, initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), show_progress=False
    )
    tokenizer.train_from_iterator([CORPUS] * 4, trainer)
    tokenizer.add_special_tokens([AddedToken(token, normalized=False, special=True) for token in SPECIAL])
    folder.mkdir(exist_ok=True)
    tokenizer.save(str(folder / "tokenizer.json"))

    named = {"bos_token": SPECIAL[0], "cls_token": "[CLS]", "eos_token": SPECIAL[1], "pad_token": SPECIAL[1]}
    added = {
        tokenizer.token_to_id(token): {
            "content": token, "lstrip": False, "normalized": False, "rstrip": False, "single_word": False,
            "special": True,
        }
        for token in SPECIAL
    }
    config = {
        "added_tokens_decoder": added, **named, "additional_special_tokens": SPECIAL[3:],
        "chat_template": TEMPLATE, "clean_up_tokenization_spaces": False,
        "model_max_length": 10**30, "tokenizer_class": "PreTrainedTokenizerFast",
    }
    write_json(folder / "tokenizer_config.json", config)
    write_json(folder / "special_tokens_map.json", named)


ALPHABETS = [
    "abcdefgh ijklmnop qrstuvwxyz ", "ABC DEFG", "0123456789", " \t\n\r\u00a0\u3000\u2028\u200b\ufeff\x85\x1c", ".,;:!?'\"()[]{}<>|/-_@#*`~",
    "".join(map(chr, range(0xC0, 0x250))), "".join(map(chr, range(0x370, 0x400))), "".join(map(chr, range(0x400, 0x500))),
    "".join(map(chr, range(0x5D0, 0x5EB))), "".join(map(chr, range(0x620, 0x670))), "".join(map(chr, range(0x905, 0x960))),
    "".join(map(chr, range(0x300, 0x340))), "".join(map(chr, range(0x3041, 0x30F0))), "".join(map(chr, range(0x4E00, 0x5000))),
    "".join(map(chr, range(0xAC00, 0xAD00))), "".join(map(chr, range(0x2460, 0x2490))), "".join(map(chr, range(0x1F300, 0x1F500))),
    "\U0001F468\u200d\U0001F469\ufe0f\u20e3", "\u0000\u0001\u007f\u00ad\ue000\ufffd",
]
PIECES = SPECIAL + ["<|eot_id", "<image>", "\n\n", "it's", "I'LL", "THEY'VE", " \n \n", "  ", "assistant", "<|<|eot_id|>|>"]


def random_text(rng):
    parts = []
    for _ in range(rng.randrange(1, 6)):
        if rng.random() < 0.3:
            parts.append(rng.choice(PIECES))
        else:
            alphabet = rng.choice(ALPHABETS)
            parts.append("".join(rng.choice(alphabet) for _ in range(rng.randrange(1, 9))))
    return "".join(parts)


def encode_rows(tokenizer, texts):
    return [{"text": text, "ids": tokenizer(text).input_ids} for text in texts]


def decode_rows(tokenizer, sequences):
    return [
        {"ids": ids, "text": tokenizer.decode(ids), "skipped": tokenizer.decode(ids, skip_special_tokens=True)}
        for ids in sequences
    ]


def variant(folder, changes, texts, with_map=True):
    """The same tokenizer with another configuration: what is added, what counts as special, clean-up."""
    with tempfile.TemporaryDirectory() as temporary:
        copy = Path(temporary) / "tokenizer"
        shutil.copytree(folder, copy)
        config = json.loads((copy / "tokenizer_config.json").read_text())
        config = {key: value for key, value in {**config, **changes}.items() if value is not None}
        write_json(copy / "tokenizer_config.json", config)
        special_map = {"additional_special_tokens": ["<extra>"]} if with_map else {}
        write_json(copy / "special_tokens_map.json", special_map)
        tokenizer = AutoTokenizer.from_pretrained(copy)
        rows = encode_rows(tokenizer, texts)
        return {
            "config": changes, "special_tokens_map": special_map, "length": len(tokenizer), "encode": rows,
            "decode": decode_rows(tokenizer, [row["ids"] for row in rows]),
        }


def write_json(path, value):
    path.write_text(json.dumps(value, indent=2) + "\n")


def main():
    folder = HERE / "tokenizer"
    write_tokenizer(folder)
    tokenizer = AutoTokenizer.from_pretrained(folder)
    rng = random.Random(20240611)

    def chat_text():
        # U+FEFF, U+001C and U+0085 left out: str.strip() and JavaScript's trim() disagree on them (see chat.ts).
        return random_text(rng).translate({0xFEFF: "", 0x1C: "", 0x85: ""})

    def message():
        content = rng.choice(["", " \n", "\t"]) + chat_text() + rng.choice(["", "  ", "\n"])
        return {"role": rng.choice(["user", "assistant"]), "content": content}

    chats = [
        [{"role": "system", "content": chat_text()}, *(message() for _ in range(rng.randrange(1, 4)))] for _ in range(12)
    ]
    known = {token: {"content": token, "special": True, "normalized": False} for token in SPECIAL}
    first = tokenizer.convert_tokens_to_ids(SPECIAL[0])
    decoder = {str(first + index): flags for index, flags in enumerate(known.values())}
    texts = ["a <extra> b", "<plain>x<|eot_id|> . It 's n't ,", "<image> dog ?<|mdm_mask|>"]
    plain = {"content": "<plain>", "special": False, "normalized": False}
    result = {
        "length": len(tokenizer),
        "encode": encode_rows(tokenizer, [random_text(rng) for _ in range(120)]),
        "decode": decode_rows(
            tokenizer,
            [[rng.randrange(len(tokenizer)) for _ in range(rng.randrange(0, 12))] for _ in range(60)]
            # a BOM, half a character, a special token between the halves, a row of padding
            + [[*tokenizer("\ufeffx").input_ids], tokenizer("\u6f22").input_ids[:2], [len(tokenizer) + 3, 5]],
        ),
        "chat": [
            {"messages": chat, "prompt": tokenizer.apply_chat_template(chat, tokenize=False, add_generation_prompt=True)}
            for chat in chats
        ],
        "variants": [
            variant(folder, {"added_tokens_decoder": {**decoder, "900": plain}, "clean_up_tokenization_spaces": True}, texts),
            variant(folder, {"added_tokens_decoder": decoder, "additional_special_tokens": ["<extra>"]}, texts),
            variant(folder, {"added_tokens_decoder": None, "additional_special_tokens": ["<plain>"]}, texts),
            variant(folder, {"added_tokens_decoder": None, "cls_token": "dog"}, texts, with_map=False),
        ],
    }
    (HERE / "python.json").write_text(json.dumps(result) + "\n")


if __name__ == "__main__":
    main()
