"""The folder of a job: its parts, and what each is of, so that it can be gone on with."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

from .errors import JobError
from .shards import Shard

#: Seconds between two writings of the manifest.
EVERY = 1.0


def digest_of(data: bytes) -> str:
    """SHA-256 in hexadecimal digits."""
    return hashlib.sha256(data).hexdigest()


class Manifest:
    """``manifest.json`` of a folder, replaced whole, and the parts beside it.

    A part is named by its key: a digest of the shard's files and chunks, the options and the
    program. So what is there under a key is what would be made anew, and other jobs' parts are
    left alone. A part counts only with the digest that the manifest tells.

    Raises :class:`JobError` where the folder cannot be used, or another job is using it.
    """

    def __init__(self, folder: Path, job: dict[str, Any], shards: list[Shard], suffix: str) -> None:
        self.folder = folder
        self._job = job
        self._suffix = suffix
        self._written = 0.0
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self._lock = open(folder / "lock", "w")  # noqa: SIM115 -- held as long as the job
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise JobError(
                f"{folder}: another job is working here; wait, or name another"
            ) from None
        except OSError as error:
            raise JobError(f"{folder}: {error.strerror}; name another with --work") from None
        before = self._before()
        self._shards = []
        for shard in shards:
            key = self._key(shard)
            known = before.get(key, {})
            intact = known.get("state") == "done" and self._is_intact(key, known.get("digest"))
            self._shards.append(
                {
                    "name": shard.name,
                    "files": [asdict(file) for file in shard.files],
                    "chunks": shard.chunks,
                    "bytes": shard.bytes,
                    "key": key,
                    "state": "done" if intact else "waiting",
                    **({name: known[name] for name in ("digest", "seconds")} if intact else {}),
                }
            )
        self.write()

    def _key(self, shard: Shard) -> str:
        files = [(file.digest, file.time) for file in shard.files]
        told = [self._job, files, shard.chunks, shard.options]
        return digest_of(json.dumps(told, sort_keys=True).encode())[:32]

    def _before(self) -> dict[str, dict]:
        """The shards of the manifest that is there, by their keys."""
        try:
            told = json.loads((self.folder / "manifest.json").read_text())
            return {shard["key"]: shard for shard in told["shards"]}
        except (OSError, ValueError, KeyError, TypeError):
            return {}

    def _is_intact(self, key: str, digest: str | None) -> bool:
        try:
            return digest_of(self._path(key).read_bytes()) == digest
        except OSError:
            return False

    def _path(self, key: str) -> Path:
        return self.folder / (key + self._suffix)

    def is_done(self, number: int) -> bool:
        """Whether the part of a shard is there."""
        return self._shards[number]["state"] == "done"

    def part(self, number: int) -> Path:
        """The path of a shard's part."""
        return self._path(self._shards[number]["key"])

    def keep(self, number: int, outcome: dict[str, Any]) -> None:
        """Keeps the part of a shard that was done.

        Raises :class:`JobError` where it cannot be written.
        """
        path = self.part(number)
        try:
            replace(path, outcome["part"])
        except OSError as error:
            raise JobError(
                f"{path}: {error.strerror}; make room, and run the same again: what is done is kept"
            ) from None
        told = {name: outcome[name] for name in ("seconds", "node")}
        self._shards[number].update(state="done", digest=digest_of(outcome["part"]), **told)
        self._write_now_and_then()

    def fail(self, number: int, reason: str) -> None:
        """Notes that a shard failed."""
        self._shards[number].update(state="failed", error=reason)
        self._write_now_and_then()

    def _write_now_and_then(self) -> None:
        if time.monotonic() - self._written > EVERY:
            self.write()

    def write(self) -> None:
        """Replaces the file."""
        told = {"moecast-ray": 1, "job": self._job, "shards": self._shards}
        try:
            replace(self.folder / "manifest.json", json.dumps(told, indent=1).encode())
        except OSError as error:
            raise JobError(f"{self.folder}/manifest.json: {error.strerror}") from None
        self._written = time.monotonic()

    def remove(self) -> None:
        """Takes away the parts of this job, the manifest, and the folder where nothing is left."""
        for shard in self._shards:
            self._path(shard["key"]).unlink(missing_ok=True)
        (self.folder / "manifest.json").unlink(missing_ok=True)
        (self.folder / "lock").unlink(missing_ok=True)
        try:
            self.folder.rmdir()
        except OSError:
            pass  # Other files are in it.

    def close(self) -> None:
        """Lets the folder go."""
        self._lock.close()


def replace(path: Path, data: bytes) -> None:
    """Puts a file there, whole or not at all."""
    mine = path.with_name(f"{path.name}.{os.getpid()}.tmp")
    try:
        with open(mine, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.rename(mine, path)
    except OSError:
        mine.unlink(missing_ok=True)
        raise
