"""Which shards a job consists of: files put together, and large traces cut by their indices."""

from __future__ import annotations

import glob
import hashlib
import os
import re
import shlex
import struct
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Union

import moecast

from .errors import PlanError

#: By what a folder's traces are known.
SUFFIX = ".moe.lz4"
#: Bytes of a shard, unless told otherwise.
SHARD_BYTES = 1 << 30
#: Bytes of a trace's beginning and end that are looked at; its header is in the first.
_EDGE = 1 << 16
#: The magic number of the frame that an index stands in, and the longest one that is looked for.
_INDEX, _LONGEST_INDEX = struct.pack("<I", 0x184D2A5E), 1 << 28

Inputs = Union[str, "os.PathLike[str]", Sequence[Union[str, "os.PathLike[str]"]]]


@dataclass(frozen=True)
class Source:
    """A trace, as it was when the plan was made."""

    #: Its path, absolute where it is a file of this machine, or its URL.
    path: str
    #: Compressed bytes.
    bytes: int
    #: SHA-256 of its size, beginning and end.
    digest: str
    #: When it was changed, as its file system tells.
    time: str
    #: Whether fsspec opens it; the program opens the others itself.
    is_remote: bool = False


@dataclass(frozen=True)
class Shard:
    """What one task works through: some files, or a range of one file's chunks."""

    files: tuple[Source, ...]
    #: The first chunk and the last of the one file; None for all of all files.
    chunks: tuple[int, int] | None = None
    #: Compressed bytes.
    bytes: int = 0
    #: Of a remote file of which a range is read: the bytes that the range needs.
    ranges: tuple[tuple[int, int], ...] = ()
    #: Options of the program that are this task's alone.
    options: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """What to call it in messages."""
        first = self.files[0].path
        if self.chunks:
            begin, end = self.chunks
            return f"{first}, " + (f"chunk {begin}" if begin == end else f"chunks {begin} to {end}")
        others = len(self.files) - 1
        files = first if not others else f"{first} and {others} file{'s' * (others > 1)} after it"
        return " ".join([files + "," * bool(self.options), *self.options])

    @property
    def range(self) -> list[str]:
        """The program's options that are its own, such as the one for its chunks."""
        own = ["--chunks", "{}-{}".format(*self.chunks)] if self.chunks else []
        return [*own, *self.options]

    @property
    def arguments(self) -> str:
        """The shard as arguments of the program, quoted for a shell."""
        return shlex.join([*(file.path for file in self.files), *self.range])


@dataclass(frozen=True)
class Plan:
    """The shards of a job, in their order."""

    shards: list[Shard]
    #: The shape of all of them.
    shape: moecast.Shape


@dataclass(frozen=True)
class Index:
    """What the index at a trace's end tells."""

    requests: int
    tokens: int
    #: The byte at which each chunk begins.
    offsets: tuple[int, ...]


def plan(
    inputs: Inputs,
    *,
    shard_bytes: int = SHARD_BYTES,
    storage_options: dict[str, Any] | None = None,
) -> Plan:
    """Plans shards of about ``shard_bytes`` each, in the order of the inputs.

    Inputs are files, folders (their ``*.moe.lz4`` at any depth), patterns, and URLs of these that
    fsspec opens. The plan depends on them and on ``shard_bytes`` alone. Files that follow each
    other are put together; a larger one is cut at its chunks, found by its index, and not copied;
    one without an index stays whole.

    Raises :class:`PlanError`, which names every file that cannot be read, is empty, of another
    shape than the first, or listed twice.
    """
    if shard_bytes < 1:
        raise PlanError(["a shard has at least 1 byte"])
    trouble: list[str] = []
    files = _files(inputs, storage_options or {}, trouble)
    shape, traces = _checked(files, trouble)
    if trouble or shape is None:
        raise PlanError(trouble or ["no traces: name files, folders, patterns or URLs"])
    shards: list[Shard] = []
    together: list[Source] = []

    def close() -> None:
        if together:
            shards.append(Shard(tuple(together), bytes=sum(file.bytes for file in together)))
            together.clear()

    for source, index in traces:
        if index and source.bytes > shard_bytes and len(index.offsets) > 1:
            close()
            shards += _cut(source, index, shard_bytes)
            continue
        if sum(file.bytes for file in together) + source.bytes > shard_bytes:
            close()
        together.append(source)
    close()
    return Plan(shards, shape)


def _files(inputs: Inputs, options: dict[str, Any], trouble: list[str]) -> list[_File]:
    """The files that the inputs stand for; a line of trouble for each input that has none."""
    if isinstance(inputs, (str, os.PathLike)):
        inputs = [inputs]
    files: list[_File] = []
    for text in inputs:
        try:
            files += _found(os.fspath(text), options)
        except (OSError, ValueError, ImportError) as error:
            trouble.append(f"{os.fspath(text)}: {_reason(error)}")
    return files


def _checked(
    files: list[_File], trouble: list[str]
) -> tuple[moecast.Shape | None, list[tuple[Source, Index | None]]]:
    """The shape and the traces; a line of trouble for each file that cannot be one of a job."""
    seen: dict[str, str] = {}
    shape: moecast.Shape | None = None
    traces = []
    for file in files:
        try:
            source = file.source()
            if source.digest in seen:
                same = seen[source.digest]
                what = "listed twice" if same == source.path else f"the same as {same}"
                raise ValueError(f"it is {what}; name every trace once")
            seen[source.digest] = source.path
            own = file.shape()
            shape = shape or own
            if not _agree(shape, own):
                raise ValueError(
                    f"it has {_text(own)}, {files[0].path} has {_text(shape)}; "
                    "give traces of one model at a time"
                )
            index = file.index()
            if index and not index.offsets:
                raise ValueError("it is empty: it has no tokens; leave it out")
            traces.append((source, index))
        except (OSError, ValueError, ImportError, moecast.Error) as error:
            trouble.append(f"{file.path}: {_reason(error)}")
    return shape, traces


def _cut(source: Source, index: Index, shard_bytes: int) -> Iterable[Shard]:
    """Shards of one trace: as many as its size asks for, each about as large as the others."""
    ends = [*index.offsets[1:], source.bytes]
    count = min(len(ends), -(-source.bytes // shard_bytes))
    first = 0
    for number in range(1, count + 1):
        goal = source.bytes * number // count
        last = first
        while last + 1 < len(ends) - (count - number) and ends[last] < goal:
            last += 1
        begin, end = index.offsets[first], ends[last]
        # The header, the chunks, and the last chunk with the index, by which they are found.
        needed = ((0, index.offsets[0]), (begin, end), (index.offsets[-1], source.bytes))
        yield Shard((source,), (first, last), end - begin, needed if source.is_remote else ())
        first = last + 1


@dataclass
class _File:
    """A file that a plan looks at, opened by Python or by fsspec."""

    path: str
    #: fsspec's file system, and the path in it; None where Python opens it.
    system: Any = None
    inner: str = ""

    def size_and_time(self) -> tuple[int, str]:
        if self.system is None:
            status = os.stat(self.path)
            return status.st_size, str(status.st_mtime_ns)
        return int(self.system.info(self.inner)["size"]), str(self.system.ukey(self.inner))

    def part(self, start: int, end: int) -> bytes:
        opened = (
            open(self.path, "rb") if self.system is None else self.system.open(self.inner, "rb")
        )
        with opened as file:
            file.seek(start)
            return file.read(end - start)

    def source(self) -> Source:
        size, time = self.size_and_time()
        if size == 0:
            raise ValueError("it is empty; leave it out, or import it again")
        digest = hashlib.sha256(str(size).encode())
        digest.update(self.part(0, min(size, _EDGE)))
        digest.update(self.part(max(0, size - _EDGE), size))
        self._size = size
        return Source(self.path, size, digest.hexdigest(), time, self.system is not None)

    def shape(self) -> moecast.Shape:
        if self.system is None:
            with moecast.open(self.path) as trace:
                return trace.shape
        # The library reads files: the trace's beginning is one for as long as its header is read.
        with tempfile.TemporaryDirectory() as folder:
            head = Path(folder) / "head"
            head.write_bytes(self.part(0, min(self._size, _EDGE)))
            with moecast.open(head) as trace:
                return trace.shape

    def index(self) -> Index | None:
        """The index at the end; None where there is none, as in a trace that was cut short."""
        length = _EDGE
        while True:
            tail = self.part(max(0, self._size - length), self._size)
            at = tail.rfind(_INDEX)
            while at >= 0:
                content = tail[at + 8 :]
                if len(content) == struct.unpack_from("<I", tail, at + 4)[0]:
                    return _index(content)
                at = tail.rfind(_INDEX, 0, at)
            if length >= min(self._size, _LONGEST_INDEX):
                return None
            length *= 16


def _index(content: bytes) -> Index | None:
    """The index that a frame holds; the program checks its sum and its chunks."""
    if content[:4] != b"MOEI" or len(content) < 36:
        return None
    version, requests, tokens, chunks = struct.unpack_from("<IQQQ", content, 4)
    if version != 1 or len(content) != 36 + 8 * chunks:
        return None
    return Index(requests, tokens, struct.unpack_from(f"<{chunks}Q", content, 32))


def _found(text: str, options: dict[str, Any]) -> list[_File]:
    """The files that an input stands for."""
    if re.match(r"[A-Za-z][A-Za-z0-9+.-]*(::|://)", text):
        return _found_by_fsspec(text, options)
    if os.path.isdir(text):
        paths = [str(path) for path in Path(text).rglob("*" + SUFFIX)]
        if not paths:
            raise ValueError(f"no {SUFFIX} file is in this folder; name the files")
    elif os.path.exists(text):
        paths = [text]
    else:
        paths = glob.glob(text, recursive=True)
        if not paths:
            raise FileNotFoundError("no such file, and no file fits it as a pattern")
    return [_File(os.path.abspath(path)) for path in sorted(paths, key=_natural)]


def _found_by_fsspec(text: str, options: dict[str, Any]) -> list[_File]:
    try:
        import fsspec
    except ImportError:
        raise ImportError("URLs need fsspec: pip install moecast[ray]") from None
    system, path = fsspec.core.url_to_fs(text, **options)
    if system.isdir(path):
        paths = [found for found in system.find(path) if found.endswith(SUFFIX)]
        if not paths:
            raise ValueError(f"no {SUFFIX} file is in this folder; name the files")
    elif any(sign in path for sign in "*?["):
        paths = system.glob(path)
        if not paths:
            raise FileNotFoundError("no file fits this pattern")
    else:
        paths = [path]
    paths = sorted(paths, key=_natural)
    names = (system.protocol,) if isinstance(system.protocol, str) else system.protocol
    if "file" in names:  # The program opens it itself.
        return [_File(path) for path in paths]
    return [_File(system.unstrip_protocol(path), system, path) for path in paths]


def _natural(path: str) -> list[tuple[int, int, str]]:
    """A key by which 2 comes before 10."""
    parts = re.split(r"([0-9]+)", path)
    return [(0, int(part), "") if part.isdigit() else (1, 0, part) for part in parts]


def _agree(one: moecast.Shape, other: moecast.Shape) -> bool:
    """Whether both are of one model, as far as they tell."""
    alike = all(
        getattr(one, name) == getattr(other, name) for name in ("model_layers", "experts", "top_k")
    )
    return alike and (not one.name or not other.name or one.name == other.name)


def _text(shape: moecast.Shape) -> str:
    name = f"{shape.name}: " if shape.name else ""
    return f"{name}{shape.layers} MoE layers, top-{shape.top_k} of {shape.experts} experts"


def _reason(error: Exception) -> str:
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    # fsspec's file systems name the path alone.
    if isinstance(error, FileNotFoundError) and " " not in str(error):
        return "no such file"
    return str(error) or type(error).__name__
