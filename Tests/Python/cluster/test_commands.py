"""``moecast-ray`` as it is called: help, wrong use, and a machine without Ray."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import moecast
import pytest
from conftest import TEST, TRAIN, needs_library

pytestmark = needs_library


def called(*arguments: object, path: str = "") -> subprocess.CompletedProcess:
    package = str(Path(moecast.__file__).parents[1])
    environment = {**os.environ, "PYTHONPATH": f"{path}:{package}" if path else package}
    command = [sys.executable, "-m", "moecast.ray", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False, env=environment)


def test_help_lists_the_commands_with_examples() -> None:
    told = called("--help").stdout
    for command in ("train", "evaluate", "compare", "analyze", "sweep", "plan"):
        assert f"moecast-ray {command} " in told
        assert "inputs" in called(command, "--help").stdout


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], "the following arguments are required: command"),
        (["train", TRAIN], "the following arguments are required: --model"),
        (["plan", TRAIN, "--shard-size", "many"], "'many' is no size, such as 500MB or 2GiB"),
        (["plan", TRAIN, "--storage-options", "[]"], "it is no JSON object"),
    ],
)
def test_wrong_use_ends_with_2(arguments: list, words: str) -> None:
    done = called(*arguments)
    assert done.returncode == 2 and words in done.stderr


def test_without_ray_the_remedy_is_told(tmp_path: Path) -> None:
    (tmp_path / "ray.py").write_text("raise ImportError(\"No module named 'ray'\")\n")
    parts = tmp_path / "parts"
    done = called("analyze", TEST, "--work", parts, path=str(tmp_path))
    assert done.returncode == 1
    assert done.stderr.startswith("moecast-ray: Ray is not installed")
    assert "pip install moecast[ray]; without it, `moecast-ray plan`" in done.stderr
    # Plans need none.
    assert called("plan", TEST, path=str(tmp_path)).stdout == f"{TEST}\n"


def test_files_that_are_not_there_are_named_a_line_each(tmp_path: Path) -> None:
    done = called("plan", tmp_path / "a", tmp_path / "b")
    assert done.returncode == 1
    assert done.stderr.splitlines() == [
        f"moecast-ray: {tmp_path}/{name}: no such file, and no file fits it as a pattern"
        for name in "ab"
    ]
