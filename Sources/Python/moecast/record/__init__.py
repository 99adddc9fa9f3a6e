"""Records which experts a running model chooses, as ``*.moe.lz4`` traces.

From a transformers model, by hooks on its routers::

    from moecast.record import Recorder

    with Recorder(model, "routing.moe.lz4") as recorder:
        model.generate(**inputs)
    print(recorder.tokens, "tokens,", recorder.errors, "errors")

From answers of vLLM, SGLang or Dynamo that carry ``routed_experts``::

    from moecast.record import ResponseRecorder

    with ResponseRecorder("routing.moe.lz4", shape) as recorder:
        for response in responses:
            recorder.add(response)

Neither breaks what it watches: whatever goes wrong while it records is counted in ``errors``, told
once in the log ``moecast.record``, and not raised.
"""

from .recorder import Recorder
from .responses import ResponseRecorder, Route, routes
from .sink import MemorySink, Sink

__all__ = ["MemorySink", "Recorder", "ResponseRecorder", "Route", "Sink", "routes"]
