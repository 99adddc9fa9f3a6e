"""Prints how many requests are under way after the first chunks of a trace.

usage: live.py TRACE CHUNKS

A request has ended where its last run says so, or where none of its tokens comes later.
"""
import sys

from trace import Trace

trace, chunks = Trace(sys.argv[1]), int(sys.argv[2])
begun = set(trace.request[trace.chunk < chunks])
later = set(trace.request[trace.chunk >= chunks])
print(len(begun & later), end="")
