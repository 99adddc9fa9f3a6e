"""The load of `moecast serve`: clients that replay a trace through the socket while it learns.

python3 Tests/Service/load.py [--clients 64] [--seconds 60] [--rate 10000] TRACE

Starts a service that begins with nothing, or with a copy of --from, and lets every client follow requests
of the trace, an observation and a forecast a message. Prints, once a period, the latencies that clients see,
steps a second, recall, and the service's memory; at the end what the service itself took. With --rate the
clients together begin that many steps a second; else they go as fast as they can. A few processes have all
the clients, so that the load does not take the processors from the service.
"""

import argparse
import multiprocessing
import os
import pathlib
import queue
import re
import shutil
import struct
import tempfile
import time

import lz4.frame
import numpy as np

from serving import Service, programs

from moecast.service import BusyError, Client


def requests_of(path):
    """The requests of a trace, uint16 [tokens, layers, top_k] each."""
    found = {}
    with lz4.frame.open(path) as trace:
        experts, k, layers, n = struct.unpack("<12xIHHI", trace.read(24))
        trace.read(2 * layers + n)
        while head := trace.read(40):
            at, tokens, runs, width, weighted = struct.unpack("<4xI8xIIBB", head[:26])
            runs = np.frombuffer(trace.read(at - 40), "<u8,<u4,<u4,u1,u1,V6", runs)
            ids = np.frombuffer(trace.read(layers * tokens * k * width), f"<u{width}")
            ids = ids.astype(np.uint16).reshape(layers, tokens, k).transpose(1, 0, 2)
            if width == 1 and experts < 256:  # where there are 256, no slot is empty
                ids = np.where(ids == 255, np.uint16(65535), ids)
            trace.read(2 * ids.size * weighted)
            first = 0
            for run in runs:
                request, count = int(run[0]), int(run[2])
                found.setdefault(request, []).append(ids[first : first + count])
                first += count
    return [np.concatenate(pieces) for pieces in found.values()]


def resident(pid):
    """MiB that a process holds."""
    pages = int(pathlib.Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


def steps_of(client, requests, turn, tally, top):
    """Lets requests go by, over and over: stops before every step, and after it tells its time, ns."""
    layers = client.shape.layers
    while True:
        tokens = requests[turn % len(requests)]
        client.begin([turn])
        for token in tokens:
            while True:
                try:
                    client.open_tokens([turn])
                    break
                except BusyError:
                    tally["busy"] += 1
                    yield 0
            forecast = None
            for layer in range(layers):
                ids = token[layer][None]
                if forecast is not None:
                    chosen = ids[0].tolist()
                    best = forecast.ranked[0, : len(chosen)].tolist()
                    tally["hits"] += len(set(chosen).intersection(best))
                    tally["chosen"] += len(chosen)
                began = time.perf_counter_ns()
                forecast = client.step([turn], layer, ids, top=top)
                yield time.perf_counter_ns() - began
        client.end([turn])
        turn += 1


def follow(number, options, path, results, start, end):
    """One process: its share of the clients, a step of each in turn."""
    requests = requests_of(options.trace)
    mine = range(number, options.clients, options.processes)
    pause = options.processes / options.rate if options.rate else 0
    tally = {"busy": 0, "hits": 0, "chosen": 0}
    clients = [Client(path) for _ in mine]
    turns = [
        steps_of(client, requests, own * 7, tally, options.top)
        for own, client in zip(mine, clients)
    ]
    latencies, told, due = [], start, start + pause * number / options.processes
    while time.monotonic() < start:
        time.sleep(0.001)
    while (now := time.monotonic()) < end:
        for turn in turns:
            if pause:
                due += pause
                wait = due - time.monotonic()
                if wait > 0:
                    time.sleep(wait)
                elif wait < -1:  # it cannot be caught up with
                    due = time.monotonic()
            latencies.append(next(turn))
        if now - told > 1:
            results.put((np.array(latencies) / 1000, dict(tally)))
            latencies, told = [], now
            tally.update(busy=0, hits=0, chosen=0)
    results.put((np.array(latencies) / 1000, dict(tally)))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("trace")
    parser.add_argument("--from", dest="model", help="a model to begin with; it is copied")
    parser.add_argument("--predictor", default="mixture-fast")
    parser.add_argument("--clients", type=int, default=1)
    parser.add_argument("--processes", type=int, default=2, help="that have all the clients")
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--period", type=float, default=5)
    parser.add_argument("--rate", type=float, default=0, help="steps a second of all clients")
    parser.add_argument("--top", type=int, default=16)
    parser.add_argument("--frozen", action="store_true")
    parser.add_argument("--programs", help="the folder of moecast-serve")
    options = parser.parse_args()
    options.processes = min(options.processes, options.clients)
    _, program = programs(options.programs)
    with tempfile.TemporaryDirectory() as folder:
        model = pathlib.Path(folder) / "model.h5"
        arguments = ["--save-every", "30"]
        if options.model:
            shutil.copy(options.model, model)
        else:
            arguments += ["--like", options.trace, "--predictor", options.predictor]
        if options.frozen:
            arguments = ["--frozen"]
        service = Service(program, *arguments, model=model)
        try:
            measure(service, options)
        finally:
            code, said = service.stop()
            print(f"the service ended with {code}: {said.strip()}")


def measure(service, options):
    print("seconds     steps/s  p50 us  p99 us  p99.9 us  recall@K  refused busy  MiB", flush=True)
    results = multiprocessing.Queue()
    start = time.monotonic() + 1
    end = start + options.seconds
    clients = [
        multiprocessing.Process(
            target=follow, args=(number, options, service.socket, results, start, end))
        for number in range(options.processes)
    ]
    for client in clients:
        client.start()
    everything = []
    until = start
    while until < end:
        until += options.period
        latencies, sums = [np.zeros(0)], {"busy": 0, "hits": 0, "chosen": 0}
        while (rest := until - time.monotonic()) > 0:
            try:
                some, tally = results.get(timeout=rest)
            except queue.Empty:
                break
            latencies.append(some)
            for key, value in tally.items():
                sums[key] += value
        some = np.concatenate(latencies)
        some = some[some > 0]
        everything.append(some)
        if some.size:
            line(until - start, some, options.period, sums, resident(service.process.pid))
    for client in clients:
        client.join(5)
        client.kill()
    some = np.concatenate(everything)
    line(options.seconds, some, options.seconds, None, resident(service.process.pid), "all ")
    print(f"the service's own: {own_latencies(service)}")


def own_latencies(service):
    """Bounds below which half, 99 and 99.9 of 100 steps were answered, by the service's clock."""
    counts = [
        (float(bound), int(count))
        for bound, count in re.findall(
            r'answer_seconds_bucket\{request="step",le="([0-9.e+-]+)"\} (\d+)',
            service.ask("/metrics")[2])
    ]
    total = counts[-1][1]
    return ", ".join(
        f"{share * 100:g} % under {next(bound for bound, count in counts if count >= share * total) * 1e6:g} us"
        for share in (0.5, 0.99, 0.999))


def line(at, some, seconds, sums, memory, word="    "):
    p50, p99, p999 = np.percentile(some, [50, 99, 99.9])
    recall = sums["hits"] / max(1, sums["chosen"]) if sums else float("nan")
    print(f"{word}{at:6.0f}  {some.size / seconds:8.0f}  {p50:6.0f}  {p99:6.0f}  {p999:8.0f}"
          f"  {recall:8.3f}  {sums['busy'] if sums else 0:12d}  {memory:6.1f}", flush=True)


if __name__ == "__main__":
    main()
