"""Reads a moecast trace with lz4 and numpy alone, as the README does."""
import struct

import lz4.frame
import numpy as np

STAGES = ("prefill", "decode")


class Trace:
    """Tokens in the order of the stream.

    ids[token, layer, slot]; request, position and stage (0 prefill, 1 decode) of every token; chunk, the
    chunk that holds it; tasks by request.
    """

    def __init__(self, path):
        ids, request, position, stage, chunk, self.tasks = [], [], [], [], [], {}
        with lz4.frame.open(path) as file:
            self.experts, self.k, self.layers, n = struct.unpack("<12xIHHI", file.read(24))
            self.model_layers = np.frombuffer(file.read(2 * self.layers + n), "<u2", self.layers)
            ordinal = 0
            while head := file.read(40):
                at, tokens, runs, width, weighted, labels = struct.unpack("<4xI8xIIBB6xI4x", head)
                fields = file.read(at - 40)
                runs = np.frombuffer(fields, "<u8,<u4,<u4,u1,u1,V6", runs)
                place = runs.nbytes
                for _ in range(labels):
                    number, name, task = struct.unpack("<QHH", fields[place : place + 12])
                    place += 12 + name
                    self.tasks[number] = fields[place : place + task].decode()
                    place += task
                block = np.frombuffer(file.read(self.layers * tokens * self.k * width), f"<u{width}")
                ids.append(block.reshape(self.layers, tokens, self.k).transpose(1, 0, 2))
                file.read(2 * block.size * weighted)
                for number, first, count, its_stage, *_ in runs:
                    request += [int(number)] * count
                    position += range(first, first + count)
                    stage += [int(its_stage)] * count
                chunk += [ordinal] * tokens
                ordinal += 1
        self.ids = np.concatenate(ids).astype(np.int64)
        self.request, self.position = np.array(request), np.array(position)
        self.stage, self.chunk = np.array(stage), np.array(chunk)

    def previous(self):
        """Of every token the one before it in its request, or -1."""
        last, previous = {}, np.full(len(self.request), -1)
        for token, (request, position) in enumerate(zip(self.request, self.position)):
            before = last.get(request)
            if before is not None and self.position[before] == position - 1:
                previous[token] = before
            last[request] = token
        return previous

    def pool(self, stage):
        """The tokens of a stage, request by request in the order in which they began, and their numbers."""
        kept = [t for t in range(len(self.ids)) if stage == "all" or STAGES[self.stage[t]] == stage]
        order = list(dict.fromkeys(self.request[kept]))
        tokens = [[t for t in kept if self.request[t] == request] for request in order]
        return np.concatenate([self.ids[t] for t in tokens]), [len(t) for t in tokens]
