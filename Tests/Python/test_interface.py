"""The package against moecast.h, and against what a user sees of it."""

from __future__ import annotations

import ctypes
import inspect
import os
import pydoc
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import moecast
import numpy as np
import pytest
from conftest import PROGRAM, TOP, needs_library, needs_program
from moecast import _library, record

HEADER = TOP / "Sources" / "CLibrary" / "include" / "moecast.h"

STRUCTS = {
    "moecast_error": _library.CError,
    "moecast_shape": _library.CShape,
    "moecast_options": _library.COptions,
    "moecast_counts": _library.CCounts,
    "moecast_score": _library.CScore,
    "moecast_run": _library.CRun,
    "moecast_chunk": _library.CChunk,
}


@pytest.mark.skipif(shutil.which("cc") is None, reason="no C compiler: structs are not compared")
def test_structs_are_laid_out_as_the_header_has_them(tmp_path: Path) -> None:
    """Sizes, offsets and sizes of members, as a C compiler sees them."""
    lines = []
    for name, struct in STRUCTS.items():
        lines.append(f'printf("{name} %zu\\n", sizeof({name}));')
        for field, *_ in struct._fields_:
            member = f"(({name} *)0)->{field}"
            lines.append(
                f'printf("{field} %zu %zu\\n", offsetof({name}, {field}), sizeof({member}));'
            )
    source = tmp_path / "layout.c"
    source.write_text(
        f'#include <stdio.h>\n#include "{HEADER}"\nint main(void) {{ {" ".join(lines)} }}\n'
    )
    subprocess.run(["cc", "-o", tmp_path / "layout", source], check=True)
    told = subprocess.run([tmp_path / "layout"], check=True, capture_output=True, text=True).stdout
    expected = []
    for name, struct in STRUCTS.items():
        expected.append(f"{name} {ctypes.sizeof(struct)}")
        for field, kind, *_ in struct._fields_:
            expected.append(f"{field} {getattr(struct, field).offset} {ctypes.sizeof(kind)}")
    assert told.splitlines() == expected


@needs_library
def test_every_function_of_the_header_is_declared() -> None:
    text = re.sub(r"/\*.*?\*/", "", HEADER.read_text(), flags=re.S)
    declared = {}
    for name, arguments in re.findall(r"\bmoecast_(\w+)\(([^)]*)\);", text):
        declared[name] = len(arguments.split(",")) if arguments != "void" else 0
    declared.pop("version")
    assert len(declared) > 25
    for name, count in declared.items():
        arguments = getattr(_library.library(), "moecast_" + name).argtypes
        assert arguments is not None and len(arguments) == count, name


def test_statuses_are_the_headers() -> None:
    found = dict(re.findall(r"MOECAST_([A-Z_]+) = (\d+)", HEADER.read_text()))
    names = {
        1: "BAD_ARGUMENT",
        2: "UNKNOWN_REQUEST",
        3: "OUT_OF_ORDER",
        4: "BAD_CHOICE",
        5: "FILE",
        6: "DATA",
        7: "MISMATCH",
        8: "NO_ROOM",
    }
    for status, name in names.items():
        assert int(found[name]) == status
        kind = moecast.errors.BY_STATUS[status].__name__
        assert kind == "".join(part.title() for part in name.split("_")) + "Error"


@needs_library
def test_the_package_has_the_librarys_version() -> None:
    assert moecast.__version__ == _library.library().moecast_version().decode()


def test_a_library_that_is_none_is_said() -> None:
    code = "import moecast; moecast.open('x')"
    done = ran(code, MOECAST_LIBRARY="/nowhere/libmoecast.so")
    assert done.returncode == 1
    assert "LibraryError: /nowhere/libmoecast.so" in done.stderr and "make wheel" in done.stderr


def test_recording_and_models_need_no_library() -> None:
    code = "import moecast, moecast.record; moecast.record.MemorySink(moecast.Shape(1, 2, 1))"
    assert ran(code, MOECAST_LIBRARY="/nowhere/libmoecast.so").returncode == 0


def ran(code: str, **environment: str) -> subprocess.CompletedProcess:
    """A Python of its own that runs code."""
    path = {"PYTHONPATH": str(TOP / "Sources" / "Python")}
    return subprocess.run(
        [sys.executable, "-c", code],
        check=False,
        capture_output=True,
        text=True,
        env={**os.environ, **path, **environment},
    )


@pytest.mark.parametrize("module", [moecast, record], ids=["moecast", "record"])
def test_help_tells_of_everything(module) -> None:
    """Every public name has a docstring, every function types, and the page can be rendered."""
    page = pydoc.plain(pydoc.render_doc(module))
    assert len(page.splitlines()) > 50
    for name in module.__all__:
        item = getattr(module, name)
        if not callable(item):
            continue
        assert inspect.getdoc(item), name
        members = inspect.getmembers(item) if inspect.isclass(item) else [(name, item)]
        for member, value in members:
            if member.startswith("_") or not inspect.isfunction(value):
                continue
            if value.__module__ and not value.__module__.startswith("moecast"):
                continue
            assert inspect.getdoc(value), f"{name}.{member}"
            signature = inspect.signature(value)
            assert signature.return_annotation is not inspect.Signature.empty, f"{name}.{member}"
            for parameter in list(signature.parameters.values()):
                if parameter.name != "self":
                    assert parameter.annotation is not parameter.empty, f"{name}.{member}"


@needs_program
def test_the_module_is_the_program() -> None:
    """Its output, its exit code, and its process: signals reach it."""

    def moecast_program(*arguments: str) -> subprocess.CompletedProcess:
        return subprocess.run(
            [sys.executable, "-m", "moecast", *arguments],
            check=False,
            capture_output=True,
            text=True,
            cwd=TOP / "Sources" / "Python",
        )

    plain = subprocess.run([PROGRAM, "--version"], check=True, capture_output=True, text=True)
    done = moecast_program("--version")
    assert (done.returncode, done.stdout) == (0, plain.stdout)
    assert moecast_program("no-such-command").returncode == 2
    assert moecast_program("inspect", "/nowhere").returncode == 1


@needs_program
@needs_library
def test_signals_reach_the_program(tmp_path: Path) -> None:
    running = subprocess.Popen(
        [
            sys.executable,
            "-m",
            "moecast",
            "forecast",
            "--live",
            "--model",
            TOP / "models/tiny-moe.h5",
        ],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        cwd=TOP / "Sources" / "Python",
    )
    running.stdin.write(b'{"request": 1, "stage": "decode"}\n')
    running.stdin.flush()
    assert running.stdout.readline().startswith(b"{")
    running.send_signal(signal.SIGTERM)
    assert running.wait(timeout=20) in (-signal.SIGTERM, 128 + signal.SIGTERM)


def test_a_program_that_is_none_is_said() -> None:
    done = ran("from moecast.__main__ import main; main()", MOECAST_PROGRAM="/nowhere/moecast")
    assert done.returncode == 1
    assert "/nowhere/moecast: No such file" in done.stderr and "make wheel" in done.stderr


def test_no_expert_is_the_headers() -> None:
    assert "MOECAST_NO_EXPERT ((uint16_t)0xFFFF)" in HEADER.read_text()
    assert np.uint16(0xFFFF) == moecast.NO_EXPERT
