"""Makes python.json: how Python's torch begins a low-rank correction, and what Python's tensorboard writes.

    pip install torch tensorboard
    python make_fixtures.py && npx biome check --write .

It is committed; the tests read it and need no Python."""

import io
import json
import math
from pathlib import Path

import torch
from tensorboard.compat.proto.event_pb2 import Event, SessionLog
from tensorboard.compat.proto.summary_pb2 import Summary
from tensorboard.summary.writer.record_writer import RecordWriter

HERE = Path(__file__).parent


def lora_start(seed, rank, inputs):
    generator = torch.Generator().manual_seed(seed)
    return torch.nn.init.kaiming_uniform_(torch.empty(rank, inputs), a=math.sqrt(5), generator=generator).flatten().tolist()


def records():
    scalars = [Summary.Value(tag="train/loss", simple_value=1.5), Summary.Value(tag="train/lr", simple_value=1e-5)]
    events = [
        Event(wall_time=1700000000.25, file_version="brain.Event:2"),
        Event(wall_time=1700000001.5, step=300, session_log=SessionLog(status=SessionLog.START)),
        Event(wall_time=1700000002.0, step=300, summary=Summary(value=scalars)),
    ]
    written = []
    for event in events:
        file = io.BytesIO()
        RecordWriter(file).write(event.SerializeToString())
        written.append(file.getvalue().hex())
    return written


torch.set_num_threads(1)
result = {
    "torch": torch.__version__,
    "records": records(),
    "lora_start": {"seed": 7, "rank": 2, "inputs": 24, "values": lora_start(7, 2, 24)},
}
(HERE / "python.json").write_text(json.dumps(result, indent=2) + "\n")
