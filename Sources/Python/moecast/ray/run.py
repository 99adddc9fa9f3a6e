"""A job on a cluster: tasks out, parts in, one result. Ray schedules, ships and retries."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import threading
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import moecast

from . import tasks
from .errors import ClusterError, JobError, ShardError
from .manifest import Manifest, digest_of
from .shards import SHARD_BYTES, Inputs, Plan, Shard, plan

#: Parts that are joined at a time, where joining is exact.
FAN_IN = 8
#: Times that Ray tries a lost task again.
RETRIES = 3
#: Seconds to wait at the end for tasks that are cancelled, and for nodes to be cleaned.
PATIENCE = 60


@dataclass
class Cluster:
    """Where and how a job runs.

    The bytes of a result depend on the inputs, ``shard_bytes`` and the options of the job; on
    nothing else that is here.
    """

    #: Ray's address: ``"auto"`` for the running cluster, ``"ray://..."``; None starts one here.
    address: str | None = None
    #: Workers of a cluster that is started here; one a core where None.
    workers: int | None = None
    #: Cores that a task states, which are the program's threads.
    cores: int = 1
    #: Bytes of memory that a task states; an estimate by the shape and the predictors where None.
    memory: int | None = None
    #: Compressed bytes of a shard.
    shard_bytes: int = SHARD_BYTES
    #: Folder of the parts and the manifest; beside the result where None.
    work: str | os.PathLike[str] | None = None
    #: Whether the parts stay when the job is done.
    keep: bool = False
    #: fsspec's options for URLs.
    storage_options: dict[str, Any] = field(default_factory=dict)
    #: Called with (shards done, shards, bytes done, bytes); nothing is told where None.
    progress: Callable[[int, int, int, int], None] | None = None


@dataclass
class Job:
    """What is run on every shard, and how its parts become one."""

    #: The subcommand, which also names the folder of the parts.
    command: list[str]
    #: Its options for every shard.
    options: list[str]
    #: The option that names its output; None where it prints it.
    output: str | None
    #: How files of its parts end.
    suffix: str
    #: The subcommand that joins parts, and the option that names what it writes.
    join: list[str]
    join_output: str = "-o"
    #: Whether joining what was joined is the same as joining all at once.
    is_exact: bool = True
    #: What tasks there are, where they are not the shards that were planned.
    tasks: Callable[[Plan], Plan] = lambda planned: planned
    #: A model that every shard is measured with.
    model: Path | None = None
    #: Bytes of memory of a task, by the shape of the traces.
    memory: Callable[[moecast.Shape], int] = lambda shape: 512 << 20


def program() -> str:
    """The program's path: ``MOECAST_PROGRAM``, or the one of the package.

    Raises :class:`JobError` where there is none.
    """
    packaged = Path(moecast.__file__).parent / "bin" / "moecast"
    path = os.environ.get("MOECAST_PROGRAM") or str(packaged)
    if not os.access(path, os.X_OK):
        raise JobError(
            f"{path}: no program is there; install the wheel (make wheel), or name it with "
            "MOECAST_PROGRAM"
        )
    return path


def run(inputs: Inputs, job: Job, cluster: Cluster, finish: Callable[[list[str]], str]) -> str:
    """Plans shards, runs ``job`` on each that is not done, joins the parts, and finishes.

    ``finish`` is given the files of the last parts, in the order of the shards, and makes the
    result of them on this machine.

    Raises :class:`PlanError`, :class:`ClusterError`, :class:`JobError`, or :class:`ShardError`
    where shards failed: the parts of the others are kept, and the same call goes on from there.
    """
    if cluster.cores < 1 or (cluster.workers is not None and cluster.workers < 1):
        raise ClusterError("no workers: a job needs 1 at least, of 1 core each")
    planned = plan(inputs, shard_bytes=cluster.shard_bytes, storage_options=cluster.storage_options)
    planned = job.tasks(planned)
    shipped = _Shipped(_bytes(program()), _bytes(job.model) if job.model else None)
    told = {
        "command": job.command,
        "options": job.options,
        "program": digest_of(shipped.program),
        "model": digest_of(shipped.model) if shipped.model else None,
    }
    folder = Path(cluster.work or f"moecast-{job.command[-1]}.parts")
    manifest = Manifest(folder, told, planned.shards, job.suffix)
    try:
        with tempfile.TemporaryDirectory(dir=folder, prefix="joined-") as joined:
            parts = _Run(planned, job, cluster, manifest, shipped).parts(Path(joined))
            try:
                result = finish([str(path) for path, _ in parts])
            except JobError as error:
                # Parts are files of this job alone; their shards are what the user knows.
                words = str(error)
                for path, name in parts:
                    words = words.replace(str(path), name)
                raise JobError(words) from None
        if not cluster.keep:
            manifest.remove()
        return result
    finally:
        manifest.close()


def run_program(arguments: Sequence[str]) -> str:
    """What the program prints, on this machine; what it says beside goes to standard error.

    Raises :class:`JobError` with its words where it fails.
    """
    done = subprocess.run(
        [program(), *arguments], capture_output=True, stdin=subprocess.DEVNULL, check=False
    )
    said = done.stderr.decode(errors="replace").strip()
    if done.returncode:
        raise JobError(
            said.removeprefix("moecast: ") or f"the program ended with {done.returncode}"
        )
    if said:
        print(said, file=sys.stderr)
    return done.stdout.decode()


@dataclass
class _Shipped:
    """Files that every node needs."""

    program: bytes
    model: bytes | None

    def references(self, ray: Any) -> list[Any]:
        """Of each its digest and a reference, by which a node fetches it once."""
        return [
            (digest_of(data), [ray.put(data)]) if data else None
            for data in (self.program, self.model)
        ]


class _Run:
    """The tasks of one job."""

    def __init__(
        self, planned: Plan, job: Job, cluster: Cluster, manifest: Manifest, shipped: _Shipped
    ) -> None:
        self._shards, self._shape = planned.shards, planned.shape
        self._job, self._cluster, self._manifest = job, cluster, manifest
        self._shipped = shipped
        self._failures: dict[str, str] = {}

    def parts(self, folder: Path) -> list[tuple[Path, str]]:
        """The files to finish with and what each is of: a shard, or what a tree has joined."""
        waiting = [n for n in range(len(self._shards)) if not self._manifest.is_done(n)]
        has_tree = self._job.is_exact and len(self._shards) > FAN_IN
        if waiting or has_tree:
            with _connected(self._cluster) as ray:
                tree = self._run(ray, waiting, has_tree)
                self._check()
                if has_tree:
                    return self._written(tree, folder)
        return [(self._manifest.part(n), shard.name) for n, shard in enumerate(self._shards)]

    def _run(self, ray: Any, waiting: list[int], has_tree: bool) -> list[Any]:
        """Runs the shards that wait; the references at the tree's root, if there is one."""
        ray.cloudpickle.register_pickle_by_value(tasks)
        resources = self._resources(ray)
        scratch = f"moecast-ray-{uuid.uuid4().hex}"
        job = {
            "command": self._job.command,
            "options": [*self._job.options, "--workers", str(self._cluster.cores)],
            "output": self._job.output,
            "suffix": self._job.suffix,
            "join": self._job.join,
            "join_output": self._job.join_output,
            "scratch": scratch,
        }
        shipped, model = self._shipped.references(ray)
        options = {"max_retries": RETRIES, "retry_exceptions": True, **resources}
        work = ray.remote(tasks.work).options(name="moecast shard", **options)
        join = ray.remote(tasks.join).options(name="moecast join", **options)
        tree = _Tree(len(self._shards), lambda parts: join.remote(shipped, job, *parts))
        pending = {
            work.remote(shipped, job, self._told(self._shards[number]), model): number
            for number in waiting
        }
        try:
            for number in range(len(self._shards)):
                if has_tree and self._manifest.is_done(number):
                    part = self._manifest.part(number).read_bytes()
                    tree.add(number, ray.put({"part": part, "name": self._shards[number].name}))
            self._tell()
            while pending:
                done, _ = ray.wait(list(pending), num_returns=1, timeout=0.5)
                for reference in done:
                    number = pending.pop(reference)
                    if self._take(ray, reference, number) and has_tree:
                        tree.add(number, reference)
                    self._tell()
            return tree.root(ray) if has_tree and not self._failures else []
        finally:
            for reference in pending:
                ray.cancel(reference, force=True)
            if pending:
                ray.wait(list(pending), num_returns=len(pending), timeout=PATIENCE)
            self._clean(ray, scratch)
            self._manifest.write()

    def _take(self, ray: Any, reference: Any, number: int) -> bool:
        """Keeps the outcome of a shard; whether it was done."""
        try:
            outcome = ray.get(reference)
        except ray.exceptions.RayError as error:
            lost = str(error).strip().splitlines()
            outcome = {
                "error": f"its task was lost {RETRIES + 1} times: "
                f"{lost[-1] if lost else type(error).__name__}"
            }
        if "error" in outcome:
            where = f" (on {outcome['node']})" if "node" in outcome else ""
            self._failures[self._shards[number].name] = outcome["error"] + where
            self._manifest.fail(number, outcome["error"])
            return False
        self._manifest.keep(number, outcome)
        return True

    def _told(self, shard: Shard) -> dict[str, Any]:
        """A shard as its task is told of it."""
        return {
            "name": shard.name,
            "files": [asdict(file) for file in shard.files],
            "range": shard.range,
            "ranges": shard.ranges,
            "storage_options": self._cluster.storage_options,
        }

    def _tell(self) -> None:
        if self._cluster.progress is None:
            return
        done = [s for n, s in enumerate(self._shards) if self._manifest.is_done(n)]
        of = sum(shard.bytes for shard in self._shards)
        self._cluster.progress(len(done), len(self._shards), sum(shard.bytes for shard in done), of)

    def _check(self) -> None:
        """Raises where shards failed."""
        if self._failures:
            done = len(self._shards) - len(self._failures)
            raise ShardError(
                self._failures,
                f"{len(self._failures)} of {len(self._shards)} shards failed; the parts of {done} "
                f"are kept in {self._manifest.folder}: the same command goes on from there",
            )

    def _resources(self, ray: Any) -> dict[str, Any]:
        """What a task states.

        Raises :class:`ClusterError` where no node has as much, so that nothing waits for ever.
        """
        memory = self._cluster.memory
        if memory is None:
            memory = self._job.memory(self._shape)
        nodes = [node["Resources"] for node in ray.nodes() if node["Alive"]]
        cores = self._cluster.cores
        if not any(n.get("CPU", 0) >= cores and n.get("memory", 0) >= memory for n in nodes):
            has = ", ".join(
                f"{n.get('CPU', 0):.0f} cores and {n.get('memory', 0) / 1e9:.1f} GB" for n in nodes
            )
            raise ClusterError(
                f"no workers: a task states {cores} cores and {memory / 1e9:.1f} GB of memory, and "
                f"the nodes have {has or 'none'}; add one, or state less with --cores or --memory"
            )
        return {"num_cpus": cores, "memory": memory}

    def _written(self, tree: list[Any], folder: Path) -> list[tuple[Path, str]]:
        """Files of the parts at the tree's root."""
        paths = []
        for number, outcome in enumerate(tree):
            if "error" in outcome:
                raise JobError(f"joining failed: {outcome['error']}")
            paths.append((folder / f"{number:04}{self._job.suffix}", outcome["name"]))
            paths[-1][0].write_bytes(outcome["part"])
        return paths

    def _clean(self, ray: Any, scratch: str) -> None:
        """Takes away what the tasks kept on the nodes."""
        strategy = ray.util.scheduling_strategies.NodeAffinitySchedulingStrategy
        clean = ray.remote(tasks.clean)
        waits = [
            clean.options(
                num_cpus=0, scheduling_strategy=strategy(node["NodeID"], soft=True)
            ).remote(scratch)
            for node in ray.nodes()
            if node["Alive"]
        ]
        ray.wait(waits, num_returns=len(waits), timeout=PATIENCE)


class _Tree:
    """Parts joined eight at a time, neighbours with neighbours, as soon as all eight are there."""

    def __init__(self, leaves: int, join: Callable[[list[Any]], Any]) -> None:
        self._join = join
        self._levels: list[dict[int, Any]] = [{}]
        self._counts = [leaves]
        while self._counts[-1] > FAN_IN:
            self._counts.append(-(-self._counts[-1] // FAN_IN))
            self._levels.append({})

    def add(self, number: int, reference: Any, level: int = 0) -> None:
        own = self._levels[level]
        own[number] = reference
        if level + 1 == len(self._levels):
            return
        group = number // FAN_IN
        members = range(group * FAN_IN, min((group + 1) * FAN_IN, self._counts[level]))
        if all(member in own for member in members):
            # References are let go, and so Ray lets parts go that are joined.
            self.add(group, self._join([own.pop(member) for member in members]), level + 1)

    def root(self, ray: Any) -> list[dict[str, Any]]:
        """The outcomes that nothing joins any more, in order."""
        return [ray.get(self._levels[-1][number]) for number in range(self._counts[-1])]


@contextmanager
def _connected(cluster: Cluster) -> Iterator[Any]:
    """Ray, connected to the cluster, or to one that is started here and ends with the job.

    Raises :class:`ClusterError` where Ray is not installed, or there is no such cluster.
    """
    try:
        import ray
        import ray.util.scheduling_strategies
    except ImportError as error:
        raise ClusterError(
            f"Ray is not installed ({error}): pip install moecast[ray]; without it, "
            "`moecast-ray plan` writes the shards for other schedulers"
        ) from None
    if ray.is_initialized():
        yield ray
        return
    # Nothing is told to Ray's makers unless the user has asked for it.
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    own = {"num_cpus": cluster.workers or os.cpu_count(), "include_dashboard": False}
    address = cluster.address or os.environ.get("RAY_ADDRESS")
    try:
        ray.init(
            address=address or "local",
            log_to_driver=False,
            logging_level="ERROR",
            **({} if address else own),
            **_own_network(address),
        )
    except (ConnectionError, ValueError, RuntimeError, OSError) as error:
        raise ClusterError(f"no cluster at {address or 'this machine'}: {error}") from None
    try:
        with _stopping():
            yield ray
    finally:
        ray.shutdown()


def _own_network(address: str | None) -> dict[str, Any]:
    """Loopback for a cluster of this machine alone: Ray would ask which way leads out."""
    return {} if address else {"_node_ip_address": "127.0.0.1"}


@contextmanager
def _stopping() -> Iterator[None]:
    """SIGTERM and SIGHUP end the job as SIGINT does: in order, with what is done kept."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def stop(number: int, frame: Any) -> None:
        raise KeyboardInterrupt

    before = {number: signal.signal(number, stop) for number in (signal.SIGTERM, signal.SIGHUP)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _bytes(path: str | os.PathLike[str]) -> bytes:
    try:
        return Path(path).read_bytes()
    except OSError as error:
        raise JobError(f"{path}: {error.strerror}") from None
