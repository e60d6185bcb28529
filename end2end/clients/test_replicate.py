"""Replicate's own client for Python, unmodified, against whoever speaks its protocol. `scripts/test clients` says whom:

    CLIENTS_URL     the origin, without /v1
    CLIENTS_TOKEN   a token that is accepted there
    CLIENTS_LACKS   parts of the protocol that are not to be found there yet, such as "files webhooks"; their tests are skipped
"""

import asyncio
import base64
import hashlib
import io
import itertools
import json
import os
import queue
import struct
import tempfile
import threading
import time
import unittest
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import replicate
from replicate.exceptions import ModelError, ReplicateError
from replicate.webhook import InvalidSignatureError, InvalidTimestampError, Webhooks, WebhookSigningSecret

ORIGIN = os.environ["CLIENTS_URL"]
TOKEN = os.environ["CLIENTS_TOKEN"]
LACKS = os.environ.get("CLIENTS_LACKS", "").split()

PICTURES = "black-forest-labs/flux-schnell"
COMMUNITY = "stability-ai/sdxl"
EDITS = "black-forest-labs/flux-kontext-pro"
TEXT = "meta/meta-llama-3-8b-instruct"

# One transparent dot.
PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)

# An eighth of a second of silence.
WAV = struct.pack("<4sI8sIHHIIHH4sI", b"RIFF", 1036, b"WAVEfmt ", 16, 1, 1, 8000, 8000, 1, 8, b"data", 1000) + b"\x80" * 1000

prompts = itertools.count()


def prompt(words: str) -> str:
    """A prompt that nobody used before, so that its prediction can be told from all others."""
    return f"{words} {os.getpid()}-{time.time_ns()}-{next(prompts)}"


def client(token: str = TOKEN) -> replicate.Client:
    made = replicate.Client(api_token=token, base_url=ORIGIN)
    made.poll_interval = 0.05
    return made


def moment(text: str) -> datetime:
    # Older Pythons read no Z and no more than six digits of a second.
    whole, _, fraction = text.removesuffix("Z").partition(".")
    return datetime.fromisoformat(f"{whole}.{fraction[:6]:0<6}+00:00")


def lacks(part: str):
    return unittest.skipIf(part in LACKS, f"{ORIGIN} has no {part} yet")


class Case(unittest.TestCase):
    maxDiff = None

    def setUp(self):
        self.client = client()

    def is_picture(self, url):
        answer = httpx.get(str(url))
        self.assertEqual(answer.status_code, 200, url)
        self.assertTrue(answer.headers["content-type"].startswith("image/"), answer.headers)
        self.assertEqual(int(answer.headers["content-length"]), len(answer.content))
        self.assertGreater(len(answer.content), 100)

    def ended(self, prediction):
        prediction.wait()
        self.assertEqual((prediction.status, prediction.error), ("succeeded", None))
        return prediction

    def refused(self, status, call, *args, **kwargs) -> ReplicateError:
        with self.assertRaises(ReplicateError) as caught:
            call(*args, **kwargs)
        self.assertEqual(caught.exception.status, status, caught.exception)
        return caught.exception


class Looking(Case):
    def test_the_account_of_the_token_is_told(self):
        account = self.client.accounts.current()
        self.assertIn(account.type, ("user", "organization"))
        self.assertTrue(account.username)

    def test_a_model_is_found_with_its_version_and_what_that_takes(self):
        model = self.client.models.get(PICTURES)
        self.assertEqual(model.id, PICTURES)
        version = model.latest_version
        self.assertRegex(version.id, r"^[0-9a-f]{64}$")
        schemas = version.openapi_schema["components"]["schemas"]
        self.assertEqual((schemas["Input"]["properties"]["prompt"]["type"], schemas["Output"]["type"]), ("string", "array"))
        self.assertEqual(model.versions.get(version.id), version)
        self.assertEqual([known.id for known in model.versions.list()], [version.id])

    def test_models_are_listed_in_pages_and_found_by_their_words(self):
        models = [model.id for page in replicate.paginate(self.client.models.list) for model in page.results]
        self.assertEqual(len(set(models)), len(models))
        self.assertLessEqual({PICTURES, COMMUNITY, EDITS, TEXT}, set(models))
        self.assertIn(PICTURES, [model.id for model in self.client.models.search("flux-schnell").results])


class Creating(Case):
    def test_an_official_model_is_created_by_its_name_and_polled_to_its_end(self):
        wish = {"prompt": prompt("a lighthouse"), "num_outputs": 2, "seed": 7}
        prediction = self.client.models.predictions.create(PICTURES, wish)
        self.assertIn(prediction.status, ("starting", "processing"))
        self.assertEqual(prediction.model, PICTURES)
        self.ended(prediction)
        self.assertEqual({**prediction.input, **wish}, prediction.input)
        self.assertEqual(len(prediction.output), 2)
        for url in prediction.output:
            self.is_picture(url)
        self.assertLessEqual(moment(prediction.created_at), moment(prediction.started_at))
        self.assertLessEqual(moment(prediction.started_at), moment(prediction.completed_at))
        self.assertGreaterEqual(prediction.metrics["predict_time"], 0)
        self.assertEqual(self.client.predictions.get(prediction.id), prediction)

    def test_any_model_is_created_by_its_version(self):
        version = self.client.models.get(COMMUNITY).latest_version
        for written in (version, version.id, f"{COMMUNITY}:{version.id}"):
            prediction = self.client.predictions.create(version=written, input={"prompt": prompt("a river")})
            self.assertEqual(prediction.version, version.id)
            self.is_picture(self.ended(prediction).output[0])

    def test_run_waits_in_the_create_and_answers_with_what_was_made(self):
        (picture,) = self.client.run(PICTURES, {"prompt": prompt("a hill")})
        self.is_picture(picture)
        version = self.client.models.get(COMMUNITY).latest_version
        (picture,) = self.client.run(f"{COMMUNITY}:{version.id}", {"prompt": prompt("a boat")})
        self.is_picture(picture)

    def test_run_can_poll_instead_and_one_output_is_not_in_a_list(self):
        self.is_picture(self.client.run(EDITS, {"prompt": prompt("a garden")}, wait=False))

    def test_run_without_blocking_gives_the_same_to_async_programs(self):
        async def run():
            return await client().async_run(PICTURES, {"prompt": prompt("a bay")}, wait=False)

        (picture,) = asyncio.run(run())
        self.is_picture(picture)

    def test_run_of_a_model_that_writes_gives_piece_after_piece(self):
        version = self.client.models.get(TEXT).latest_version
        pieces = self.client.run(f"{TEXT}:{version.id}", {"prompt": prompt("why is the sea salty?")}, wait=False)
        self.assertGreater(len("".join(pieces)), 20)

    def test_a_wait_that_is_too_short_is_answered_with_what_is_there(self):
        begun = time.monotonic()
        prediction = self.client.models.predictions.create(PICTURES, {"prompt": prompt("#stall")}, wait=1)
        self.assertIn(prediction.status, ("starting", "processing"))
        self.assertGreaterEqual(time.monotonic() - begun, 0.9)
        prediction.cancel()

    def test_what_fails_is_an_error_with_the_models_words(self):
        for wait in (True, False):
            with self.assertRaises(ModelError) as caught:
                self.client.run(PICTURES, {"prompt": prompt("#fail")}, wait=wait)
            self.assertEqual(caught.exception.prediction.status, "failed")
            self.assertTrue(caught.exception.prediction.error)


class Stopping(Case):
    def test_a_prediction_is_cancelled_and_cancelling_it_again_changes_nothing(self):
        prediction = self.client.models.predictions.create(PICTURES, {"prompt": prompt("#stall")})
        prediction.cancel()
        prediction.wait()
        self.assertEqual(prediction.status, "canceled")
        self.assertGreaterEqual(moment(prediction.completed_at), moment(prediction.created_at))
        self.assertEqual(self.client.predictions.cancel(prediction.id).status, "canceled")


class Listing(Case):
    def test_the_list_leads_from_page_to_page_newest_first_each_prediction_once(self):
        def create(_):
            return self.client.models.predictions.create(PICTURES, {"prompt": prompt("#stall")})

        with ThreadPoolExecutor(10) as pool:
            # One more than a page has.
            created = list(pool.map(create, range(101)))
            try:
                pages = list(itertools.islice(replicate.paginate(self.client.predictions.list), 100))
            finally:
                list(pool.map(lambda prediction: prediction.cancel(), created))
        self.assertGreaterEqual(len(pages), 2)
        told = [prediction for page in pages for prediction in page.results]
        ids = [prediction.id for prediction in told]
        self.assertEqual(len(set(ids)), len(ids))
        self.assertLessEqual({prediction.id for prediction in created}, set(ids))
        moments = [moment(prediction.created_at) for prediction in told]
        self.assertTrue(all(newer >= older for newer, older in itertools.pairwise(moments)), "nothing newer follows")
        again = self.client.predictions.list(pages[0].next)
        self.assertEqual([prediction.id for prediction in again.results[:1]], [pages[1].results[0].id])


class Streaming(Case):
    def test_a_text_is_followed_as_it_is_written_to_the_last_piece(self):
        prediction = self.client.models.predictions.create(TEXT, {"prompt": prompt("why is the sea salty?")})
        events = list(prediction.stream())
        self.assertEqual([(event.event.value, event.data) for event in events if event.event.value != "output"], [("done", "{}")])
        self.ended(prediction)
        whole = "".join(prediction.output)
        self.assertGreater(len(whole), 20)
        self.assertEqual("".join(str(event) for event in events), whole)

    def test_streaming_needs_no_more_than_a_model_and_an_input(self):
        events = list(self.client.stream(TEXT, input={"prompt": prompt("why is the sky blue?")}))
        self.assertEqual(events[-1].event.value, "done")
        self.assertGreater(len("".join(str(event) for event in events)), 20)


@lacks("files")
class Files(Case):
    def test_a_file_is_uploaded_told_listed_and_deleted(self):
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "silence.wav"
            path.write_bytes(WAV)
            file = self.client.files.create(path, content_type="audio/wav")
        self.assertEqual((file.name, file.content_type, file.size), ("silence.wav", "audio/wav", len(WAV)))
        self.assertEqual(file.checksums["sha256"], hashlib.sha256(WAV).hexdigest())
        self.assertEqual(self.client.files.get(file.id), file)
        self.assertIn(file, self.client.files.list())
        self.assertTrue(self.client.files.delete(file.id))
        self.refused(404, self.client.files.get, file.id)
        self.refused(404, self.client.files.delete, file.id)

    @lacks("metadata")
    def test_what_is_said_about_a_file_is_told_again(self):
        file = self.client.files.create(io.BytesIO(WAV), filename="silence.wav", metadata={"why": "a test"})
        self.assertEqual((file.name, file.metadata), ("silence.wav", {"why": "a test"}))
        self.client.files.delete(file.id)

    def test_a_file_in_an_input_is_uploaded_by_the_client(self):
        with tempfile.NamedTemporaryFile(suffix=".png") as picture:
            picture.write(PNG)
            picture.flush()
            with open(picture.name, "rb") as opened:
                for given in (opened, Path(picture.name), io.BytesIO(PNG)):
                    wish = {"prompt": prompt("at night"), "input_image": given}
                    prediction = self.ended(self.client.models.predictions.create(EDITS, wish))
                    self.assertTrue(urlsplit(prediction.input["input_image"]).path.startswith("/v1/files/"))
                    self.is_picture(prediction.output)


class Inlined(Case):
    def test_a_file_can_be_sent_inside_the_input(self):
        wish = {"prompt": prompt("at noon"), "input_image": io.BytesIO(PNG)}
        self.is_picture(self.client.run(EDITS, wish, file_encoding_strategy="base64"))


@lacks("webhooks")
class Hearing(Case):
    def test_webhooks_are_signed_so_that_the_client_believes_them(self):
        heard = queue.Queue()

        class Ear(BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["content-length"])).decode()
                self.send_response(200)
                self.end_headers()
                heard.put((dict(self.headers), body))

            def log_message(self, *_):
                pass

        ear = ThreadingHTTPServer(("127.0.0.1", 0), Ear)
        threading.Thread(target=ear.serve_forever, daemon=True).start()
        self.addCleanup(ear.server_close)
        self.addCleanup(ear.shutdown)
        url = f"http://127.0.0.1:{ear.server_port}/hook?for=python"
        prediction = self.client.models.predictions.create(
            PICTURES, {"prompt": prompt("a bell")}, webhook=url, webhook_events_filter=["start", "completed"]
        )
        secret = self.client.webhooks.default.secret()
        arrived = [heard.get(timeout=30), heard.get(timeout=30)]
        # A start says so even when it is heard last: their order is not promised.
        self.assertEqual(sorted(json.loads(body)["status"] for _, body in arrived), ["processing", "succeeded"])
        for headers, body in arrived:
            told = json.loads(body)
            self.assertEqual((told["id"], told["webhook"]), (prediction.id, url))
            Webhooks.validate(headers=headers, body=body, secret=secret, tolerance=300)
            with self.assertRaises(InvalidSignatureError):
                Webhooks.validate(headers=headers, body=body + " ", secret=secret)
            with self.assertRaises(InvalidSignatureError):
                other = WebhookSigningSecret(key="whsec_" + base64.b64encode(b"another").decode())
                Webhooks.validate(headers=headers, body=body, secret=other)
            with self.assertRaises(InvalidTimestampError):
                Webhooks.validate(headers=headers, body=body, secret=secret, tolerance=-1)


class Refusing(Case):
    def test_who_has_no_token_or_a_wrong_one_is_told_so(self):
        told = self.refused(401, client("invalid-token").predictions.list)
        self.assertEqual((told.title, told.detail), ("Unauthenticated", "You did not pass a valid authentication token"))
        self.assertEqual(httpx.get(f"{ORIGIN}/v1/predictions").json()["detail"], "You did not pass an authentication token")

    def test_what_is_not_there_is_answered_with_404_and_a_sentence(self):
        nothing = "0000000000000000000000nope"
        for call, given in [
            (self.client.predictions.get, [nothing]),
            (self.client.predictions.cancel, [nothing]),
            (self.client.models.get, ["nobody/nothing"]),
            (self.client.models.predictions.create, ["nobody/nothing", {}]),
        ]:
            self.assertEqual(self.refused(404, call, *given).detail, "The requested resource could not be found.")

    def test_a_bad_input_is_refused_with_every_reason_and_an_unknown_version_too(self):
        wish = {"num_inference_steps": 5, "seed": "x"}
        told = self.refused(422, self.client.models.predictions.create, PICTURES, wish)
        self.assertEqual(told.title, "Input validation failed")
        for reason in (
            "- input: prompt is required\n",
            "- input.seed: Invalid type. Expected: integer, given: string\n",
            "- input.num_inference_steps: Must be less than or equal to 4\n",
        ):
            self.assertIn(reason, told.detail)
        several = self.client.models.get("google/nano-banana").latest_version
        wish = {"prompt": prompt("a"), "image_input": "https://example.com/a.png"}
        told = self.refused(422, self.client.predictions.create, several, wish)
        self.assertEqual(told.detail, "- input.image_input: Invalid type. Expected: array, given: string\n")
        told = self.refused(422, self.client.predictions.create, "0" * 64, {})
        self.assertEqual(told.title, "Invalid version or not permitted")


if __name__ == "__main__":
    # The client leaves its connections open for the garbage collector.
    unittest.main(verbosity=2, warnings="ignore")
