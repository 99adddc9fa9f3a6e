"""What goes wrong with a job: every file or shard is named."""

from __future__ import annotations

from ..errors import Error


class PlanError(Error, ValueError):
    """Inputs that are no shards; nothing was begun."""

    def __init__(self, trouble: list[str]) -> None:
        super().__init__("\n".join(trouble))
        #: A line a file.
        self.trouble = trouble


class ShardError(Error):
    """Shards that failed; the others are done and kept."""

    def __init__(self, failures: dict[str, str], remark: str) -> None:
        lines = [f"{name}: {reason}" for name, reason in failures.items()]
        super().__init__("\n".join([*lines, remark]))
        #: Why, by the names of the shards.
        self.failures = failures


class ClusterError(Error):
    """There is no cluster, or no node of it has what a task needs."""


class JobError(Error):
    """What is not of one shard: the program, the folder of the parts, the end of a job."""
