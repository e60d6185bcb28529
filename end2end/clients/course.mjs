// What a program does with the npm package replicate, and what it may expect.

import assert from "node:assert/strict";
import Replicate, { validateWebhook } from "replicate";

const { COURSE_URL: url, COURSE_TOKEN: auth, COURSE_WEBHOOK: webhook } = process.env;
const replicate = new Replicate({ auth, baseUrl: `${url}/v1` });
const SCHNELL = "black-forest-labs/flux-schnell";
const LLAMA = "meta/meta-llama-3-8b-instruct";
// Over plain HTTP the client leaves addresses as they are; over HTTPS it makes files of them.
const blob = async (file) => (typeof file === "string" ? (await fetch(file)).blob() : file.blob());
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

async function step(name, work) {
  try {
    return await work();
  } catch (error) {
    console.error(`     ${name}:`);
    throw error;
  }
}

await step("a token that is none", async () => {
  const stranger = new Replicate({ auth: "invalid", baseUrl: `${url}/v1` });
  await assert.rejects(stranger.models.get("stability-ai", "sdxl"), (error) => error.response.status === 401);
});

const model = await step("models", async () => {
  const model = await replicate.models.get("stability-ai", "sdxl");
  assert.match(model.latest_version.id, /^[0-9a-f]{64}$/);
  const names = [];
  for await (const page of replicate.paginate(replicate.models.list)) names.push(...page.map((one) => `${one.owner}/${one.name}`));
  assert.ok(names.includes(SCHNELL) && new Set(names).size === names.length);
  const found = await replicate.models.search("sdxl");
  assert.ok(found.results.some((one) => one.name === "sdxl"));
  const versions = await replicate.models.versions.list("stability-ai", "sdxl");
  assert.equal((versions.results ?? versions)[0].id, model.latest_version.id);
  const version = await replicate.models.versions.get("stability-ai", "sdxl", model.latest_version.id);
  assert.ok(version.openapi_schema.components.schemas.Input.properties.prompt);
  return model;
});

await step("a run that waits, by name", async () => {
  const [file] = await replicate.run(SCHNELL, { input: { prompt: "a lighthouse" } });
  const picture = await blob(file);
  assert.ok(picture.size > 100 && picture.type === "image/webp", `${picture.size} bytes of ${picture.type}`);
});

await step("a run that polls, by version", async () => {
  const wait = { mode: "poll", interval: 50 };
  const output = await replicate.run(`stability-ai/sdxl:${model.latest_version.id}`, { input: { prompt: "a boat", num_outputs: 2 }, wait });
  assert.equal(output.length, 2);
});

const done = await step("create, wait, get", async () => {
  const made = await replicate.predictions.create({ version: model.latest_version.id, input: { prompt: "a windmill" } });
  assert.ok(["starting", "processing"].includes(made.status));
  const done = await replicate.wait(made, { interval: 50 });
  assert.equal(done.status, "succeeded");
  assert.ok(done.metrics.predict_time > 0 && done.completed_at);
  const again = await replicate.predictions.get(made.id);
  assert.deepEqual([again.id, again.output], [done.id, done.output]);
  return done;
});

await step("list", async () => {
  const ids = [];
  for await (const page of replicate.paginate(replicate.predictions.list)) ids.push(...page.map((one) => one.id));
  assert.ok(ids.includes(done.id) && new Set(ids).size === ids.length);
});

await step("cancel", async () => {
  const made = await replicate.predictions.create({ model: SCHNELL, input: { prompt: "#stall" } });
  await replicate.predictions.cancel(made.id);
  let told;
  for (let look = 0; look < 100; look++) {
    told = await replicate.predictions.get(made.id);
    if (told.status === "canceled") return;
    await sleep(100);
  }
  assert.fail(`it is ${told.status}`);
});

await step("what cannot be used", async () => {
  const bad = replicate.predictions.create({ model: SCHNELL, input: { num_outputs: 99 } });
  await assert.rejects(bad, (error) => error.response.status === 422 && error.message.includes("prompt is required"));
  const none = replicate.predictions.create({ version: "0".repeat(64), input: {} });
  await assert.rejects(none, (error) => error.response.status === 422 && error.message.includes("Invalid version or not permitted"));
  await assert.rejects(replicate.predictions.get("nothing"), (error) => error.response.status === 404);
});

await step("a stream", async () => {
  const pieces = [];
  let ended = false;
  for await (const event of replicate.stream(LLAMA, { input: { prompt: "the sea" } })) {
    if (event.event === "output") pieces.push(event.data);
    if (event.event === "done") ended = true;
  }
  assert.ok(ended && pieces.join("").length > 20, pieces.join(""));
});

await step("files", async () => {
  const [picture] = await replicate.run(SCHNELL, { input: { prompt: "a door" } });
  const file = await replicate.files.create(new File([await blob(picture)], "door.webp", { type: "image/webp" }));
  assert.equal((await replicate.files.get(file.id)).id, file.id);
  assert.ok((await replicate.files.list()).results.some((one) => one.id === file.id));
  const made = await replicate.predictions.create({ model: "black-forest-labs/flux-dev", input: { prompt: "a door", image: file.urls.get } });
  assert.equal((await replicate.wait(made, { interval: 50 })).status, "succeeded");
  assert.equal(await replicate.files.delete(file.id), true);
});

await step("a webhook", async () => {
  const secret = await replicate.webhooks.default.secret.get();
  const made = await replicate.predictions.create({
    model: SCHNELL,
    input: { prompt: "a bell" },
    webhook: `${webhook}${encodeURIComponent(url)}`,
    webhook_events_filter: ["completed"],
  });
  for (let look = 0; look < 200; look++) {
    const heard = await (await fetch(webhook)).json();
    const ours = heard.find((one) => JSON.parse(one.body).id === made.id);
    if (ours) {
      const { "webhook-id": id, "webhook-timestamp": timestamp, "webhook-signature": signature } = ours.headers;
      assert.equal(await validateWebhook({ id, timestamp, signature, body: ours.body, secret: secret.key }), true);
      assert.equal(JSON.parse(ours.body).status, "succeeded");
      return;
    }
    await sleep(100);
  }
  assert.fail("it never came");
});
