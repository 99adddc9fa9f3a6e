"""``moecast-ray``: the jobs as a program."""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Sequence

from ..errors import Error
from . import jobs, sweeps
from .errors import ShardError
from .run import Cluster
from .shards import SHARD_BYTES, plan

EXAMPLES = """
examples:
  moecast-ray train traces/ --model model.h5
  moecast-ray train --address auto 's3://bucket/*.moe.lz4' --model model.h5
  moecast-ray evaluate held-out/ --model model.h5
  moecast-ray compare traces/ --predictors layer-markov,mixture-fast
  moecast-ray analyze traces/ -o report.html
  moecast-ray sweep trace.moe.lz4 --shape kimi-k2 > sweep.csv
  moecast-ray plan traces/ --shard-size 500MB > shards.txt
"""
UNITS = {"": 1, "kb": 10**3, "mb": 10**6, "gb": 10**9, "tb": 10**12}
UNITS.update(kib=1 << 10, mib=1 << 20, gib=1 << 30, tib=1 << 40)


def main(arguments: Sequence[str] | None = None) -> None:
    """Runs the program; exit codes are those of ``moecast``: 0 done, 1 failed, 2 wrong use."""
    options = _parser().parse_args(arguments)
    try:
        printed = options.run(options)
    except Error as error:
        sys.exit(_failed(error))
    except KeyboardInterrupt:
        print("moecast-ray: stopped; the same command goes on from there", file=sys.stderr)
        sys.exit(130)
    sys.stdout.write(printed)
    sys.stdout.flush()


def _failed(error: Error) -> int:
    """Says what went wrong, a line a file or shard."""
    lines = str(error).splitlines()
    most = 20
    if isinstance(error, ShardError) and len(lines) > most:
        lines[most - 1 : -1] = [f"and {len(lines) - most} more, which the manifest names"]
    for line in lines:
        print(f"moecast-ray: {line}", file=sys.stderr)
    return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="moecast-ray",
        description="Runs moecast on a cluster: shards in, one model or one set of figures out.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="command")

    train = _command(commands, "train", _train, "learns from every shard and merges the models")
    train.add_argument("--model", required=True, help="the model file to write")
    train.add_argument("--predictor", default=jobs.STANDARD, help="names with commas")
    train.add_argument("--force", action="store_true", help="replace a file of another kind")
    _figures(train, per_layer=False)

    evaluate = _command(commands, "evaluate", _evaluate, "measures a frozen model on every shard")
    evaluate.add_argument("--model", required=True, help="the model file")
    evaluate.add_argument("--recall-at", help="the n of recall@n with commas")
    _figures(evaluate)

    compare = _command(commands, "compare", _compare, "compares predictors, with 95 %% intervals")
    compare.add_argument("--predictors", help="names with commas")
    compare.add_argument("--recall-at", help="the n of recall@n with commas")
    compare.add_argument("--resamples", type=int, default=1000, help="draws for the intervals")
    compare.add_argument("--seed", type=int, default=1, help="seed of the draws")
    _figures(compare)

    analyze = _command(commands, "analyze", _analyze, "measures how regular the routing is")
    analyze.add_argument("-o", "--output", help="a page of the observations, as `moecast report` writes it")
    analyze.add_argument("--force", action="store_true", help="replace a file of another kind")
    _figures(analyze, stage=False)

    swept = _command(commands, "sweep", _sweep, "simulates a wafer, a configuration a task")
    swept.add_argument("--wafer", default=sweeps.WAFERS, help="systems with commas")
    swept.add_argument("--shape", default=sweeps.SHAPES, help="models with commas")
    swept.add_argument("--batch", default=sweeps.BATCHES, help="sizes with commas")
    swept.add_argument("--steps", help="steps of a batch")
    swept.add_argument("--forecast", help="forecasts of the staging engine with commas")
    swept.add_argument("--json", action="store_true", help="JSON in place of CSV")

    planned = commands.add_parser(
        "plan",
        help="writes the shards, a line each, for other schedulers; needs no Ray",
        description="Writes the shards, a line each: arguments of moecast train and its like.",
    )
    planned.set_defaults(run=_plan)
    _inputs(planned)
    planned.add_argument("--json", action="store_true", help="all that is known of them")
    return parser


def _command(commands, name: str, run, summary: str) -> argparse.ArgumentParser:
    """A command that runs on a cluster, with the options that all of them have."""
    parser = commands.add_parser(name, help=summary, description=summary[0].upper() + summary[1:])
    parser.set_defaults(run=run)
    _inputs(parser)
    cluster = parser.add_argument_group("cluster")
    cluster.add_argument(
        "--address", help="Ray's address: auto, ray://...; default: start one here"
    )
    cluster.add_argument("--workers", type=int, help="cores of the cluster that is started here")
    cluster.add_argument("--cores", type=int, default=1, help="cores that a task states (1)")
    cluster.add_argument("--memory", type=_bytes, help="memory that a task states, such as 4GB")
    cluster.add_argument("--work", help="folder of the parts and the manifest")
    cluster.add_argument("--keep", action="store_true", help="keep the parts when it is done")
    return parser


def _inputs(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "inputs", nargs="+", help="traces: files, folders, patterns, URLs of fsspec"
    )
    parser.add_argument(
        "--shard-size", type=_bytes, default=SHARD_BYTES, help="bytes of a shard (1GiB)"
    )
    parser.add_argument(
        "--storage-options", type=_json, default={}, help="fsspec's options of URLs, as JSON"
    )


def _figures(
    parser: argparse.ArgumentParser, *, stage: bool = True, per_layer: bool = True
) -> None:
    if stage and per_layer:
        parser.add_argument("--stage", help="stage that the table shows: prefill, decode or all")
    if per_layer:
        parser.add_argument("--per-layer", action="store_true", help="figures of every layer too")
    parser.add_argument("--json", action="store_true", help="JSON in place of tables")


def _bytes(text: str) -> int:
    number = text.rstrip("kKmMgGtTiIbB")
    unit = text[len(number) :].lower()
    try:
        count = int(float(number) * UNITS[unit if not unit or unit.endswith("b") else unit + "b"])
    except (KeyError, ValueError):
        raise argparse.ArgumentTypeError(f"'{text}' is no size, such as 500MB or 2GiB") from None
    if count < 1:
        raise argparse.ArgumentTypeError("a size is at least 1 byte")
    return count


def _json(text: str) -> dict:
    try:
        value = json.loads(text)
    except ValueError:
        value = None
    if not isinstance(value, dict):
        raise argparse.ArgumentTypeError("it is no JSON object")
    return value


def _told(options: argparse.Namespace) -> list[str]:
    """The options for what is told at the end, as the program has them."""
    given = vars(options)
    flags = ("json", "per_layer")
    told = [f"--{name.replace('_', '-')}" for name in flags if given.get(name)]
    if given.get("stage"):
        told += ["--stage", given["stage"]]
    return told


def _cluster(options: argparse.Namespace) -> Cluster:
    return Cluster(
        address=options.address,
        workers=options.workers,
        cores=options.cores,
        memory=options.memory,
        shard_bytes=options.shard_size,
        work=options.work,
        keep=options.keep,
        storage_options=options.storage_options,
        progress=_Bar() if sys.stderr.isatty() else None,
    )


class _Bar:
    """Progress on a terminal: shards, bytes, and the time to go."""

    def __init__(self) -> None:
        self._began: float | None = None
        self._before = 0

    def __call__(self, done: int, shards: int, of_bytes: int, all_bytes: int) -> None:
        now = time.monotonic()
        if self._began is None:
            self._began, self._before = now, of_bytes
        line = f"{done} of {shards} shards, {of_bytes / 1e9:.2f} of {all_bytes / 1e9:.2f} GB"
        rate = (of_bytes - self._before) / max(1e-3, now - self._began)
        if rate > 0:
            line += f", {rate / 1e6:.0f} MB/s, about {(all_bytes - of_bytes) / rate:.0f} s to go"
        sys.stderr.write("\r\033[K" + (line if done < shards else ""))
        sys.stderr.flush()


def _train(options: argparse.Namespace) -> str:
    return jobs.train_text(
        options.inputs,
        options.model,
        options.predictor,
        _cluster(options),
        [*_told(options), *(["--force"] if options.force else [])],
    )


def _evaluate(options: argparse.Namespace) -> str:
    return jobs.evaluate_text(
        options.inputs, options.model, options.recall_at, _cluster(options), _told(options)
    )


def _compare(options: argparse.Namespace) -> str:
    told = [*_told(options), "--resamples", str(options.resamples), "--seed", str(options.seed)]
    return jobs.compare_text(
        options.inputs, options.predictors, options.recall_at, _cluster(options), told
    )


def _analyze(options: argparse.Namespace) -> str:
    return jobs.analyze_text(
        options.inputs,
        _cluster(options),
        _told(options),
        page=options.output,
        force=options.force,
    )


def _sweep(options: argparse.Namespace) -> str:
    own = [
        word
        for name, value in (("--steps", options.steps), ("--forecast", options.forecast))
        if value
        for word in (name, value)
    ]
    form = "--json" if options.json else "--csv"
    return sweeps.text(
        options.inputs,
        form,
        wafers=options.wafer,
        shapes=options.shape,
        batches=options.batch,
        options=own,
        cluster=_cluster(options),
    )


def _plan(options: argparse.Namespace) -> str:
    planned = plan(
        options.inputs,
        shard_bytes=options.shard_size,
        storage_options=options.storage_options,
    )
    if options.json:
        shards = [
            {
                "name": shard.name,
                "files": [file.path for file in shard.files],
                "chunks": shard.chunks,
                "bytes": shard.bytes,
            }
            for shard in planned.shards
        ]
        return json.dumps(shards, indent=2) + "\n"
    return "".join(shard.arguments + "\n" for shard in planned.shards)
