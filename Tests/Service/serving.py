"""Starts `moecast serve` for the tests and for the load, and finds the client of the Python package."""

import contextlib
import json
import pathlib
import signal
import subprocess
import sys
import urllib.error
import urllib.request

TOP = pathlib.Path(__file__).resolve().parents[2]
TRAIN = TOP / "models/tiny-moe-train.moe.lz4"
TEST = TOP / "models/tiny-moe-test.moe.lz4"

sys.path.insert(0, str(TOP / "Sources/Python"))


def programs(folder=None):
    """The programs `moecast` and `moecast-serve`, of this build or of a folder."""
    folder = pathlib.Path(folder) if folder else TOP / ".build/release"
    return folder / "moecast", folder / "moecast-serve"


class Service:
    """A running service."""

    def __init__(self, program, *arguments, model, port=0):
        self.model = pathlib.Path(model)
        self.socket = str(self.model) + ".sock"
        self.process = subprocess.Popen(
            [str(program), "--model", str(model), "--port", str(port), *map(str, arguments)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.said = []
        while not self.said or not self.said[-1].startswith("http://"):
            line = self.process.stdout.readline()
            if not line:
                self.complaint = self.process.stderr.read()
                raise RuntimeError(self.complaint)
            self.said.append(line.rstrip("\n"))
        self.url = self.said[-1].rstrip("/")

    def ask(self, where, body=None, *, method=None, headers=None):
        """Status, headers and text of an answer over HTTP."""
        if body is not None and not isinstance(body, (bytes, str)):
            body = json.dumps(body)
        if isinstance(body, str):
            body = body.encode()
        request = urllib.request.Request(
            self.url + where, body, headers or {}, method=method
        )
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                return answer.status, answer.headers, answer.read().decode()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.headers, error.read().decode()

    def json(self, where, body=None, **how):
        """Status and value of an answer."""
        status, _, text = self.ask(where, body, **how)
        return status, json.loads(text)

    def stop(self, number=signal.SIGTERM):
        """Ends it; its exit code and what it said on standard error."""
        if self.process.poll() is None:
            self.process.send_signal(number)
        _, self.complaint = self.process.communicate(timeout=30)
        return self.process.returncode, self.complaint


@contextlib.contextmanager
def serving(program, *arguments, model, **how):
    """A service for the time of a block."""
    service = Service(program, *arguments, model=model, **how)
    try:
        yield service
    finally:
        if service.process.poll() is None:
            service.process.kill()
        service.process.communicate()
