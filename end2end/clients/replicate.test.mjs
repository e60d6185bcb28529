// Replicate's own client for Node.js, unmodified, against whoever speaks its protocol. `scripts/test clients` says whom:
//   CLIENTS_URL     the origin, without /v1
//   CLIENTS_TOKEN   a token that is accepted there
//   CLIENTS_LACKS   parts of the protocol that are not to be found there yet, such as "files webhooks"; their tests are skipped
// The client stands in the folder of NODE_PATH. Pictures, films and texts cost what they cost there; none is kept.
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { createServer } from "node:http";
import { createRequire } from "node:module";
import { test } from "node:test";

const Replicate = createRequire(import.meta.url)("replicate");

const { CLIENTS_URL: origin, CLIENTS_TOKEN: token, CLIENTS_LACKS: lacking = "" } = process.env;
assert.ok(origin && token, "CLIENTS_URL and CLIENTS_TOKEN must be set");
const lacks = (part) => (lacking.split(" ").includes(part) ? `${origin} has no ${part} yet` : false);

const PICTURES = "black-forest-labs/flux-schnell";
const COMMUNITY = "stability-ai/sdxl";
const EDITS = "black-forest-labs/flux-kontext-pro";
const TEXT = "meta/meta-llama-3-8b-instruct";

const replicate = new Replicate({ auth: token, baseUrl: `${origin}/v1` });
const OFTEN = { interval: 50 };

// One transparent dot.
const PNG = Buffer.from(
  "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==",
  "base64",
);

// An eighth of a second of silence.
const WAV = Buffer.alloc(44 + 1_000, 0x80);
WAV.write("RIFF", 0);
WAV.writeUInt32LE(WAV.length - 8, 4);
WAV.write("WAVEfmt ", 8);
[16, 0x0001_0001, 8_000, 8_000, 0x0008_0001].forEach((field, at) => WAV.writeUInt32LE(field, 16 + 4 * at));
WAV.write("data", 36);
WAV.writeUInt32LE(WAV.length - 44, 40);

/** A prompt that nobody used before, so that its prediction can be told from all others. */
let prompts = 0;
const prompt = (words) => `${words} ${process.pid}-${Date.now()}-${(prompts += 1)}`;

async function isPicture(url) {
  const answer = await fetch(url);
  const bytes = await answer.arrayBuffer();
  assert.equal(answer.status, 200, url);
  assert.match(answer.headers.get("content-type"), /^image\//, url);
  assert.equal(Number(answer.headers.get("content-length")), bytes.byteLength, url);
  assert.ok(bytes.byteLength > 100, url);
}

/** The error of a call, with its problem as the server wrote it: the client keeps it in its message only. */
async function refusal(call) {
  const error = await call.then(
    () => assert.fail("it was not refused"),
    (error) => error,
  );
  assert.equal(error.name, "ApiError", error.stack);
  assert.match(error.response.headers.get("content-type"), /^application\/problem\+json/);
  const text = error.message.slice(error.message.indexOf("{"), error.message.lastIndexOf("}") + 1);
  const problem = JSON.parse(text);
  assert.equal(problem.status, error.response.status);
  return problem;
}

async function listed(wanted) {
  const page = await replicate.predictions.list();
  return page.results.find(({ input }) => input.prompt === wanted);
}

test("the account of the token is told", async () => {
  const account = await replicate.accounts.current();
  assert.ok(["user", "organization"].includes(account.type));
  assert.ok(account.username.length > 0);
});

test("a model is found with its version and what that takes", async () => {
  const model = await replicate.models.get(...PICTURES.split("/"));
  assert.equal(`${model.owner}/${model.name}`, PICTURES);
  assert.match(model.latest_version.id, /^[0-9a-f]{64}$/);
  const { Input, Output } = model.latest_version.openapi_schema.components.schemas;
  assert.deepEqual([Input.properties.prompt.type, Output.type], ["string", "array"]);
  const version = await replicate.models.versions.get(...PICTURES.split("/"), model.latest_version.id);
  assert.deepEqual(version, model.latest_version);
  const versions = await replicate.models.versions.list(...PICTURES.split("/"));
  assert.deepEqual((versions.results ?? versions).map(({ id }) => id), [version.id]);
});

test("models are listed in pages and found by their words", async () => {
  const names = [];
  for await (const page of replicate.paginate(replicate.models.list)) names.push(...page.map(({ owner, name }) => `${owner}/${name}`));
  assert.equal(new Set(names).size, names.length);
  for (const name of [PICTURES, COMMUNITY, EDITS, TEXT]) assert.ok(names.includes(name), name);
  const found = await replicate.models.search("flux-schnell");
  assert.ok(found.results.some(({ name }) => name === "flux-schnell"));
});

test("an official model is created by its name and polled to its end", async () => {
  const input = { prompt: prompt("a lighthouse"), num_outputs: 2, seed: 7 };
  const created = await replicate.predictions.create({ model: PICTURES, input });
  assert.ok(["starting", "processing"].includes(created.status), created.status);
  assert.equal(created.model, PICTURES);
  assert.ok(created.urls.get.endsWith(`/v1/predictions/${created.id}`) && created.urls.cancel.endsWith(`/${created.id}/cancel`));
  const ended = await replicate.wait(created, OFTEN);
  assert.deepEqual([ended.status, ended.error, ended.id], ["succeeded", null, created.id]);
  assert.deepEqual({ ...ended.input, ...input }, ended.input, "what was asked for is told again");
  assert.equal(ended.output.length, 2);
  for (const url of ended.output) await isPicture(url);
  const moments = [ended.created_at, ended.started_at, ended.completed_at].map((moment) => Date.parse(moment));
  assert.ok(moments[0] <= moments[1] && moments[1] <= moments[2], moments.join());
  assert.ok(ended.metrics.predict_time >= 0);
});

test("any model is created by its version, and every way to write it is understood", async () => {
  const { latest_version: version } = await replicate.models.get(...COMMUNITY.split("/"));
  for (const written of [version.id, `${COMMUNITY}:${version.id}`]) {
    const created = await replicate.predictions.create({ version: written, input: { prompt: prompt("a river") } });
    assert.equal(created.version, version.id);
    const ended = await replicate.wait(created, OFTEN);
    assert.equal(ended.status, "succeeded", ended.error);
    await isPicture(ended.output[0]);
  }
});

test("run waits in the create and answers with what was made", async () => {
  const seen = [];
  const output = await replicate.run(PICTURES, { input: { prompt: prompt("a hill") } }, ({ status }) => seen.push(status));
  assert.equal(output.length, 1);
  await isPicture(String(output[0]));
  assert.ok(seen.length >= 2 && seen[0] !== "starting", seen.join());
  const { latest_version: version } = await replicate.models.get(...COMMUNITY.split("/"));
  const [first] = await replicate.run(`${COMMUNITY}:${version.id}`, { input: { prompt: prompt("a boat") } });
  await isPicture(String(first));
});

test("run can poll instead, and one output is not in a list", async () => {
  const input = { prompt: prompt("a garden") };
  await isPicture(String(await replicate.run(EDITS, { input, wait: { mode: "poll", ...OFTEN } })));
});

test("a wait that is too short is answered with what is there", async () => {
  const begun = Date.now();
  const created = await replicate.predictions.create({ model: PICTURES, input: { prompt: prompt("#stall") }, wait: 1 });
  assert.ok(["starting", "processing"].includes(created.status), created.status);
  assert.ok(Date.now() - begun >= 900, "it waited");
  await replicate.predictions.cancel(created.id);
});

test("what fails is an error with the model's words", async () => {
  await assert.rejects(replicate.run(PICTURES, { input: { prompt: prompt("#fail") } }), /^Error: Prediction failed: .+/);
});

test("a prediction is cancelled, and cancelling it again changes nothing", async () => {
  const created = await replicate.predictions.create({ model: PICTURES, input: { prompt: prompt("#stall") } });
  const asked = await replicate.predictions.cancel(created.id);
  assert.equal(asked.id, created.id);
  const ended = await replicate.wait(asked, OFTEN);
  assert.equal(ended.status, "canceled");
  assert.ok(Date.parse(ended.completed_at) >= Date.parse(ended.created_at));
  assert.equal((await replicate.predictions.cancel(created.id)).status, "canceled");
});

test("a signal that is aborted cancels what runs", async () => {
  const wanted = prompt("#stall");
  // Heeded between two looks at the prediction, the first of which is made in any case.
  const wish = { input: { prompt: wanted }, wait: { mode: "poll", ...OFTEN }, signal: AbortSignal.timeout(1_000) };
  await replicate.run(PICTURES, wish).catch(() => {});
  assert.equal((await replicate.wait(await listed(wanted), OFTEN)).status, "canceled");
});

test("the list leads from page to page, newest first, each prediction once", async () => {
  const created = [];
  // One more than a page has.
  for (let batch = 0; batch < 101; batch += 10) {
    const wishes = Array.from({ length: Math.min(10, 101 - batch) }, () =>
      replicate.predictions.create({ model: PICTURES, input: { prompt: prompt("#stall") } }),
    );
    created.push(...(await Promise.all(wishes)));
  }
  try {
    const told = [];
    let pages = 0;
    for await (const page of replicate.paginate(replicate.predictions.list)) {
      pages += 1;
      told.push(...page);
      if (pages > 100) break;
    }
    assert.ok(pages >= 2, "there is more than one page");
    const ids = told.map(({ id }) => id);
    assert.equal(new Set(ids).size, ids.length, "nothing comes twice");
    for (const { id } of created) assert.ok(ids.includes(id), id);
    const moments = told.map(({ created_at }) => Date.parse(created_at));
    assert.equal(moments.findIndex((moment, at) => moment < moments[at + 1]), -1, "nothing newer follows");
  } finally {
    for (const { id } of created) await replicate.predictions.cancel(id);
  }
});

test("a text is followed as it is written, to the last piece", async () => {
  const [stop, wanted] = [new AbortController(), prompt("why is the sea salty?")];
  const [pieces, others] = [[], []];
  for await (const event of replicate.stream(TEXT, { input: { prompt: wanted }, signal: stop.signal })) {
    (event.event === "output" ? pieces : others).push(event);
  }
  // After `done` the client reads no more, but leaves the connection open.
  stop.abort();
  assert.deepEqual(others.map(({ event, data }) => [event, data]), [["done", "{}"]]);
  assert.equal(new Set(pieces.map(({ id }) => id)).size, pieces.length, "every piece has an id of its own");
  const prediction = await replicate.wait(await listed(wanted), OFTEN);
  const whole = Array.isArray(prediction.output) ? prediction.output.join("") : prediction.output;
  assert.ok(whole.length > 20);
  assert.equal(pieces.join(""), whole);
});

test("a stream of what fails ends with the error", async () => {
  const stop = new AbortController();
  const following = async () => {
    for await (const event of replicate.stream(TEXT, { input: { prompt: prompt("#fail") }, signal: stop.signal })) void event;
  };
  await assert.rejects(following, (error) => JSON.parse(error.message).detail.length > 0);
  stop.abort();
});

test("a file is uploaded, told, listed and deleted", { skip: lacks("files") }, async () => {
  const created = await replicate.files.create(new File([WAV], "silence.wav", { type: "audio/wav" }));
  assert.deepEqual([created.name, created.content_type, created.size], ["silence.wav", "audio/wav", WAV.length]);
  assert.equal(created.checksums.sha256, createHash("sha256").update(WAV).digest("hex"));
  assert.ok(Date.parse(created.expires_at) > Date.now());
  assert.deepEqual(await replicate.files.get(created.id), created);
  const { results } = await replicate.files.list();
  assert.deepEqual(results.find(({ id }) => id === created.id), created);
  assert.equal(await replicate.files.delete(created.id), true);
  assert.equal((await refusal(replicate.files.get(created.id))).status, 404);
  assert.equal((await refusal(replicate.files.delete(created.id))).status, 404);
});

test("what is said about a file is told again", { skip: lacks("metadata") }, async () => {
  const { id, metadata } = await replicate.files.create(new File([WAV], "silence.wav"), { why: "a test" });
  assert.deepEqual(metadata, { why: "a test" });
  await replicate.files.delete(id);
});

test("a file in an input is uploaded by the client, whatever it is made of", { skip: lacks("files") }, async () => {
  for (const file of [new Blob([PNG], { type: "image/png" }), PNG]) {
    const input = { prompt: prompt("at night"), input_image: file };
    const ended = await replicate.wait(await replicate.predictions.create({ model: EDITS, input }), OFTEN);
    assert.equal(ended.status, "succeeded", ended.error);
    assert.match(new URL(ended.input.input_image).pathname, /^\/v1\/files\/./);
    await isPicture(ended.output);
  }
});

test("a data URL in an input is as good as a file", async () => {
  const input = { prompt: prompt("at noon"), input_image: `data:image/png;base64,${PNG.toString("base64")}` };
  await isPicture(String(await replicate.run(EDITS, { input })));
});

test("webhooks are signed so that the client believes them", { skip: lacks("webhooks") }, async () => {
  const heard = [];
  let hear;
  const enough = new Promise((resolve) => (hear = resolve));
  const ear = createServer(async (request, answer) => {
    const chunks = [];
    for await (const chunk of request) chunks.push(chunk);
    heard.push({ headers: request.headers, body: Buffer.concat(chunks).toString() });
    answer.end();
    if (heard.length === 2) hear();
  });
  await new Promise((resolve) => ear.listen(0, "127.0.0.1", resolve));
  try {
    const webhook = `http://127.0.0.1:${ear.address().port}/hook?for=node`;
    const wish = { model: PICTURES, input: { prompt: prompt("a bell") }, webhook, webhook_events_filter: ["start", "completed"] };
    const created = await replicate.predictions.create(wish);
    assert.deepEqual([created.webhook, created.webhook_events_filter], [webhook, ["start", "completed"]]);
    await enough;
    const { key } = await replicate.webhooks.default.secret.get();
    for (const { headers, body } of heard) {
      assert.ok(Math.abs(Date.now() / 1000 - Number(headers["webhook-timestamp"])) < 300, "it is of now");
      assert.equal(await Replicate.validateWebhook({ headers, body }, key), true);
      assert.equal(await Replicate.validateWebhook({ headers, body: `${body} ` }, key), false);
      assert.equal(await Replicate.validateWebhook({ headers, body }, `whsec_${Buffer.from("another").toString("base64")}`), false);
      assert.equal(JSON.parse(body).id, created.id);
    }
    // A start says so even when it is heard last: their order is not promised.
    assert.deepEqual(heard.map(({ body }) => JSON.parse(body).status).toSorted(), ["processing", "succeeded"]);
    assert.equal(new Set(heard.map(({ headers }) => headers["webhook-id"])).size, 2, "each has an id of its own");
  } finally {
    ear.close();
  }
});

test("who has no token or a wrong one is told so", async () => {
  const stranger = new Replicate({ auth: "invalid-token", baseUrl: `${origin}/v1` });
  const { title, detail } = await refusal(stranger.predictions.list());
  assert.deepEqual([title, detail], ["Unauthenticated", "You did not pass a valid authentication token"]);
  const nobody = new Replicate({ auth: " ", baseUrl: `${origin}/v1` });
  assert.equal((await refusal(nobody.accounts.current())).status, 401);
});

test("what is not there is answered with 404 and a sentence", async () => {
  const calls = [
    () => replicate.predictions.get("0000000000000000000000nope"),
    () => replicate.predictions.cancel("0000000000000000000000nope"),
    () => replicate.models.get("nobody", "nothing"),
    () => replicate.predictions.create({ model: "nobody/nothing", input: {} }),
    () => replicate.request("/nowhere", {}),
  ];
  for (const call of calls) {
    const { status, detail } = await refusal(call());
    assert.deepEqual([status, detail], [404, "The requested resource could not be found."]);
  }
});

test("a bad input is refused with every reason, and an unknown version too", async () => {
  const bad = await refusal(replicate.predictions.create({ model: PICTURES, input: { num_inference_steps: 5, seed: "x" } }));
  assert.deepEqual([bad.status, bad.title], [422, "Input validation failed"]);
  assert.deepEqual(bad.invalid_fields.map(({ type, field }) => [type, field]).toSorted(), [
    ["invalid_type", "input.seed"],
    ["number_lte", "input.num_inference_steps"],
    ["required", "input"],
  ]);
  for (const { description } of bad.invalid_fields) assert.ok(bad.detail.includes(description));
  const several = { prompt: prompt("a"), image_input: "https://example.com/a.png" };
  const list = await refusal(replicate.predictions.create({ version: await newest("google/nano-banana"), input: several }));
  assert.equal(list.invalid_fields[0].description, "Invalid type. Expected: array, given: string");
  const unknown = await refusal(replicate.predictions.create({ version: "0".repeat(64), input: {} }));
  assert.deepEqual([unknown.status, unknown.title], [422, "Invalid version or not permitted"]);
});

async function newest(name) {
  return (await replicate.models.get(...name.split("/"))).latest_version.id;
}
