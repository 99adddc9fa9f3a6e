"""`moecast serve` as its users have it: both doors, bad clients, kill -9, the end.

python3 -m unittest discover -s Tests/Service, after `make service`.
"""

import base64
import http.client
import json
import os
import pathlib
import re
import signal
import socket
import stat
import subprocess
import tempfile
import threading
import time
import unittest

import numpy as np

from serving import TEST, TRAIN, Service, programs, serving

from moecast.errors import BadArgumentError, BadChoiceError, OutOfOrderError, UnknownRequestError
from moecast.service import Client, ServiceError

MOECAST, SERVE = programs(os.environ.get("MOECAST_PROGRAMS"))


def run(*arguments):
    return subprocess.run(
        [str(MOECAST), *map(str, arguments)], check=True, capture_output=True, text=True
    ).stdout


class ServiceTests(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.home = tempfile.TemporaryDirectory()
        cls.trained = pathlib.Path(cls.home.name) / "trained.h5"
        run("train", TRAIN, "--model", cls.trained, "--predictor", "mixture-fast", "--stop-after", 2,
            "--quiet")

    @classmethod
    def tearDownClass(cls):
        cls.home.cleanup()

    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)
        self.model = pathlib.Path(self.folder.name) / "model.h5"
        self.model.write_bytes(self.trained.read_bytes())

    def serving(self, *arguments, **how):
        return serving(SERVE, *arguments, model=self.model, **how)

    def tokens(self, client, count, request=1, seed=0):
        """Lets random tokens of one request go by; the last forecast."""
        random = np.random.default_rng(seed)
        for _ in range(count):
            client.open_tokens([request])
            for layer in range(client.shape.layers):
                ids = random.permutation(client.shape.experts)[: client.shape.top_k]
                forecast = client.step([request], layer, ids[None].astype(np.uint16), top=8)
        return forecast

    def test_forecasts_are_those_of_the_command_line(self):
        lines = [{"request": 7, "stage": "decode"}, {"request": 7, "layer": 0, "experts": [9, 43, 6]}]
        told = subprocess.run(
            [str(MOECAST), "forecast", "--model", str(self.model), "--live", "--top", "8"],
            input="".join(json.dumps(line) + "\n" for line in lines), check=True,
            capture_output=True, text=True,
        ).stdout.splitlines()
        with self.serving("--frozen") as service:
            by_web = []
            for line in lines:
                self.assertEqual(service.json("/v1/observe", line)[0], 200)
                status, _, text = service.ask("/v1/forecast", {"request": 7, "top": 8})
                self.assertEqual(status, 200)
                by_web.append(json.loads(text))
            self.assertEqual(by_web, [json.loads(line) for line in told])
            with Client(service.socket) as client:
                client.begin([7])
                client.open_tokens([7])
                first = client.forecast([7], 0, top=8)
                ids = np.full((1, client.shape.top_k), 65535, np.uint16)
                ids[0, :3] = [9, 43, 6]
                second = client.step([7], 0, ids, top=8)
            for forecast, line in zip((first, second), by_web):
                self.assertEqual(forecast.ranked[0].tolist(), line["experts"])
                np.testing.assert_array_equal(
                    forecast.chances[0], np.array(line["chances"], np.float32))

    def test_what_is_learnt_is_what_training_on_the_recording_makes(self):
        recording = pathlib.Path(self.folder.name) / "recorded.moe.lz4"
        fresh = pathlib.Path(self.folder.name) / "fresh.h5"
        with serving(SERVE, "--like", TRAIN, "--predictor", "mixture-fast", "--record", recording,
                     model=fresh) as service:
            with Client(service.socket) as client:
                client.begin([1, 2])
                self.tokens(client, 20, request=1, seed=1)
                self.tokens(client, 20, request=2, seed=2)
                client.end([1, 2])
            time.sleep(0.2)
            self.assertEqual(service.stop()[0], 0)
        again = pathlib.Path(self.folder.name) / "again.h5"
        run("train", recording, "--model", again, "--predictor", "mixture-fast", "--quiet")
        self.assertEqual(fresh.read_bytes(), again.read_bytes())

    def test_what_was_acknowledged_outlives_kill_9(self):
        with self.serving() as service:
            with Client(service.socket) as client:
                client.begin([1])
                self.tokens(client, 10)
                saved = client.save()
                self.tokens(client, 3)
                service.process.kill()
                service.process.wait()
                with self.assertRaises(ServiceError):
                    client.counts()
        with self.serving() as service:
            with Client(service.socket) as client:
                self.assertEqual(client.counts().tokens_learnt, saved)
                client.begin([1])
                self.tokens(client, 1)

    def test_sigterm_ends_in_order(self):
        with self.serving("--save-every", 3600) as service:
            with Client(service.socket) as client:
                client.begin([1])
                self.tokens(client, 5)
                before = client.counts()
                code, said = service.stop(signal.SIGTERM)
                self.assertEqual(code, 0, said)
                self.assertIn("saved, ", said)
            self.assertFalse(os.path.exists(service.socket))
            self.assertFalse(os.path.exists(str(self.model) + ".lock"))
        with self.serving() as service, Client(service.socket) as client:
            self.assertGreaterEqual(client.counts().tokens_learnt, before.tokens_learnt)

    def test_checkpoints_are_written_as_it_goes(self):
        with self.serving("--save-every", 0.3) as service, Client(service.socket) as client:
            client.begin([1])
            self.tokens(client, 4)
            client.flush()
            learnt = client.counts().tokens_learnt
            for _ in range(100):
                if client.counts().tokens_saved == learnt:
                    break
                time.sleep(0.05)
            self.assertEqual(client.counts().tokens_saved, learnt)
            self.assertTrue(pathlib.Path(str(self.model) + ".1").exists())

    def test_only_the_owner_may_use_the_socket(self):
        with self.serving() as service:
            self.assertEqual(stat.S_IMODE(os.stat(service.socket).st_mode), 0o600)
            with self.assertRaisesRegex(RuntimeError, "lock|writ|serv"):
                Service(SERVE, model=self.model)

    def test_beyond_loopback_only_with_a_token(self):
        def refusal(*arguments):
            ended = subprocess.run(
                [str(SERVE), "--model", str(self.model), "--port", "0", *arguments],
                capture_output=True, text=True, timeout=30)
            return ended.returncode, ended.stderr

        code, said = refusal("--host", "0.0.0.0")
        self.assertEqual(code, 2)
        self.assertIn("--token-file", said)
        secret = pathlib.Path(self.folder.name) / "token"
        secret.write_text("0123456789abcdef\n")
        secret.chmod(0o644)
        code, said = refusal("--token-file", str(secret))
        self.assertEqual(code, 1)
        self.assertIn("others may read it", said)
        secret.chmod(0o600)
        with self.serving("--token-file", secret) as service:
            self.assertEqual(service.ask("/v1/model")[0], 401)
            self.assertEqual(service.ask("/healthz")[0], 200)
            right = {"Authorization": "Bearer 0123456789abcdef"}
            self.assertEqual(service.ask("/v1/model", headers=right)[0], 200)
            with self.assertRaisesRegex(ServiceError, "token"):
                Client(service.socket)
            Client(service.socket, token="0123456789abcdef").close()

    def test_pages_of_others_are_not_served(self):
        with self.serving() as service:
            status, answer = service.json("/v1/model", headers={"Host": "evil.example"})
            self.assertEqual(status, 403)
            self.assertIn("evil.example", answer["error"])
            status, _ = service.json("/v1/observe", {"request": 1},
                                     headers={"Origin": "http://evil.example"})
            self.assertEqual(status, 403)

    def test_errors_over_http(self):
        with self.serving() as service:
            def refusal(where, body):
                status, answer = service.json(where, body)
                return status, answer["kind"], answer["error"]

            self.assertEqual(refusal("/v1/observe", "{broken")[:2], (400, "badArgument"))
            self.assertEqual(refusal("/v1/observe", b"\xff\xfe")[:2], (400, "badArgument"))
            self.assertEqual(refusal("/v1/forecast", {"request": 9})[:2], (404, "unknownRequest"))
            self.assertEqual(
                refusal("/v1/observe", {"request": 1, "layer": 5, "experts": [1]}),
                (409, "outOfOrder", "layer 5 is out of order; layer 0 is next"))
            self.assertEqual(
                refusal("/v1/observe", {"request": 1, "layer": 0, "experts": [64]})[:2],
                (422, "badChoice"))
            self.assertEqual(
                refusal("/v1/observe", {"request": 1, "layer": 0, "experts": [3, 3]})[:2],
                (422, "badChoice"))
            status, kind, said = refusal(
                "/v1/observe",
                [{"request": 2, "layer": 0, "experts": [1]}, {"request": 2, "layer": 0, "experts": [1]}])
            self.assertEqual((status, kind), (409, "outOfOrder"))
            self.assertIn("object 1: ", said)
            self.assertEqual(refusal("/v1/traces", b"no trace at all")[:2], (422, "badFile"))
            self.assertEqual(service.ask("/v1/nothing")[0], 404)

    def test_a_body_that_is_too_large_is_refused(self):
        with self.serving("--body", 1) as service:
            status, answer = service.json("/v1/observe", b" " * (2 << 20))
            self.assertEqual(status, 413)
            self.assertIn("1048576 bytes", answer["error"])
            self.assertEqual(service.ask("/healthz")[0], 200)

    def test_traces_are_learnt(self):
        with self.serving("--body", 32) as service:
            before = service.json("/v1/model")[1]["tokens_learnt"]
            status, told = service.json("/v1/traces", TEST.read_bytes())
            self.assertEqual(status, 200, told)
            facts = json.loads(run("inspect", TEST, "--json"))
            self.assertEqual(told, {"requests": facts["requests"], "tokens": facts["tokens"]})
            service.json("/v1/save", b"", method="POST")
            self.assertEqual(
                service.json("/v1/model")[1]["tokens_learnt"], before + facts["tokens"])
            self.assertEqual(service.json("/v1/model")[1]["requests"], 0)
            # One flipped bit: nothing of it is learnt.
            damaged = bytearray(TEST.read_bytes())
            damaged[len(damaged) // 2] ^= 1
            status, answer = service.json("/v1/traces", bytes(damaged))
            self.assertEqual((status, answer["kind"]), (422, "badFile"))
            self.assertEqual(
                service.json("/v1/model")[1]["tokens_learnt"], before + facts["tokens"])

    def test_answers_of_an_engine_are_learnt(self):
        # SGLang's: base64 of int32 [tokens, layers, k], the last token without a row.
        rng = np.random.default_rng(5)
        chosen = np.stack([[rng.permutation(64)[:8] for _ in range(12)] for _ in range(5)])
        answer = {
            "text": " a",
            "meta_info": {
                "id": "r1", "prompt_tokens": 3, "completion_tokens": 3,
                "routed_experts": base64.b64encode(chosen.astype("<i4").tobytes()).decode(),
            },
        }
        as_json = {"Content-Type": "application/json"}
        with self.serving() as service:
            before = service.json("/v1/model")[1]["tokens_learnt"]
            status, told = service.json("/v1/traces", answer, headers=as_json)
            self.assertEqual((status, told), (200, {"requests": 1, "tokens": 5}))
            service.json("/v1/save", b"", method="POST")
            self.assertEqual(service.json("/v1/model")[1]["tokens_learnt"], before + 5)
            # An expert that is none: nothing of it is learnt.
            chosen[4, 11, 7] = 65
            answer["meta_info"]["routed_experts"] = base64.b64encode(
                chosen.astype("<i4").tobytes()).decode()
            for body in (answer, {"text": "no routing"}):
                status, told = service.json("/v1/traces", body, headers=as_json)
                self.assertEqual((status, told["kind"]), (422, "badFile"), told)
            self.assertEqual(service.json("/v1/model")[1]["tokens_learnt"], before + 5)

    def test_the_model_can_be_replaced(self):
        with self.serving() as service, Client(service.socket) as client:
            client.begin([1])
            self.tokens(client, 4)
            status, told = service.json("/v1/model", self.trained.read_bytes(), method="PUT")
            self.assertEqual(status, 200, told)
            with self.assertRaises(UnknownRequestError):
                client.open_tokens([1])
            client.begin([1])
            self.tokens(client, 1)
            status, told = service.json("/v1/model", b"no model", method="PUT")
            self.assertEqual((status, told["kind"]), (422, "badFile"))
            other = pathlib.Path(self.folder.name) / "other.h5"
            with serving(SERVE, "--shape", "llama-4-maverick", "--predictor", "frequency",
                         model=other) as third:
                third.stop()
            status, told = service.json("/v1/model", other.read_bytes(), method="PUT")
            self.assertEqual((status, told["kind"]), (422, "mismatch"))
            self.tokens(client, 1)

    def test_figures_are_told(self):
        with self.serving() as service, Client(service.socket) as client:
            client.begin([1])
            self.tokens(client, 3)
            client.flush()
            text = service.ask("/metrics")[2]
            events = 3 * client.shape.layers
            self.assertIn(f"moecast_events_observed_total {events}\n", text)
            self.assertIn(f'moecast_answer_seconds_count{{request="step"}} {events}\n', text)
            self.assertRegex(text, r'moecast_recall\{predictor="mixture-fast",n="\d+"\} 0\.\d+')
            for line in text.splitlines():
                self.assertRegex(line, r"^(# (HELP|TYPE) \S+ .+|[a-z_]+(\{[^}]*\})? [-0-9.e+]+)$")
            self.assertEqual(service.ask("/readyz")[::2], (200, "ready\n"))
            time.sleep(1.3)
            samples = service.json("/v1/history")[1]
            self.assertGreater(max(sample["observed_per_second"] for sample in samples), 0)
            page = service.ask("/")
            self.assertIn("default-src 'none'", page[1]["Content-Security-Policy"])
            self.assertIsNone(re.search(r"""(src|href)=|https?://(?!www\.w3\.org)""", page[2]))

    def test_slow_clients_of_http_are_shed(self):
        with self.serving("--patience", 1) as service:
            host, port = service.url.removeprefix("http://").split(":")
            for start in (b"", b"POST /v1/obs", b"POST /v1/observe HTTP/1.1\r\nHost: 127.0.0.1\r\n"
                          b"Content-Length: 100\r\n\r\n{"):
                with socket.create_connection((host, int(port)), timeout=10) as slow:
                    slow.sendall(start)
                    began = time.monotonic()
                    while slow.recv(4096):
                        pass
                    self.assertLess(time.monotonic() - began, 8)
            self.assertEqual(service.ask("/healthz")[0], 200)

    def test_many_clients_at_once_do_not_disturb_each_other(self):
        with self.serving() as service:
            wrong = []

            def go(seed):
                try:
                    with Client(service.socket) as client:
                        client.begin([1])
                        self.tokens(client, 6, seed=seed)
                        with self.assertRaises(BadChoiceError):
                            client.open_tokens([1])
                            client.observe([1], 0, np.full((1, client.shape.top_k), 9999))
                        with self.assertRaises(OutOfOrderError):
                            client.open_tokens([1])
                        with self.assertRaises(BadArgumentError):
                            client.forecast([1], 0, top=0)
                except BaseException as error:  # noqa: BLE001 -- told by the main thread
                    wrong.append(error)

            def garbage(seed):
                with socket.socket(socket.AF_UNIX) as stranger:
                    stranger.connect(service.socket)
                    stranger.sendall(np.random.default_rng(seed).bytes(100))

            threads = [threading.Thread(target=target, args=(seed,))
                       for seed in range(32) for target in (go, garbage)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            self.assertEqual(wrong, [])
            for _ in range(100):
                if service.json("/v1/model")[1]["requests"] == 0:
                    break
                time.sleep(0.05)
            self.assertEqual(service.json("/v1/model")[1]["requests"], 0)

    def test_the_program_hands_over(self):
        told = subprocess.run([str(MOECAST), "serve", "--help"], capture_output=True, text=True)
        self.assertEqual(told.returncode, 0, told.stderr)
        self.assertIn("beside an engine", told.stdout)


if __name__ == "__main__":
    unittest.main()
