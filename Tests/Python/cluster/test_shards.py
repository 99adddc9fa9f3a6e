"""Plans of shards: which files and chunks, by size alone; no Ray is needed."""

from __future__ import annotations

import importlib.util
import os
import shlex
import subprocess
import sys
from pathlib import Path

import moecast
import numpy as np
import pytest
from conftest import PROGRAM, TEST, TRAIN, needs_library, needs_program
from moecast.ray import PlanError, plan, tasks
from moecast.ray.shards import Plan, _File

pytestmark = needs_library

needs_fsspec = pytest.mark.skipif(
    importlib.util.find_spec("fsspec") is None, reason="fsspec is not installed"
)

#: Chunks of the shipped trace, as `moecast inspect` tells them.
CHUNKS = 14


def write(path: Path, requests: int, *, shape: moecast.Shape | None = None, seed: int = 0) -> Path:
    """A trace of random requests of 20 tokens."""
    shape = shape or moecast.Shape(2, 8, 2)
    random = np.random.default_rng(seed)
    with moecast.Writer(path, shape) as writer:
        for request in range(requests):
            ids = [
                [random.permutation(shape.experts)[: shape.top_k] for _ in range(20)]
                for _ in range(shape.layers)
            ]
            writer.append(request, np.swapaxes(np.array(ids, dtype=np.uint16), 0, 1), ends=True)
    return path


def covered(planned: Plan) -> list[int]:
    """The chunks of all shards of one trace, in order."""
    return [n for shard in planned.shards for n in range(shard.chunks[0], shard.chunks[1] + 1)]


@pytest.mark.parametrize("size", [1, 40_000, 100_000, 599_000])
def test_a_large_trace_is_cut_at_its_chunks(size: int) -> None:
    planned = plan(TRAIN, shard_bytes=size)
    assert covered(planned) == list(range(CHUNKS))
    assert len(planned.shards) == min(CHUNKS, -(-TRAIN.stat().st_size // size))
    sizes = [shard.bytes for shard in planned.shards]
    assert max(sizes) <= size + TRAIN.stat().st_size / CHUNKS * 2 or size == 1
    assert planned.shape.experts == 64


def test_a_small_one_stays_whole() -> None:
    (shard,) = plan(TRAIN).shards
    assert shard.chunks is None
    assert shard.arguments == shlex.quote(str(TRAIN))


def test_files_are_put_together_in_natural_order(tmp_path: Path) -> None:
    for n in (10, 2, 1):
        write(tmp_path / f"t{n}.moe.lz4", 1, seed=n)
    (tmp_path / "other.txt").write_text("no trace")
    size = (tmp_path / "t1.moe.lz4").stat().st_size
    planned = plan(tmp_path, shard_bytes=int(2.5 * size))
    names = [[Path(file.path).name for file in shard.files] for shard in planned.shards]
    assert names == [["t1.moe.lz4", "t2.moe.lz4"], ["t10.moe.lz4"]]
    assert planned.shards[0].name.endswith("t1.moe.lz4 and 1 file after it")
    pattern = plan(str(tmp_path / "*.moe.lz4"), shard_bytes=int(2.5 * size))
    assert pattern.shards == planned.shards


def test_one_without_an_index_stays_whole(tmp_path: Path) -> None:
    cut = tmp_path / "cut.moe.lz4"
    cut.write_bytes(TRAIN.read_bytes()[:-200])
    (shard,) = plan(cut, shard_bytes=1000).shards
    assert shard.chunks is None


def test_everything_that_is_wrong_is_told_at_once(tmp_path: Path) -> None:
    good = write(tmp_path / "good.moe.lz4", 2)
    copy = tmp_path / "copy.moe.lz4"
    copy.write_bytes(good.read_bytes())
    none = write(tmp_path / "none.moe.lz4", 0)
    (tmp_path / "empty.moe.lz4").touch()
    other = write(tmp_path / "other.moe.lz4", 1, shape=moecast.Shape(2, 9, 2))
    (tmp_path / "text.moe.lz4").write_text("no trace at all")
    names = ["empty.moe.lz4", "text.moe.lz4", "missing.moe.lz4"]
    with pytest.raises(PlanError) as caught:
        plan([good, good, copy, none, other, *(tmp_path / name for name in names)])
    lines = sorted(caught.value.trouble)
    told = "\n".join(lines)
    assert len(lines) == 7, told
    for words in (
        f"{good}: it is listed twice; name every trace once",
        f"{copy}: it is the same as {good}; name every trace once",
        f"{none}: it is empty: it has no tokens; leave it out",
        f"{other}: it has 2 MoE layers, top-2 of 9 experts, {good} has 2 MoE layers, top-2 of 8",
        f"{tmp_path}/empty.moe.lz4: it is empty; leave it out",
        f"{tmp_path}/missing.moe.lz4: no such file",
        f"{tmp_path}/text.moe.lz4: ",
    ):
        assert words in told
    with pytest.raises(PlanError, match="no .moe.lz4 file is in this folder"):
        (tmp_path / "folder").mkdir()
        plan(tmp_path / "folder")


@needs_fsspec
def test_what_fsspec_opens_is_planned_and_fetched_in_part(tmp_path: Path) -> None:
    import fsspec

    memory = fsspec.filesystem("memory")
    memory.pipe("/bucket/a.moe.lz4", TRAIN.read_bytes())
    try:
        here = plan(TRAIN, shard_bytes=100_000)
        there = plan("memory://bucket/*.moe.lz4", shard_bytes=100_000)
        assert [s.chunks for s in there.shards] == [s.chunks for s in here.shards]
        folder = plan("memory://bucket", shard_bytes=100_000)
        assert folder.shards == there.shards
        shard = there.shards[2]
        told = {"ranges": shard.ranges, "storage_options": {}}
        file = vars(shard.files[0])
        path = Path(tasks._here(file, told, str(tmp_path), 0))
        data, whole = path.read_bytes(), TRAIN.read_bytes()
        assert len(data) == len(whole)
        for start, end in shard.ranges:
            assert data[start:end] == whole[start:end]
        # The rest was not fetched.
        assert data.count(0) > 300_000
        if PROGRAM.exists():
            models = []
            for trace in (path, TRAIN):
                model = tmp_path / f"{len(models)}.h5"
                arguments = ["train", trace, *shard.range, "--model", model, "--quiet"]
                subprocess.run([PROGRAM, *arguments], check=True, capture_output=True)
                models.append(model.read_bytes())
            assert models[0] == models[1]
    finally:
        memory.rm("/bucket", recursive=True)


@needs_fsspec
def test_urls_of_files_are_left_to_the_program() -> None:
    (shard,) = plan(f"file://{TEST}").shards
    assert shard.files[0].path == str(TEST) and not shard.files[0].is_remote
    with pytest.raises(PlanError, match="memory:///nowhere/t.moe.lz4: no such file"):
        plan("memory://nowhere/t.moe.lz4")


def test_the_index_is_found_however_long(tmp_path: Path) -> None:
    with moecast.Writer(tmp_path / "t.moe.lz4", moecast.Shape(1, 4, 1), chunk_tokens=1) as writer:
        writer.append(0, np.zeros((20_000, 1, 1), dtype=np.uint16), ends=True)
    file = _File(str(tmp_path / "t.moe.lz4"))
    file.source()
    index = file.index()
    assert len(index.offsets) == index.tokens == 20_000 and index.requests == 1


@needs_program
def test_the_plan_is_lines_for_a_shell(tmp_path: Path) -> None:
    """What the guide says of GNU parallel and Slurm, without either: its lines, one by one."""
    odd = tmp_path / "it's a trace.moe.lz4"
    odd.write_bytes(TEST.read_bytes())
    command = [sys.executable, "-m", "moecast.ray", "plan", "--shard-size", "250kB", TRAIN, odd]
    path = str(Path(moecast.__file__).parents[1])
    lines = subprocess.run(
        command,
        check=True,
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": path},
    ).stdout.splitlines()
    assert len(lines) == 5
    for number, line in enumerate(lines):
        shell = f'eval "{PROGRAM} train $LINE --model {tmp_path}/{number}.h5 --quiet"'
        subprocess.run(["bash", "-c", shell], check=True, capture_output=True, env={"LINE": line})
    models = [tmp_path / f"{number}.h5" for number in range(5)]
    merged = subprocess.run(
        [PROGRAM, "merge", *models, "-o", tmp_path / "all.h5"],
        check=True,
        capture_output=True,
        text=True,
    )
    assert "a merge of 5 streams: 56 requests, 10,024 tokens" in merged.stdout
