"""The wheel: built without the network, installed into an empty environment, and used there."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
import venv
from pathlib import Path

import numpy
import pytest
from conftest import LIBRARY, PROGRAM, TEST, TOP, TRAIN, needs_library, needs_program

pytestmark = [
    needs_library,
    needs_program,
    pytest.mark.skipif(
        importlib.util.find_spec("hatchling") is None,
        reason="hatchling is absent: the wheel is not built",
    ),
]


@pytest.fixture(scope="module")
def python(tmp_path_factory) -> Path:
    """A Python with NumPy and the wheel, and nothing else."""
    built = subprocess.run(
        [TOP / ".ci" / "wheel", LIBRARY, PROGRAM], check=True, capture_output=True, text=True
    )
    wheel = Path(built.stdout.split()[-1])
    assert wheel.suffix == ".whl" and "py3-none-linux_" in wheel.name
    folder = tmp_path_factory.mktemp("environment")
    venv.create(folder, with_pip=False)
    python = folder / "bin" / "python"
    site = subprocess.run(
        [python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"],
        check=True,
        capture_output=True,
        text=True,
    ).stdout.strip()
    # NumPy as it is installed here: nothing is fetched.
    here = Path(numpy.__file__).parent
    for part in (here, here.parent / "numpy.libs"):
        if part.exists():
            (Path(site) / part.name).symlink_to(part)
    pip = [sys.executable, "-m", "pip", "--python", str(python), "install", "--quiet"]
    subprocess.run([*pip, "--no-index", "--no-deps", wheel], check=True)
    return python


def ran(*command: object) -> str:
    """What a command prints in an environment that names neither library nor program."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("MOECAST_", "PYTHON"))}
    return subprocess.run(
        [str(part) for part in command], check=True, capture_output=True, text=True, env=kept
    ).stdout


def test_it_trains_and_evaluates(python: Path, tmp_path: Path) -> None:
    code = (
        "import sys, moecast; "
        "moecast.train(sys.argv[1], sys.argv[3], predictors='layer-markov'); "
        "print(moecast.evaluate(sys.argv[3], sys.argv[2]).recall_at_k)"
    )
    printed = ran(python, "-c", code, TRAIN, TEST, tmp_path / "m.h5")
    assert float(printed) == pytest.approx(0.502, abs=5e-4)  # As the README has it.


def test_it_holds_the_program(python: Path) -> None:
    version = ran(PROGRAM, "--version")
    assert ran(python, "-m", "moecast", "--version") == version
    assert ran(python.parent / "moecast", "--version") == version


def test_it_asks_for_numpy_alone(python: Path) -> None:
    code = (
        "import sys, moecast, moecast.record, moecast.ray; "
        "from importlib.metadata import requires; "
        "print([name for name in requires('moecast') if 'extra' not in name]); "
        "print([n for n in ('torch', 'h5py', 'lz4', 'transformers', 'ray') if n in sys.modules])"
    )
    assert ran(python, "-c", code).split("\n")[:2] == ["['numpy']", "[]"]


def test_it_plans_shards_without_ray(python: Path) -> None:
    printed = ran(python.parent / "moecast-ray", "plan", "--shard-size", "300kB", TRAIN)
    assert printed == f"{TRAIN} --chunks 0-6\n{TRAIN} --chunks 7-13\n"
    extras = "from importlib.metadata import requires; print(requires('moecast'))"
    assert "extra == 'ray'" in ran(python, "-c", extras)


def test_its_types_are_told(python: Path) -> None:
    code = "import moecast, os; print('py.typed' in os.listdir(os.path.dirname(moecast.__file__)))"
    assert ran(python, "-c", code).strip() == "True"
