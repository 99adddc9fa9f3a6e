"""The jobs: what each runs on a shard, and what becomes of the parts."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ..shape import Shape
from .run import Cluster, Job, run, run_program
from .shards import Inputs
from .sweeps import text as sweep_text

#: Predictors whose models are counts alone: merging merges gives the bytes of merging all at once.
COUNTING = {"frequency", "layer-markov", "layer-product", "token-markov"}
#: What ``moecast train`` learns unless told otherwise.
STANDARD = "frequency,layer-markov,layer-product,token-markov,mixture"


def train(
    inputs: Inputs,
    model: str | os.PathLike[str],
    *,
    predictors: str = STANDARD,
    force: bool = False,
    cluster: Cluster | None = None,
) -> dict[str, Any]:
    """Learns from every shard by itself and merges the models: ``moecast train`` and ``merge``.

    The bytes are those of these commands over the same shards, whatever the workers. Counts are
    merged in a tree; mixtures, whose weights are averaged, all at once.

    Returns what ``moecast merge --json`` tells of the model. Raises as :func:`moecast.ray.run.run`.
    """
    told = ["--json", *(["--force"] if force else [])]
    return json.loads(train_text(inputs, model, predictors, cluster, told))


def train_text(
    inputs: Inputs,
    model: str | os.PathLike[str],
    predictors: str,
    cluster: Cluster | None,
    told: Sequence[str] = (),
) -> str:
    """The same, as ``moecast merge`` prints it with the options ``told``."""
    cluster = _beside(cluster, f"{os.fspath(model)}.parts")
    job = Job(
        command=["train"],
        options=["--quiet", "--predictor", predictors],
        output="--model",
        suffix=".h5",
        join=["merge"],
        is_exact=set(predictors.split(",")) <= COUNTING,
        memory=lambda shape: _memory(shape, predictors),
    )
    last = ["-o", os.fspath(model), *told]
    return run(inputs, job, cluster, lambda parts: run_program(["merge", *parts, *last]))


def evaluate(
    inputs: Inputs,
    model: str | os.PathLike[str],
    *,
    recall_at: str | None = None,
    cluster: Cluster | None = None,
) -> dict[str, Any]:
    """Measures a frozen model on every shard: what one ``moecast evaluate --frozen`` tells of all.

    Returns its JSON; ``seconds`` is 0, since shards were read elsewhere.
    """
    return json.loads(evaluate_text(inputs, model, recall_at, cluster, ["--json"]))


def evaluate_text(
    inputs: Inputs,
    model: str | os.PathLike[str],
    recall_at: str | None,
    cluster: Cluster | None,
    told: Sequence[str] = (),
) -> str:
    """The same, as ``moecast evaluate`` prints it with the options ``told``."""
    job = Job(
        command=["evaluate"],
        options=["--frozen", *(["--recall-at", recall_at] if recall_at else [])],
        output="--partial",
        suffix=".npz",
        join=["evaluate"],
        join_output="--partial",
        model=Path(model),
        memory=lambda shape: (256 << 20) + 4 * _size(model),
    )
    cluster = _beside(cluster, "moecast-evaluate.parts")
    return run(inputs, job, cluster, lambda parts: run_program(["evaluate", *parts, *told]))


def compare(
    inputs: Inputs,
    *,
    predictors: str | None = None,
    recall_at: str | None = None,
    resamples: int = 1000,
    seed: int = 1,
    cluster: Cluster | None = None,
) -> dict[str, Any]:
    """Compares predictors on every shard, each beginning anew, with intervals over all requests.

    Returns what ``moecast compare --json`` tells.
    """
    told = ["--json", "--resamples", str(resamples), "--seed", str(seed)]
    return json.loads(compare_text(inputs, predictors, recall_at, cluster, told))


def compare_text(
    inputs: Inputs,
    predictors: str | None,
    recall_at: str | None,
    cluster: Cluster | None,
    told: Sequence[str] = (),
) -> str:
    """The same, as ``moecast compare`` prints it with the options ``told``."""
    options = ["--predictors", predictors] if predictors else []
    job = Job(
        command=["compare"],
        options=[*options, *(["--recall-at", recall_at] if recall_at else [])],
        output="--partial",
        suffix=".npz",
        join=["compare"],
        join_output="--partial",
        memory=lambda shape: _memory(shape, predictors or "mixture,mixture-fast"),
    )
    cluster = _beside(cluster, "moecast-compare.parts")
    return run(inputs, job, cluster, lambda parts: run_program(["compare", *parts, *told]))


def analyze(
    inputs: Inputs,
    *,
    page: str | os.PathLike[str] | None = None,
    force: bool = False,
    cluster: Cluster | None = None,
) -> dict[str, Any]:
    """Counts what is regular in every shard: what one ``moecast analyze`` tells of all.

    ``page`` is a file for the report's page of observations, which replaces a file of another kind
    with ``force`` alone. Returns what ``moecast analyze --json`` tells.
    """
    path = os.fspath(page) if page else None
    return json.loads(analyze_text(inputs, cluster, ["--json"], page=path, force=force))


def analyze_text(
    inputs: Inputs,
    cluster: Cluster | None,
    told: Sequence[str] = (),
    *,
    page: str | None = None,
    force: bool = False,
) -> str:
    """The same, as ``moecast analyze`` prints it with the options ``told``."""
    job = Job(
        command=["analyze"],
        options=[],
        output="--partial",
        suffix=".npz",
        join=["analyze"],
        join_output="--partial",
        # Five tables of pairs of 4 bytes a layer; twice, as arrays and as the file of them.
        memory=lambda shape: (256 << 20) + 3 * 20 * shape.layers * shape.experts**2,
    )
    cluster = _beside(cluster, "moecast-analyze.parts")

    def finish(parts: Sequence[str]) -> str:
        if page:
            forced = ["--force"] if force else []
            run_program(["report", *parts, "--sections", "observations", "-o", page, *forced])
        return run_program(["analyze", *parts, *told])

    return run(inputs, job, cluster, finish)


def sweep(
    inputs: Inputs,
    *,
    wafers: str | None = None,
    shapes: str | None = None,
    batches: str | None = None,
    options: Sequence[str] = (),
    cluster: Cluster | None = None,
) -> list[dict[str, Any]]:
    """Simulates every configuration of ``moecast simulate sweep`` as a task of its own.

    ``wafers``, ``shapes`` and ``batches`` are names and sizes with commas; ``options`` are those of
    the program that are the same for all. All tasks read all inputs.

    Returns the rows of its ``--json``, in its order.
    """
    return json.loads(
        sweep_text(
            inputs,
            "--json",
            wafers=wafers,
            shapes=shapes,
            batches=batches,
            options=options,
            cluster=cluster or Cluster(),
        )
    )


def _beside(cluster: Cluster | None, folder: str) -> Cluster:
    """The cluster, with a folder for the parts where none is named."""
    cluster = cluster or Cluster()
    if cluster.work is None:
        cluster.work = folder
    return cluster


def _memory(shape: Shape, predictors: str) -> int:
    """Bytes that a task which learns states: the tables of pairs, and what mixtures keep beside."""
    pairs = 4 * shape.layers * shape.experts**2
    mixtures = sum(name.startswith("mixture") for name in predictors.split(","))
    return (256 << 20) + 3 * pairs * (1 + 8 * mixtures)


def _size(path: str | os.PathLike[str]) -> int:
    try:
        return os.stat(path).st_size
    except OSError:
        return 0  # Whoever reads it says so.
