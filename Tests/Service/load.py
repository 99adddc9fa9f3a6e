"""The load of `moecast serve`: clients that replay a trace through the socket while it learns.

python3 Tests/Service/load.py [--clients 64] [--seconds 60] [--rate 10000] TRACE

Starts a service that begins with nothing, or with a copy of --from, and lets every client follow requests
of the trace, an observation and a forecast a message. Prints, once a period, the latencies that clients see,
steps a second, recall, tokens that wait, and the service's memory. With --rate the clients together begin
that many steps a second, and a step that comes late counts from when it was due; else they go as fast as
they can.
"""

import argparse
import multiprocessing
import os
import pathlib
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


def follow(number, options, path, results, start, end):
    """One client: its share of the requests, over and over, until the end."""
    requests = requests_of(options.trace)[number :: options.clients] or requests_of(options.trace)
    pause = options.clients / options.rate if options.rate else 0
    with Client(path) as client:
        layers, hits, chosen, busy = client.model.layers, 0, 0, 0
        latencies, told = [], time.monotonic()
        while time.monotonic() < start:
            time.sleep(0.001)
        due = start + pause * number / options.clients
        turn = 0
        while time.monotonic() < end:
            name, tokens = turn, requests[turn % len(requests)]
            turn += 1
            client.begin([name])
            for token in tokens:
                while True:
                    try:
                        client.open_tokens([name])
                        break
                    except BusyError:
                        busy += 1
                        time.sleep(0.01)
                forecast = None
                for layer in range(layers):
                    if pause:
                        due += pause
                        wait = due - time.monotonic()
                        if wait > 0:
                            time.sleep(wait)
                        elif wait < -1:
                            due = time.monotonic()
                    began = time.perf_counter_ns()
                    ids = token[layer][None]
                    if forecast is not None:
                        hits += np.isin(ids, forecast.ranked[0, : ids.shape[1]]).sum()
                        chosen += ids.shape[1]
                    began = time.perf_counter_ns()
                    forecast = client.step([name], layer, ids, top=options.top)
                    latencies.append(time.perf_counter_ns() - began)
                now = time.monotonic()
                if now - told > 1 or now > end:
                    results.put((number, np.array(latencies) / 1000, hits, chosen, busy))
                    latencies, hits, chosen, busy, told = [], 0, 0, 0, now
                if now > end:
                    break
            else:
                client.end([name])


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("trace")
    parser.add_argument("--from", dest="model", help="a model to begin with; it is copied")
    parser.add_argument("--predictor", default="mixture-fast")
    parser.add_argument("--clients", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--period", type=float, default=5)
    parser.add_argument("--rate", type=float, default=0, help="steps a second of all clients")
    parser.add_argument("--top", type=int, default=16)
    parser.add_argument("--frozen", action="store_true")
    parser.add_argument("--programs", help="the folder of moecast-serve")
    options = parser.parse_args()
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
        for number in range(options.clients)
    ]
    for client in clients:
        client.start()
    everything = []
    until = start
    while time.monotonic() < end + 0.2:
        until += options.period
        latencies, hits, chosen, busy = [np.zeros(0)], 0, 0, 0
        while (rest := until - time.monotonic()) > 0:
            try:
                _, some, own_hits, own_chosen, own_busy = results.get(timeout=rest)
            except Exception:  # noqa: BLE001 -- queue.Empty
                break
            latencies.append(some)
            hits, chosen, busy = hits + own_hits, chosen + own_chosen, busy + own_busy
        some = np.concatenate(latencies)
        everything.append(some)
        if some.size:
            line(until - start, some, options.period, hits / max(1, chosen), busy,
                 resident(service.process.pid))
    for client in clients:
        client.join(5)
        client.kill()
    some = np.concatenate(everything)
    line(options.seconds, some, options.seconds, float("nan"), 0, resident(service.process.pid), "all ")


def line(at, some, seconds, recall, busy, memory, word="    "):
    p50, p99, p999 = np.percentile(some, [50, 99, 99.9])
    print(f"{word}{at:6.0f}  {some.size / seconds:8.0f}  {p50:6.0f}  {p99:6.0f}  {p999:8.0f}"
          f"  {recall:8.3f}  {busy:12d}  {memory:6.1f}", flush=True)


if __name__ == "__main__":
    main()
