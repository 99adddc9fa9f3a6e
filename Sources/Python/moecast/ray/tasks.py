"""What runs on a cluster's nodes. Ray ships this module by value: it imports nothing of moecast.

A task's outcome is a dict: ``part`` (bytes of what was made) and the ``name`` of what it is of,
``seconds``, ``node``, ``pid``; or ``error``, in words. What is raised is no outcome but a lost
task, which Ray tries again.
"""

from __future__ import annotations

import ctypes
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time

#: Bytes that are copied at a time.
BLOCK = 8 << 20


def work(program, job: dict, shard: dict, model=None) -> dict:
    """Runs the program on one shard.

    ``program`` and ``model`` are pairs of a digest and a list of one reference, so that a node
    fetches each once; ``job`` has ``command``, ``options``, ``output`` (the option that names the
    output, None for standard output), ``suffix`` and ``scratch``.
    """
    began = time.monotonic()
    with _folder(job["scratch"]) as folder:
        try:
            paths = [_here(file, shard, folder, n) for n, file in enumerate(shard["files"])]
            options = list(job["options"])
            if model:
                options += ["--model", _shipped(model, job["scratch"])]
            made = os.path.join(folder, "part" + job["suffix"])
            if job["output"]:
                options += [job["output"], made]
            command = [*job["command"], *paths, *shard["range"], *options]
            printed, error = _run(_shipped(program, job["scratch"]), command)
            if error:
                return _outcome(began, error=error)
            part = _read(made) if job["output"] else printed
            return _outcome(began, part=part, name=shard["name"])
        except (OSError, ImportError, ValueError) as error:
            return _outcome(began, error=f"{type(error).__name__}: {error}")


def join(program, job: dict, *outcomes: dict) -> dict:
    """Makes one part of several, in their order; the first error of them is passed on."""
    began = time.monotonic()
    for outcome in outcomes:
        if "error" in outcome:
            return outcome
    with _folder(job["scratch"]) as folder:
        try:
            paths = []
            for number, outcome in enumerate(outcomes):
                paths.append(os.path.join(folder, f"{number}{job['suffix']}"))
                with open(paths[-1], "wb") as file:
                    file.write(outcome["part"])
            made = os.path.join(folder, "part" + job["suffix"])
            command = [*job["join"], *paths, job["join_output"], made]
            _, error = _run(_shipped(program, job["scratch"]), command)
            if error:
                for path, outcome in zip(paths, outcomes):
                    error = error.replace(path, outcome["name"])
                return _outcome(began, error=error)
            name = f"the shards from {outcomes[0]['name']} on"
            return _outcome(began, part=_read(made), name=name)
        except OSError as error:
            return _outcome(began, error=f"{type(error).__name__}: {error}")


def clean(scratch: str) -> None:
    """Takes away what a job kept on a node."""
    shutil.rmtree(_scratch(scratch), ignore_errors=True)


def _outcome(began: float, **what) -> dict:
    seconds = time.monotonic() - began
    return {"seconds": seconds, "node": socket.gethostname(), "pid": os.getpid(), **what}


def _run(program: str, arguments: list) -> tuple:
    """What the program prints, and why it failed, if it did.

    It ends with the worker that started it. One that a signal ended, such as that of the kernel
    when memory runs out, is a lost task.
    """
    prctl = ctypes.CDLL(None).prctl
    done = subprocess.run(
        [program, *arguments],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=False,
        preexec_fn=lambda: prctl(1, signal.SIGKILL),  # PR_SET_PDEATHSIG
    )
    if done.returncode < 0:
        raise RuntimeError(f"the program was ended by signal {-done.returncode}")
    if done.returncode == 0:
        return done.stdout, None
    told = done.stderr.decode(errors="replace").strip().splitlines()
    last = told[-1] if told else f"the program ended with {done.returncode}"
    return b"", last.removeprefix("moecast: ") if hasattr(str, "removeprefix") else last


def _read(path: str) -> bytes:
    with open(path, "rb") as file:
        return file.read()


def _scratch(name: str) -> str:
    """A job's folder on this node, which nobody else may write to."""
    path = os.path.join(tempfile.gettempdir(), name)
    os.makedirs(path, mode=0o700, exist_ok=True)
    if os.path.islink(path) or os.stat(path).st_uid != os.getuid():
        raise PermissionError(f"{path} belongs to somebody else")
    return path


def _folder(name: str) -> tempfile.TemporaryDirectory:
    """A folder for one task; those of workers that were killed are taken away."""
    scratch = _scratch(name)
    for entry in os.listdir(scratch):
        pid = entry.split("-")[0]
        if pid.isdigit() and not os.path.exists(f"/proc/{pid}"):
            shutil.rmtree(os.path.join(scratch, entry), ignore_errors=True)
    return tempfile.TemporaryDirectory(prefix=f"{os.getpid()}-", dir=scratch)


def _shipped(what, scratch: str) -> str:
    """The path of a file that was shipped, written once a node."""
    import ray

    digest, references = what
    path = os.path.join(_scratch(scratch), digest)
    if not os.path.exists(path):
        data = ray.get(references[0])
        mine = f"{path}.{os.getpid()}"
        with open(mine, "wb") as file:
            file.write(data)
        os.chmod(mine, 0o700)
        os.rename(mine, path)
    return path


def _here(file: dict, shard: dict, folder: str, number: int) -> str:
    """The path of a shard's file on this node; of one that fsspec opens, what the shard needs."""
    if not file["is_remote"]:
        size = os.stat(file["path"]).st_size
        if size != file["bytes"]:
            raise ValueError(
                f"{file['path']} has {size} bytes and had {file['bytes']} when it was planned; "
                "plan again"
            )
        return file["path"]
    import fsspec

    path = os.path.join(folder, f"{number}.moe.lz4")
    ranges = shard["ranges"] or [(0, file["bytes"])]
    with fsspec.open(file["path"], "rb", **shard["storage_options"]) as source:
        with open(path, "wb") as target:
            # What is not needed is a hole.
            target.truncate(file["bytes"])
            for start, end in ranges:
                source.seek(start)
                target.seek(start)
                left = end - start
                while left > 0:
                    block = source.read(min(BLOCK, left))
                    if not block:
                        raise ValueError(f"{file['path']} became shorter while it was read")
                    target.write(block)
                    left -= len(block)
    return path
