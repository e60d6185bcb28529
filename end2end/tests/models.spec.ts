// Any model: its own controls, and whatever it makes (film, sound, text, document), live and after a reload.
import { awake, cards, choose, expect, generate, grant, idOf, keyOf, prompt, ready, signUp, test } from "./support.js";

test("a text is read while it is written, and is there after a reload", async ({ page }) => {
  await signUp(page);
  await awake(page);
  await choose(page, "meta/meta-llama-3-8b-instruct");
  await prompt(page).fill("why lighthouses have stairs");
  await generate(page).click();
  const card = cards(page).first();
  await expect(card.locator(".card-text")).not.toBeEmpty({ timeout: 20_000 });
  await expect(card).toHaveAttribute("data-state", "succeeded", { timeout: 30_000 });
  const beginning = (await card.locator(".thumb.text").innerText()).slice(0, 40);
  expect(beginning.length).toBeGreaterThan(10);

  const id = await idOf(card);
  await page.goto(`/g/${id}`);
  await expect(page.locator(".stage-text")).toContainText(beginning.trim().slice(0, 20));
  await page.reload();
  await expect(page.locator(".stage-text")).toContainText(beginning.trim().slice(0, 20));
  await page.goto("/gallery");
  await expect(page.locator(`a[href="/g/${id}"] .thumb.text`)).toContainText(beginning.trim().slice(0, 20));
});

test("speech has a player that plays to its end", async ({ page }) => {
  await signUp(page);
  await awake(page);
  await choose(page, "jaaari/kokoro-82m");
  await prompt(page).fill("good evening from the harbour");
  await generate(page).click();
  const card = cards(page).first();
  await expect(card).toHaveAttribute("data-state", "succeeded", { timeout: 30_000 });
  await page.goto(`/g/${await idOf(card)}`);
  const audio = page.locator("audio");
  await expect(audio).toBeVisible();
  const length = await audio.evaluate(async (player: HTMLAudioElement) => {
    if (player.readyState < 1) await new Promise((ready) => player.addEventListener("loadedmetadata", ready));
    return player.duration;
  });
  expect(length).toBeGreaterThan(0.5);
});

test("a film has a player, its bytes can be had in ranges, and its card shows its first frame", async ({ page }) => {
  await signUp(page).then((email) => grant(email, 200));
  await page.reload();
  await awake(page);
  await choose(page, "minimax/video-01");
  await prompt(page).fill("waves under the pier");
  await expect(page.getByTestId("price")).toHaveText("170");
  await generate(page).click();
  const card = cards(page).first();
  await expect(card).toHaveAttribute("data-state", "succeeded", { timeout: 45_000 });
  await expect(card.locator("video")).toHaveCount(1);
  await page.goto(`/g/${await idOf(card)}`);
  const video = page.locator("video.stage-video");
  const seen = await video.evaluate(async (player: HTMLVideoElement) => {
    if (player.readyState < 2) await new Promise((ready) => player.addEventListener("loadeddata", ready));
    return [player.videoWidth, player.videoHeight, player.duration] as const;
  });
  expect(Math.min(...seen)).toBeGreaterThan(0);
  const url = (await video.getAttribute("src")) ?? "";
  const part = await page.request.get(url, { headers: { range: "bytes=0-99" } });
  expect([part.status(), (await part.body()).length]).toEqual([206, 100]);
});

test("what was found out is shown as it is, and a file is put in by hand", async ({ page }) => {
  await signUp(page);
  await awake(page);
  await choose(page, "openai/whisper");
  await expect(prompt(page)).toBeHidden();
  const wave = Buffer.alloc(44 + 4_800);
  wave.write("RIFF", 0);
  wave.writeUInt32LE(wave.length - 8, 4);
  wave.write("WAVEfmt ", 8);
  wave.writeUInt32LE(16, 16);
  wave.writeUInt16LE(1, 20);
  wave.writeUInt16LE(1, 22);
  wave.writeUInt32LE(24_000, 24);
  wave.writeUInt32LE(48_000, 28);
  wave.writeUInt16LE(2, 32);
  wave.writeUInt16LE(16, 34);
  wave.write("data", 36);
  wave.writeUInt32LE(wave.length - 44, 40);
  await page.locator("[data-slot] input[type=file]").setInputFiles({ name: "note.wav", mimeType: "audio/wav", buffer: wave });
  await generate(page).click();
  const card = cards(page).first();
  await expect(card).toHaveAttribute("data-state", "succeeded", { timeout: 30_000 });
  await page.goto(`/g/${await idOf(card)}`);
  await expect(page.locator(".stage-json")).toContainText("transcription");
});

type Property = { type?: string; minimum?: number; maximum?: number };
type Described = { latest_version: { openapi_schema: { components: { schemas: { Input: { properties: Record<string, Property> } } } } } };

/** What the composer asks for in words of its own. */
const PROMOTED = ["prompt", "text", "num_outputs", "max_images", "aspect_ratio", "seed"];

test("G6 every model has one control for each property, and what is out of bounds is said at it", async ({ page, tolerate }) => {
  test.setTimeout(180_000);
  tolerate(/422/);
  const email = await ready(page);
  grant(email, 10_000);
  const headers = { authorization: `Bearer ${keyOf(email)}` };
  await page.reload();
  await awake(page);
  const names = await page.locator("select[name=model] option").evaluateAll((options) => options.map((option) => (option as HTMLOptionElement).value));
  expect(names.length).toBeGreaterThanOrEqual(14);
  let bounds = 0;
  for (const name of names) {
    await test.step(name, async () => {
      const described = (await (await page.request.get(`/v1/models/${name}`, { headers })).json()) as Described;
      const { properties } = described.latest_version.openapi_schema.components.schemas.Input;
      await choose(page, name);
      const shown = await page.locator("form.composer [data-property]").evaluateAll((controls) => controls.map((control) => (control as HTMLElement).dataset.property ?? ""));
      const promoted = Object.keys(properties).filter((property) => !shown.includes(property));
      expect([...shown, ...promoted].sort()).toEqual(Object.keys(properties).sort());
      expect(promoted.filter((property) => !PROMOTED.includes(property))).toEqual([]);

      const bounded = shown.find((property) => properties[property]?.type === "integer" && properties[property]?.maximum !== undefined);
      if (bounded === undefined) return;
      bounds += 1;
      const control = page.locator(`[data-property="${bounded}"]`);
      const field = control.locator("input").last();
      if (!(await field.isVisible())) await page.locator("details.advanced summary").click();
      await field.fill(String((properties[bounded]?.maximum ?? 0) + 1));
      await prompt(page).fill("one step too far");
      await generate(page).click();
      await expect(field).toHaveAttribute("aria-invalid", "true");
      const said = (await field.getAttribute("aria-describedby")) ?? "";
      await expect(page.locator(said.split(" ").map((id) => `#${id}`).join(", ")).filter({ hasText: String(properties[bounded]?.maximum) }).first()).toBeVisible();
      await expect(page.locator("form.composer [aria-invalid=true]").first()).toBeFocused();
      await field.fill("");
    });
  }
  expect(bounds).toBeGreaterThan(5);
  await expect(cards(page)).toHaveCount(0);
});

test("another model keeps what fits, says what it dropped, and asks for what it needs", async ({ page, tolerate }) => {
  tolerate(/422/);
  await signUp(page);
  await awake(page);
  await choose(page, "black-forest-labs/flux-dev");
  await page.locator("details.advanced summary").click();
  await page.locator("[name='input.output_quality']").last().fill("５０");
  await page.locator("[name='input.num_inference_steps']").last().fill("99");
  await prompt(page).fill("a harbour");
  await generate(page).click();
  const steps = page.locator("[data-property=num_inference_steps]");
  await expect(steps.locator(".problem")).toBeVisible();
  await expect(steps.locator("[aria-invalid=true]")).toHaveCount(1);
  await expect(cards(page)).toHaveCount(0);

  await page.locator("[name='input.num_inference_steps']").last().fill("30");
  await page.locator("[name='input.prompt_strength']").last().fill("0.5");
  await choose(page, "black-forest-labs/flux-schnell");
  await expect(page.locator("[data-dropped]")).toContainText("prompt_strength");
  await expect(page.locator("[name='input.output_quality']").last()).toHaveValue("50");
});

test("a file that is none of ours is refused at its slot, and nothing is sent with it", async ({ page, tolerate }) => {
  tolerate(/413|415|422/);
  await signUp(page);
  await awake(page);
  await choose(page, "nightmareai/real-esrgan");
  await page.locator("[data-slot] input[type=file]").setInputFiles({ name: "cat.png", mimeType: "image/png", buffer: Buffer.from("MZ not a picture") });
  await expect(page.locator(".slot-file[data-failed]")).toBeVisible();
  await generate(page).click();
  await expect(cards(page)).toHaveCount(0);
});
test("without a script another model's controls come with the whole page", async ({ elsewhere }) => {
  const page = await (await elsewhere({ javaScriptEnabled: false })).newPage();
  await signUp(page);
  await page.locator("textarea[name=prompt]").fill("a harbour");
  await page.locator("select[name=model]").selectOption("black-forest-labs/flux-dev");
  await page.locator("button[formaction='/create/controls']").click();
  await expect(page.locator("input[name=drawn_for]")).toHaveValue("black-forest-labs/flux-dev");
  await expect(page.locator("textarea[name=prompt]")).toHaveValue("a harbour");
  await expect(page.locator("[data-property=num_inference_steps]")).toHaveCount(1);
});
