"""Prints every token of a trace.

usage: contents.py TRACE
"""
import sys

from trace import STAGES, Trace

trace = Trace(sys.argv[1])
print(f"layers {trace.model_layers.tolist()}, top-{trace.k} of {trace.experts}")
for request, position, stage, ids in zip(trace.request, trace.position, trace.stage, trace.ids):
    print(f"request {request}, token {position}, {STAGES[stage]}: {ids.tolist()}")
