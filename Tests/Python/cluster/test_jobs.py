"""Jobs on a local cluster of two workers: the bytes and figures of one machine, come what may."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import moecast
import numpy as np
import pytest
from conftest import PROGRAM, TEST, TRAIN, needs_library, needs_program
from moecast.ray import Cluster, ClusterError, PlanError, ShardError, jobs, plan

ray = pytest.importorskip("ray", reason="ray is not installed: jobs on a cluster are not tested")
pytest.importorskip("fsspec", reason="fsspec is not installed: jobs on a cluster are not tested")
pytestmark = [needs_library, needs_program]

#: A shard a chunk or two: more than are joined at a time, so that there is a tree.
SMALL = 65_000
COUNTING = "frequency,layer-markov,layer-product,token-markov"


@pytest.fixture(scope="module", autouse=True)
def cluster_of_two():
    """A cluster of this machine with two workers, on loopback."""
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    # Beside other work of this machine, workers are not to wait for it.
    os.environ["RAY_worker_niceness"] = "0"
    ray.init(
        num_cpus=2,
        include_dashboard=False,
        log_to_driver=False,
        logging_level="ERROR",
        object_store_memory=200 << 20,
        _node_ip_address="127.0.0.1",
    )
    yield
    ray.shutdown()


def cluster(tmp_path: Path, **more) -> Cluster:
    return Cluster(**{"shard_bytes": SMALL, "work": tmp_path / "parts", **more})


def program(*arguments: object) -> str:
    """What the program prints on this machine."""
    command = [PROGRAM, *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def by_hand(folder: Path, inputs, predictors: str, shard_bytes: int = SMALL) -> bytes:
    """The model of a shell's loop over the same shards: train each, then merge."""
    models = []
    for number, shard in enumerate(plan(inputs, shard_bytes=shard_bytes).shards):
        models.append(folder / f"hand-{number}.h5")
        files = [file.path for file in shard.files]
        options = ["--model", models[-1], "--predictor", predictors, "--quiet"]
        program("train", *files, *shard.range, *options)
    program("merge", *models, "-o", folder / "hand.h5")
    return (folder / "hand.h5").read_bytes()


def standing_in(tmp_path: Path, monkeypatch, script: str) -> Path:
    """Has jobs ship a script in the place of the program, which is its ``$PROGRAM``.

    Returns a folder in which the script finds ``$MARKS``.
    """
    marks = tmp_path / "marks"
    marks.mkdir()
    path = tmp_path / "program.sh"
    path.write_text(
        f'#!/bin/bash\nPROGRAM={PROGRAM}\nMARKS={marks}\n{script}\nexec $PROGRAM "$@"\n'
    )
    path.chmod(0o755)
    monkeypatch.setenv("MOECAST_PROGRAM", str(path))
    return marks


#: Kills the worker of the third shard, once, in the middle of its work.
KILL = """
case "$*" in train*--chunks\\ 2*|train*--chunks\\ 3*)
  if mkdir $MARKS/killed 2>/dev/null; then
    $PROGRAM "$@" --stop-after 1
    echo $PPID > $MARKS/killed/pid
    kill -9 $PPID
    sleep 60
    touch $MARKS/outlived
  fi ;;
esac"""


@pytest.mark.parametrize("predictors", [COUNTING, "mixture-fast,layer-markov"])
def test_a_killed_worker_changes_no_byte(predictors: str, tmp_path: Path, monkeypatch) -> None:
    expected = by_hand(tmp_path, TRAIN, predictors)
    # Undisturbed.
    facts = jobs.train(TRAIN, tmp_path / "two.h5", predictors=predictors, cluster=cluster(tmp_path))
    assert (tmp_path / "two.h5").read_bytes() == expected
    assert facts["tokens"] == 6685 and facts["past"][0]["streams"] > jobs_fan_in()
    assert not (tmp_path / "parts").exists()
    # A worker killed in the middle.
    marks = standing_in(tmp_path, monkeypatch, KILL)
    jobs.train(TRAIN, tmp_path / "killed.h5", predictors=predictors, cluster=cluster(tmp_path))
    assert (marks / "killed" / "pid").exists()
    assert not (marks / "outlived").exists()
    assert (tmp_path / "killed.h5").read_bytes() == expected


def jobs_fan_in() -> int:
    from moecast.ray.run import FAN_IN

    return FAN_IN


def test_one_worker_as_a_program_of_its_own(tmp_path: Path) -> None:
    expected = by_hand(tmp_path, [TRAIN, TEST], COUNTING)
    command = [sys.executable, "-m", "moecast.ray", "train", str(TRAIN), str(TEST)]
    command += ["--model", "one.h5", "--predictor", COUNTING, "--workers", "1"]
    command += ["--shard-size", str(SMALL)]
    environment = {**os.environ, "PYTHONPATH": str(Path(moecast.__file__).parents[1])}
    environment.pop("RAY_ADDRESS", None)
    done = subprocess.run(
        command, cwd=tmp_path, capture_output=True, text=True, check=False, env=environment
    )
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "one.h5").read_bytes() == expected
    assert "requests    56, 0 live" in done.stdout
    assert sorted(p.name for p in tmp_path.iterdir() if "hand" not in p.name) == ["one.h5"]


def without_times(figures):
    """Figures without what a run took."""
    return {k: v for k, v in figures.items() if k not in ("seconds", "events_per_second")}


def test_evaluating_tells_what_one_machine_tells(tmp_path: Path) -> None:
    model = tmp_path / "m.h5"
    program("train", TRAIN, "--model", model, "--predictor", "mixture-fast,layer-markov", "--quiet")
    told = jobs.evaluate([TEST, TRAIN], model, cluster=cluster(tmp_path, shard_bytes=1 << 20))
    whole = json.loads(program("evaluate", "--model", model, "--frozen", "--json", TEST, TRAIN))
    assert without_times(told) == without_times(whole)
    assert told["known_chunks"] == {"chunks": 21, "learnt_before": 14, "repeated": 0}
    # Shards that cut a request in two: its second half forecasts without the first.
    cut = jobs.evaluate([TEST, TRAIN], model, cluster=cluster(tmp_path))
    assert cut["events"] == whole["events"] and cut["tokens"] == whole["tokens"]
    for name in ("mixture-fast", "layer-markov"):
        both = [figures["recall"]["all"][name]["8"] for figures in (cut, whole)]
        assert both[0] == pytest.approx(both[1], abs=0.01)


def test_comparing_draws_intervals_over_all_requests(tmp_path: Path) -> None:
    predictors = "frequency,layer-markov"
    shards = plan([TRAIN, TEST], shard_bytes=SMALL).shards
    parts = []
    for number, shard in enumerate(shards):
        parts.append(tmp_path / f"{number}.npz")
        options = ["--predictors", predictors, "--partial", parts[-1]]
        program("compare", *(file.path for file in shard.files), *shard.range, *options)
    assert len(parts) > jobs_fan_in()
    by_hand = json.loads(program("compare", "--json", "--resamples", 200, "--seed", 3, *parts))
    told = jobs.compare(
        [TRAIN, TEST], predictors=predictors, resamples=200, seed=3, cluster=cluster(tmp_path)
    )
    assert told == by_hand
    all_of = next(
        r for r in told["lines"] if r["stage"] == "all" and r["predictor"] == "layer-markov"
    )
    recall = all_of["recall"]["8"]
    assert recall["low"] < recall["value"] < recall["high"]
    assert told["requests"] == 56


def test_analyzing_tells_what_one_machine_tells(tmp_path: Path) -> None:
    told = jobs.analyze([TRAIN, TEST], cluster=cluster(tmp_path, shard_bytes=1 << 20))
    whole = json.loads(program("analyze", "--json", TRAIN, TEST))
    assert without_times(told) == without_times(whole)
    page = tmp_path / "page.html"
    cut = jobs.analyze([TRAIN, TEST], page=page, cluster=cluster(tmp_path))
    assert cut["tokens"] == whole["tokens"] and page.read_text().startswith("<!DOCTYPE html>")


def test_a_sweep_has_the_programs_rows(tmp_path: Path) -> None:
    from moecast.ray import sweeps

    options = ["--steps", "2", "--forecast", "persistence"]
    shapes = "llama-4-maverick,qwen3-235b-a22b"
    arguments = {"wafers": "dojo,sow", "shapes": shapes, "batches": "64,128", "options": options}
    where = cluster(tmp_path)
    lists = ["--wafer", "dojo,sow", "--shape", shapes, "--batch", "64,128"]
    whole = program("simulate", "sweep", "--csv", TEST, *lists, *options)
    assert sweeps.text(TEST, "--csv", **arguments, cluster=where) == whole
    assert jobs.sweep(TEST, **arguments, cluster=where) == json.loads(
        program("simulate", "sweep", "--json", TEST, *lists, *options)
    )


def test_a_sweep_goes_through_what_the_program_does() -> None:
    from moecast.ray import sweeps

    told = " ".join(program("simulate", "sweep", "--help").split())
    for default in (sweeps.WAFERS, sweeps.SHAPES, sweeps.BATCHES):
        assert f"(default: {default})" in told


def damaged(path: Path) -> Path:
    """A copy of the training trace with a byte of its sixth chunk flipped."""
    data = bytearray(TRAIN.read_bytes())
    data[len(data) * 6 // 14] ^= 0xFF
    path.write_bytes(data)
    return path


def test_a_damaged_shard_is_named_and_the_rest_is_kept(tmp_path: Path) -> None:
    bad = damaged(tmp_path / "bad.moe.lz4")
    where = cluster(tmp_path)
    with pytest.raises(ShardError) as caught:
        jobs.train([TEST, bad], tmp_path / "m.h5", predictors=COUNTING, cluster=where)
    ((name, reason),) = caught.value.failures.items()
    assert name.startswith(f"{bad}, chunk") and "checksum" in reason and "chunk " in reason
    good = len(plan([TEST, bad], shard_bytes=SMALL).shards) - 1
    assert good > 10
    assert f"1 of {good + 1} shards failed; the parts of {good} are kept" in str(caught.value)
    assert not (tmp_path / "m.h5").exists()
    manifest = json.loads((tmp_path / "parts" / "manifest.json").read_text())
    states = [shard["state"] for shard in manifest["shards"]]
    assert (states.count("done"), states.count("failed")) == (good, 1)
    kept = {s["key"]: (tmp_path / "parts" / f"{s['key']}.h5") for s in manifest["shards"]}
    times = {key: path.stat().st_mtime_ns for key, path in kept.items() if path.exists()}
    assert len(times) == good
    # A part that was spoilt is made anew, as what failed is; the others are not touched.
    spoilt = next(iter(times))
    kept[spoilt].write_bytes(b"spoilt")
    stat = bad.stat()
    bad.write_bytes(TRAIN.read_bytes())
    os.utime(bad, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    where.keep = True
    jobs.train([TEST, bad], tmp_path / "m.h5", predictors=COUNTING, cluster=where)
    again = {key for key, time in times.items() if kept[key].stat().st_mtime_ns != time}
    assert again == {spoilt}
    assert (tmp_path / "m.h5").read_bytes() == by_hand(tmp_path, [TEST, TRAIN], COUNTING)


def test_a_worker_that_cannot_write_loses_its_shard_alone(tmp_path: Path, monkeypatch) -> None:
    # A file may have 1,024 bytes: what is written beyond them is refused, as on a full disk.
    script = "if mkdir $MARKS/full 2>/dev/null; then ulimit -f 1; fi"
    standing_in(tmp_path, monkeypatch, script)
    with pytest.raises(ShardError) as caught:
        jobs.train(TRAIN, tmp_path / "m.h5", predictors=COUNTING, cluster=cluster(tmp_path))
    ((name, reason),) = caught.value.failures.items()
    assert "chunk" in name and "File too large" in reason


def test_a_full_disk_on_this_machine_keeps_what_is_done(tmp_path: Path, monkeypatch) -> None:
    from moecast.ray import manifest

    written = []

    def full(path: Path, data: bytes) -> None:
        if path.suffix == ".h5" and len(written) == 3:
            raise OSError(28, "No space left on device")
        if path.suffix == ".h5":
            written.append(path)
        path.write_bytes(data)

    monkeypatch.setattr(manifest, "replace", full)
    where = cluster(tmp_path)
    with pytest.raises(moecast.Error, match="No space left on device; make room"):
        jobs.train(TRAIN, tmp_path / "m.h5", predictors=COUNTING, cluster=where)
    monkeypatch.undo()
    times = [path.stat().st_mtime_ns for path in written]
    where.keep = True
    jobs.train(TRAIN, tmp_path / "m.h5", predictors=COUNTING, cluster=where)
    assert [path.stat().st_mtime_ns for path in written] == times


def test_a_trace_of_another_model_fails_by_name(tmp_path: Path) -> None:
    model = tmp_path / "m.h5"
    program("train", TRAIN, "--model", model, "--predictor", "frequency", "--quiet")
    with moecast.Writer(tmp_path / "o.moe.lz4", moecast.Shape(2, 8, 1)) as writer:
        writer.append(0, np.zeros((3, 2, 1), dtype=np.uint16), ends=True)
    with pytest.raises(ShardError, match="o.moe.lz4: .*MoE layers"):
        jobs.evaluate(tmp_path / "o.moe.lz4", model, cluster=cluster(tmp_path))
    with pytest.raises(PlanError, match="give traces of one model at a time"):
        jobs.train([TRAIN, tmp_path / "o.moe.lz4"], model, cluster=cluster(tmp_path))


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"workers": 0}, "no workers: a job needs 1 at least"),
        ({"cores": 64}, "no workers: a task states 64 cores and .* the nodes have 2 cores"),
        ({"memory": 1 << 50}, "no workers: a task states 1 cores and 1125899.9 GB"),
    ],
)
def test_what_no_node_has_is_refused_at_once(more: dict, words: str, tmp_path: Path) -> None:
    with pytest.raises(ClusterError, match=words):
        jobs.train(
            TRAIN, tmp_path / "m.h5", predictors="frequency", cluster=cluster(tmp_path, **more)
        )


def test_a_shard_that_repeats_another_is_named(tmp_path: Path) -> None:
    joined = tmp_path / "joined.moe.lz4"
    joined.write_bytes(TEST.read_bytes() + TRAIN.read_bytes())
    where = cluster(tmp_path, shard_bytes=1_000_000)
    with pytest.raises(moecast.Error) as caught:
        jobs.train([TRAIN, joined], tmp_path / "m.h5", predictors=COUNTING, cluster=where)
    assert str(caught.value).startswith((f"{joined}: ", f"{TRAIN}: "))
    assert "14 of its chunks" in str(caught.value)
    # Traces that were joined are not cut by an index that tells of the last of them.
    with pytest.raises(ShardError, match="joined.moe.lz4, chunk.*traces were joined"):
        jobs.train(joined, tmp_path / "m.h5", predictors=COUNTING, cluster=cluster(tmp_path))


def test_two_jobs_do_not_share_a_folder(tmp_path: Path) -> None:
    import fcntl

    (tmp_path / "parts").mkdir()
    with open(tmp_path / "parts" / "lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with pytest.raises(moecast.Error, match="another job is working here"):
            jobs.analyze(TRAIN, cluster=cluster(tmp_path))


def test_nothing_stays_on_the_nodes(tmp_path: Path) -> None:
    import tempfile

    before = set(os.listdir(tempfile.gettempdir()))
    jobs.analyze(TRAIN, cluster=cluster(tmp_path))
    left = {name for name in os.listdir(tempfile.gettempdir()) if name.startswith("moecast-ray-")}
    assert left <= before
