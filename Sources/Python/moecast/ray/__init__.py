"""Jobs on a cluster: shards in, one model or one set of figures out; Ray does the rest.

::

    import moecast.ray

    moecast.ray.train("traces/", "model.h5", predictors="layer-markov")
    print(moecast.ray.evaluate("held-out/", "model.h5")["recall"]["all"])

Inputs are files, folders, patterns, and URLs that fsspec opens. Each shard is worked through by
the program as ``moecast train SHARD --model PART`` would by hand, and parts are put together as
``moecast merge`` and its like do: the same bytes, whatever the number of workers, their order, or
how many were lost. :class:`Cluster` says where: on this machine unless it names another.
``moecast-ray`` is the same as a program; ``moecast-ray plan`` needs no Ray.

``pip install moecast[ray]`` installs Ray and fsspec; what needs them says so where they lack.
"""

from .errors import ClusterError, JobError, PlanError, ShardError
from .jobs import analyze, compare, evaluate, sweep, train
from .run import Cluster
from .shards import Plan, Shard, Source, plan

__all__ = [
    "Cluster",
    "ClusterError",
    "JobError",
    "Plan",
    "PlanError",
    "Shard",
    "ShardError",
    "Source",
    "analyze",
    "compare",
    "evaluate",
    "plan",
    "sweep",
    "train",
]
