"""What a program does with the PyPI package replicate, and what it may expect."""

import io
import json
import os
import time
import urllib.request

from replicate.client import Client
from replicate.exceptions import ReplicateError
from replicate.webhook import Webhooks

URL, TOKEN, WEBHOOK = (os.environ[name] for name in ("COURSE_URL", "COURSE_TOKEN", "COURSE_WEBHOOK"))
SCHNELL = "black-forest-labs/flux-schnell"
client = Client(api_token=TOKEN, base_url=URL)


def refused(call, status):
    try:
        call()
    except ReplicateError as error:
        assert error.status == status, error
        return error
    raise AssertionError(f"expected {status}")


# A token that is none.
refused(lambda: Client(api_token="invalid", base_url=URL).models.get("stability-ai/sdxl"), 401)

# Models.
model = client.models.get("stability-ai/sdxl")
assert len(model.latest_version.id) == 64
assert any(f"{one.owner}/{one.name}" == SCHNELL for one in client.models.list())
assert any(one.name == "sdxl" for one in client.models.search("sdxl"))
assert model.versions.list()[0].id == model.latest_version.id
assert model.versions.get(model.latest_version.id).openapi_schema["components"]["schemas"]["Input"]

# A run that waits, by name; its file is read without a second thought.
[file] = client.run(SCHNELL, input={"prompt": "a lighthouse"})
# Over plain HTTP the client leaves addresses as they are; over HTTPS it makes files of them.
picture = urllib.request.urlopen(file).read() if isinstance(file, str) else file.read()
assert len(picture) > 100

# A run that polls, by version.
output = client.run(f"stability-ai/sdxl:{model.latest_version.id}", input={"prompt": "a boat", "num_outputs": 2}, wait=False)
assert len(list(output)) == 2

# Create, wait, look again, list.
made = client.predictions.create(version=model.latest_version.id, input={"prompt": "a windmill"})
assert made.status in ("starting", "processing")
made.wait()
assert made.status == "succeeded" and made.metrics["predict_time"] > 0
again = client.predictions.get(made.id)
assert again.output == made.output
assert any(one.id == made.id for one in client.predictions.list())

# Cancel.
stalled = client.predictions.create(model=SCHNELL, input={"prompt": "#stall"})
stalled.cancel()
for _ in range(100):
    stalled.reload()
    if stalled.status == "canceled":
        break
    time.sleep(0.1)
assert stalled.status == "canceled", stalled.status

# What cannot be used.
bad = refused(lambda: client.predictions.create(model=SCHNELL, input={"num_outputs": 99}), 422)
assert bad.title == "Input validation failed" and "prompt is required" in bad.detail, bad
refused(lambda: client.predictions.create(version="0" * 64, input={}), 422)
refused(lambda: client.predictions.get("nothing"), 404)

# A stream.
events = list(client.stream("meta/meta-llama-3-8b-instruct", input={"prompt": "the sea"}))
text = "".join(event.data for event in events if event.event.value == "output")
assert len(text) > 20 and events[-1].event.value == "done", text

# Files.
sent = client.files.create(io.BytesIO(picture), filename="door.webp", content_type="image/webp")
assert client.files.get(sent.id).id == sent.id
assert any(one.id == sent.id for one in client.files.list())
edited = client.predictions.create(model="black-forest-labs/flux-dev", input={"prompt": "a door", "image": sent.urls["get"]})
edited.wait()
assert edited.status == "succeeded", edited.error
client.files.delete(sent.id)

# A webhook.
secret = client.webhooks.default.secret()
rung = client.predictions.create(model=SCHNELL, input={"prompt": "a bell"}, webhook=WEBHOOK + "python", webhook_events_filter=["completed"])
for _ in range(200):
    with urllib.request.urlopen(WEBHOOK) as heard:
        ours = [one for one in json.load(heard) if json.loads(one["body"])["id"] == rung.id]
    if ours:
        break
    time.sleep(0.1)
assert ours, "it never came"
Webhooks.validate(headers=ours[0]["headers"], body=ours[0]["body"], secret=secret, tolerance=300)
assert json.loads(ours[0]["body"])["status"] == "succeeded"
