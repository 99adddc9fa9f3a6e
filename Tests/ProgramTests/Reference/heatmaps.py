"""Compares the pixels of the heatmaps of a page of `analyze` with shares made anew.

usage: heatmaps.py PAGE TRACE > a line for each heatmap: its caption, and by how many shades it differs at most

A cell of a share has the shade 255 P(j | i) E / 10, a pair's 255 / 10 of its count over the mean of all pairs;
255 at most.
"""
import base64
import re
import sys
import zlib

import numpy as np
from trace import STAGES, Trace

page, trace = open(sys.argv[1]).read(), Trace(sys.argv[2])
E, previous = trace.experts, trace.previous()
ordinal = {int(number): l for l, number in enumerate(trace.model_layers)}


def shades(png):
    """Rows of palette places of a PNG of 8 bits a pixel without filters."""
    at, data = 8, b""
    while at < len(png):
        size, kind = int.from_bytes(png[at : at + 4], "big"), png[at + 4 : at + 8]
        if kind == b"IHDR":
            width = int.from_bytes(png[at + 8 : at + 12], "big")
        data += png[at + 8 : at + 8 + size] if kind == b"IDAT" else b""
        at += 12 + size
    return np.frombuffer(zlib.decompress(data), np.uint8).reshape(-1, width + 1)[:, 1:].astype(int)


def shares(table):
    sums = table.sum(1, keepdims=True)
    return np.divide(table, sums, out=np.zeros_like(table), where=sums > 0)


def expected(caption):
    layer = ordinal[int(re.search(r"layer (\d+)", caption)[1])]
    chosen = np.ones(len(trace.ids), bool)
    for stage, name in enumerate(STAGES):
        if caption.endswith(", " + name):
            chosen = trace.stage == stage
    table = np.zeros((E, E))
    now = trace.ids[:, layer]
    if "Pairs" in caption:
        for ids in now:
            table[np.ix_(ids, ids)] += 1
        np.fill_diagonal(table, 0)
        return table / (table.sum() / (E * (E - 1))) / 10
    if "layer before" in caption:
        given, now = trace.ids[chosen, layer - 1], now[chosen]
    else:
        chosen &= previous >= 0
        given, now = trace.ids[previous[chosen], layer], now[chosen]
    np.add.at(table, (given[:, :, None], now[:, None, :]), 1)
    return shares(table) / (10 / E)


for figure in re.findall(r"<figure>(.*?)</figure>", page, re.S):
    caption = re.search(r"<figcaption>(.*?)</figcaption>", figure)
    image = re.search(r'<image class="cells"[^>]*base64,([^"]*)"', figure)
    if image:
        wanted = np.minimum(expected(caption[1]), 1) * 255
        difference = np.abs(shades(base64.b64decode(image[1])) - wanted).max()
        print(caption[1], int(np.ceil(difference - 0.5001)))
