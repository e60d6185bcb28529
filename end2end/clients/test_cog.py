"""The product over a model on a real Cog server, asked by Replicate's own client for Python. `scripts/test cog` says where:

    CLIENTS_URL     the product's origin
    CLIENTS_TOKEN   a key that is accepted there
    COG_PORT        a port that is free
    COG_BIN         the folder of the Python that has cog
    ATELIER         the product's program, with its DATA_DIR
"""

import io
import os
import signal
import subprocess
import tempfile
import time
import unittest
from pathlib import Path

import httpx
import replicate
from replicate.exceptions import ModelError

ORIGIN = os.environ["CLIENTS_URL"]
TOKEN = os.environ["CLIENTS_TOKEN"]
PORT = int(os.environ["COG_PORT"])
HERE = Path(__file__).parent / "cog"
MODEL = "cellar/colours"
PRICE = 3


class Server:
    """A Cog server, without its container."""

    def __init__(self):
        self.log = tempfile.TemporaryFile()
        path = os.pathsep.join([os.environ["COG_BIN"], os.environ["PATH"]])
        told = {**os.environ, "PATH": path, "PORT": str(PORT), "COG_PREDICT_TYPE_STUB": "predict.py:Predictor"}
        told["PYTHONDONTWRITEBYTECODE"] = "1"
        command = [Path(os.environ["COG_BIN"]) / "python", "-m", "cog.server.http", "--host", "127.0.0.1"]
        # A group of its own: its worker is another process, and must die with it.
        self.process = subprocess.Popen(command, cwd=HERE, env=told, stdout=self.log, stderr=self.log, start_new_session=True)
        self.until("READY")

    def health(self) -> str:
        try:
            return httpx.get(f"http://127.0.0.1:{PORT}/health-check", trust_env=False).json()["status"]
        except httpx.HTTPError:
            return "AWAY"

    def until(self, health: str):
        for _ in range(600):
            if self.health() == health:
                return
            if self.process.poll() is not None:
                break
            time.sleep(0.05)
        self.log.seek(0)
        raise AssertionError(f"the server is {self.health()}, not {health}: {self.log.read().decode()[-2000:]}")

    def kill(self):
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def close(self):
        self.kill()
        self.log.close()


def atelier(*words: str) -> str:
    return subprocess.run([os.environ["ATELIER"], *words], check=True, capture_output=True, text=True).stdout


def spendable() -> int:
    """The credits that are neither spent nor held."""
    for line in atelier("user", "list").splitlines():
        if line.startswith("clients@example.com"):
            return int(line.split("\t")[2].split()[0])
    raise AssertionError("nobody is there")


def fetch(address: str) -> bytes:
    return httpx.get(address, trust_env=False).raise_for_status().content


class Cog(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = Server()
        atelier("models", "add", MODEL, "--endpoint", f"http://127.0.0.1:{PORT}")
        atelier("models", "price", MODEL, str(PRICE))
        atelier("models", "enable", MODEL)
        cls.client = replicate.Client(api_token=TOKEN, base_url=ORIGIN)
        cls.client.poll_interval = 0.05

    @classmethod
    def tearDownClass(cls):
        cls.server.close()

    def setUp(self):
        self.before = spendable()

    def create(self, **wanted):
        return self.client.models.predictions.create(MODEL, {"prompt": self.id(), **wanted})

    def restart(self):
        self.server.close()
        type(self).server = Server()

    def running(self, prediction):
        """Waits until the server is at it."""
        self.server.until("BUSY")
        for _ in range(200):
            prediction.reload()
            if prediction.status == "processing":
                return
            time.sleep(0.05)
        raise AssertionError(f"it is {prediction.status}")

    def assert_costs(self, credits: int):
        self.assertEqual(self.before - spendable(), credits)

    def test_a_picture_is_made_and_kept(self):
        made = self.client.run(MODEL, input={"prompt": "a fox"})
        self.assertTrue(made.startswith(ORIGIN), made)
        self.assertTrue(fetch(made).startswith(b"\x89PNG"))
        self.assert_costs(PRICE)

    def test_a_picture_is_worked_from(self):
        file = io.BytesIO(fetch(self.client.run(MODEL, input={"prompt": "a fox"})))
        file.name = "fox.png"
        made = self.client.run(MODEL, input={"prompt": "a fox", "image": file})
        self.assertTrue(fetch(made).startswith(b"\x89PNG"))
        self.assert_costs(2 * PRICE)

    def test_a_model_that_fails_gives_everything_back(self):
        with self.assertRaises(ModelError):
            self.client.run(MODEL, input={"prompt": "a fox", "fail": True})
        self.assert_costs(0)

    def test_a_canceled_run_stops_there_and_gives_everything_back(self):
        prediction = self.create(seconds=50)
        self.running(prediction)
        prediction.cancel()
        prediction.wait()
        self.assertEqual(prediction.status, "canceled")
        self.server.until("READY")
        self.assert_costs(0)

    def test_two_at_once_are_made_one_after_the_other(self):
        both = [self.create(seconds=1), self.create(seconds=1)]
        for prediction in both:
            prediction.wait()
            self.assertEqual(prediction.status, "succeeded", prediction.error)
        self.assert_costs(2 * PRICE)

    def test_a_server_killed_in_the_middle_is_asked_again_when_it_is_back(self):
        prediction = self.create(seconds=2)
        self.running(prediction)
        self.restart()
        prediction.wait()
        self.assertEqual(prediction.status, "succeeded", prediction.error)
        self.assert_costs(PRICE)

    def test_a_run_that_kills_its_server_gives_everything_back(self):
        prediction = self.client.models.predictions.create(MODEL, {"prompt": "crash"})
        # The process in which the model runs is not begun again by itself: an operator restarts the server.
        self.server.until("UNHEALTHY")
        self.restart()
        prediction.wait()
        self.assertEqual(prediction.status, "failed")
        self.restart()
        self.assert_costs(0)


if __name__ == "__main__":
    unittest.main(verbosity=2)
