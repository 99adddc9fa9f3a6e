"""The sweep over configurations of the wafer: a task each, rows in the program's order."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Sequence
from pathlib import Path

from .run import Cluster, Job, run
from .shards import Inputs, Plan, Shard

#: What ``moecast simulate sweep`` goes through unless told otherwise.
WAFERS = "dojo,sow"
SHAPES = "deepseek-v3,kimi-k2,llama-4-maverick,qwen3-235b-a22b"
BATCHES = "4096,8192,16384"


def text(
    inputs: Inputs,
    form: str,
    *,
    wafers: str | None = None,
    shapes: str | None = None,
    batches: str | None = None,
    options: Sequence[str] = (),
    cluster: Cluster,
) -> str:
    """What the program prints with ``form``, ``--csv`` or ``--json``, of all configurations."""
    lists = [(wafers or WAFERS), (shapes or SHAPES), (batches or BATCHES)]
    wafer_names, shape_names, sizes = (text.split(",") for text in lists)

    def tasks(planned: Plan) -> Plan:
        files = tuple(dict.fromkeys(f for shard in planned.shards for f in shard.files))
        whole = Shard(files, bytes=sum(file.bytes for file in files))
        return dataclasses.replace(
            planned,
            shards=[
                dataclasses.replace(
                    whole, options=("--wafer", wafer, "--shape", shape, "--batch", size)
                )
                for shape in shape_names
                for wafer in wafer_names
                for size in sizes
            ],
        )

    job = Job(
        command=["simulate", "sweep"],
        options=[form, *options],
        output=None,
        suffix=form.replace("--", "."),
        join=[],
        is_exact=False,
        tasks=tasks,
        # Requests as they are, and scaled to the shape.
        memory=lambda shape: 1 << 30,
    )
    if cluster.work is None:
        cluster.work = "moecast-sweep.parts"
    join = _tables if form == "--csv" else _lists
    return run(inputs, job, cluster, lambda parts: join([Path(part).read_text() for part in parts]))


def _tables(parts: list[str]) -> str:
    """One table of several with the same heading."""
    return parts[0] + "".join(part.split("\n", 1)[1] for part in parts[1:])


def _lists(parts: list[str]) -> str:
    """One JSON list of several."""
    return json.dumps([row for part in parts for row in json.loads(part)], indent=2) + "\n"
