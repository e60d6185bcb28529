// One picture at a time: one test for each of the viewer's bars, V1 to V9, named by it.
import { createHash } from "node:crypto";
import { type BrowserContext, devices, type Locator, type Page } from "@playwright/test";
import { settled } from "./eyes.js";
import { stocked } from "./stock.js";
import { awake, expect, generate, makePicture, prompt, signUp, test } from "./support.js";

const article = (page: Page): Locator => page.locator("article.viewer");
const frame = (page: Page): Locator => page.locator("dialog.viewer-dialog");
const shown = async (page: Page): Promise<string> => (await article(page).last().getAttribute("data-id")) ?? "";
const toast = (page: Page): Locator => page.locator(".viewer-toast");

/** So many pictures, oldest first; gives their ids. */
async function pictures(page: Page, count: number): Promise<string[]> {
  await signUp(page);
  const ids: string[] = [];
  for (let at = 0; at < count; at += 1) {
    await page.goto("/create");
    await awake(page);
    ids.push(await makePicture(page, `boat number ${at}`));
  }
  return ids;
}

/** Waits until the script has woken the page. */
async function woken(page: Page): Promise<void> {
  await expect(page.locator('[data-act="info"]').last()).toBeVisible();
}

async function openFirst(page: Page): Promise<string> {
  await page.goto("/gallery");
  await expect(page.locator("[data-gallery][data-awake]")).toBeAttached();
  const tile = page.locator("[data-gallery] .tile > a").first();
  const href = (await tile.getAttribute("href")) ?? "";
  await tile.click();
  await expect(frame(page)).toBeVisible();
  await woken(page);
  return href;
}

async function readClipboard(context: BrowserContext, page: Page): Promise<string> {
  await context.grantPermissions(["clipboard-read", "clipboard-write"]);
  return page.evaluate(() => navigator.clipboard.readText());
}

test.describe.configure({ timeout: 120_000 });

test("V1 the viewer is a dialog that keeps the focus, and back finds the gallery as it was", async ({ page }) => {
  await pictures(page, 3);
  await page.goto("/gallery");
  const before = await page.evaluate(() => history.length);
  const href = await openFirst(page);
  await expect(page).toHaveURL(new RegExp(`${href}$`));
  expect(await frame(page).evaluate((dialog: HTMLDialogElement) => dialog.matches(":modal"))).toBe(true);
  for (let at = 0; at < 40; at += 1) {
    await page.keyboard.press("Tab");
    const inside = await page.evaluate(() => document.activeElement === document.body || document.activeElement?.closest("dialog") !== null);
    expect(inside, `the focus after ${at + 1} tabs`).toBe(true);
  }
  for (let at = 0; at < 5; at += 1) await page.keyboard.press(at % 2 === 0 ? "ArrowRight" : "ArrowLeft");
  expect(await page.evaluate(() => history.length)).toBe(before + 1);
  await page.goBack();
  await expect(frame(page)).toHaveCount(0);
  await expect(page).toHaveURL(/\/gallery$/);
  await expect(page.locator("[data-gallery] .tile > a:focus")).toHaveCount(1);

  await page.locator("[data-gallery] .tile > a").first().click();
  await expect(frame(page)).toBeVisible();
  await page.keyboard.press("Escape");
  await expect(frame(page)).toHaveCount(0);
  await expect(page).toHaveURL(/\/gallery$/);

  // A reload, or no script at all, shows the same picture as a page of its own.
  await page.goto(href);
  await expect(page.getByRole("main").locator(".stage-picture img")).toBeVisible();
});

test("V2 arrows and keys walk through the view that is shown, and end where it ends", async ({ page }) => {
  const ids = await pictures(page, 3);
  await openFirst(page);
  expect(await shown(page)).toBe(ids[2]);
  await page.keyboard.press("ArrowRight");
  await expect.poll(() => shown(page)).toBe(ids[1]);
  await page.keyboard.press("j");
  await expect.poll(() => shown(page)).toBe(ids[0]);
  await page.keyboard.press("ArrowRight");
  await page.keyboard.press("k");
  await expect.poll(() => shown(page)).toBe(ids[1]);

  // Of a search, only what it finds: nothing stands beside the one it found.
  await page.goto(`/g/${ids[1]}?q=${encodeURIComponent("number 1")}`);
  await expect(article(page).locator(".stage-step")).toHaveCount(0);
  await page.goto(`/g/${ids[1]}`);
  await expect(article(page).locator(".stage-step")).toHaveCount(2);
});

test("V2 a hundred steps cross the borders of pages and meet every picture once", async ({ page }) => {
  await stocked(page, Array.from({ length: 110 }, (_, at) => `step ${at}`));
  await openFirst(page);
  const seen = [await shown(page)];
  for (let step = 0; step < 100; step += 1) {
    const before = seen.at(-1) ?? "";
    await page.keyboard.press("ArrowRight");
    await expect.poll(() => shown(page), { intervals: [20] }).not.toBe(before);
    seen.push(await shown(page));
  }
  expect(new Set(seen).size).toBe(101);
  await page.goto(`/g/${seen.at(-1) ?? ""}`);
  await expect(page.locator("article.viewer")).toContainText("step 99");
});

test("V2 a swipe is a step, and a short stroke is none", async ({ page, elsewhere }) => {
  const ids = await pictures(page, 2);
  const touch = await elsewhere({ ...devices["Pixel 7"], storageState: await page.context().storageState() });
  const phone = await touch.newPage();
  await openFirst(phone);
  expect(await shown(phone)).toBe(ids[1]);
  const wire = await touch.newCDPSession(phone);
  const stroke = async (by: number) => {
    const { x, y, width, height } = (await frame(phone).locator(".stage-picture").boundingBox()) ?? { x: 0, y: 0, width: 0, height: 0 };
    const at = (part: number) => ({ x: x + width / 2 + by * part, y: y + height / 2 });
    await wire.send("Input.dispatchTouchEvent", { type: "touchStart", touchPoints: [at(0)] });
    for (const part of [0.25, 0.5, 0.75, 1]) await wire.send("Input.dispatchTouchEvent", { type: "touchMove", touchPoints: [at(part)] });
    await wire.send("Input.dispatchTouchEvent", { type: "touchEnd", touchPoints: [] });
  };
  await stroke(-30);
  await settled(phone);
  expect(await shown(phone)).toBe(ids[1]);
  await stroke(-120);
  await expect.poll(() => shown(phone)).toBe(ids[0]);
  await stroke(120);
  await expect.poll(() => shown(phone)).toBe(ids[1]);
});

test("V3 a picture is fitted or shown in its own size, and moved by keys, buttons and dragging", async ({ page }) => {
  const [id] = await pictures(page, 1);
  await page.setViewportSize({ width: 900, height: 600 });
  await page.goto(`/g/${id}`);
  await woken(page);
  const picture = page.locator(".stage-picture");
  await page.keyboard.press("z");
  await expect(picture).toHaveAttribute("data-zoom", "");
  const own = await picture.locator("img").evaluate((image: HTMLImageElement) => [image.getBoundingClientRect().width, Number(image.getAttribute("width")) / devicePixelRatio]);
  expect(Math.abs((own[0] ?? 0) - (own[1] ?? 1))).toBeLessThan(1);
  const place = () => picture.evaluate((box) => [box.scrollLeft, box.scrollTop]);
  const middle = await place();
  await page.keyboard.press("ArrowDown");
  await expect.poll(async () => (await place())[1]).not.toBe(middle[1]);
  const lower = await place();
  await page.locator('[data-act="pan-up"]').click();
  await expect.poll(async () => (await place())[1]).not.toBe(lower[1]);
  const box = (await picture.boundingBox()) ?? { x: 0, y: 0, width: 0, height: 0 };
  const held = await place();
  await page.mouse.move(box.x + box.width / 2, box.y + box.height / 2);
  await page.mouse.down();
  await page.mouse.move(box.x + box.width / 2 - 40, box.y + box.height / 2 + 30, { steps: 4 });
  await page.mouse.up();
  expect(await place()).not.toEqual(held);
  await picture.dblclick();
  await expect(picture).not.toHaveAttribute("data-zoom", "");
});

test("V3 two fingers that part zoom in, and out when they meet", async ({ page, elsewhere }) => {
  await pictures(page, 1);
  const touch = await elsewhere({ ...devices["Pixel 7"], storageState: await page.context().storageState() });
  const phone = await touch.newPage();
  await openFirst(phone);
  const picture = frame(phone).locator(".stage-picture");
  const wire = await touch.newCDPSession(phone);
  const pinch = async (from: number, to: number) => {
    const { x, y, width, height } = (await picture.boundingBox()) ?? { x: 0, y: 0, width: 0, height: 0 };
    const fingers = (apart: number) => [-1, 1].map((side, id) => ({ x: x + width / 2 + (side * apart) / 2, y: y + height / 2, id }));
    await wire.send("Input.dispatchTouchEvent", { type: "touchStart", touchPoints: fingers(from) });
    for (const part of [0.25, 0.5, 0.75, 1]) await wire.send("Input.dispatchTouchEvent", { type: "touchMove", touchPoints: fingers(from + (to - from) * part) });
    await wire.send("Input.dispatchTouchEvent", { type: "touchEnd", touchPoints: [] });
  };
  await pinch(60, 200);
  await expect(picture).toHaveAttribute("data-zoom", "");
  await pinch(200, 60);
  await expect(picture).not.toHaveAttribute("data-zoom", "");
});

test("V4 keys copy, mark and lead on, say so, and rest when they are switched off", async ({ page, context }) => {
  await context.grantPermissions(["clipboard-read", "clipboard-write"]);
  await signUp(page);
  await awake(page);
  const words = '夕焼けの海 & "boats" <3\nsecond line';
  const id = await makePicture(page, words.split("\n")[0] ?? "");
  await page.goto(`/g/${id}`);
  await woken(page);
  const stored = ((await (await page.request.get(`/g/${id}/receipt.json`)).json()) as { prompt: string }).prompt;
  await page.keyboard.press("c");
  await expect(toast(page)).toHaveText("Prompt copied");
  await expect(toast(page)).toHaveAttribute("role", "status");
  expect(await readClipboard(context, page)).toBe(stored);
  await page.keyboard.press("i");
  await expect(page.locator("#panel")).toBeHidden();
  await page.keyboard.press("i");
  await expect(page.locator("#panel")).toBeVisible();
  await page.keyboard.press("f");
  await expect(toast(page)).toHaveText("Added to favourites");
  await expect(page.locator('[data-act="favourite"]')).toHaveAttribute("data-on", "true");
  const download = page.waitForEvent("download");
  await page.keyboard.press("d");
  expect((await download).suggestedFilename()).toMatch(/^atelier-/);
  await page.keyboard.press("s");
  await expect(page.locator('[data-part="share"] select[name=term]')).toBeFocused();
  await page.locator('[data-part="keys"] summary').click();
  const kept = () => page.waitForResponse(/\/preferences$/);
  const [resting] = await Promise.all([kept(), page.locator('[data-act="keys"]').uncheck()]);
  expect(resting.status()).toBe(303);
  await page.locator('[data-part="keys"] summary').focus();
  await page.keyboard.press("i");
  await expect(page.locator("#panel")).toBeVisible();
  // The wish is the house's: it holds for the keys of every page, and after a reload.
  await page.keyboard.press("?");
  await expect(page.locator("#keys")).toBeHidden();
  await page.goto("/gallery");
  await page.locator("#gallery-results .tile > a").first().focus();
  await page.keyboard.press("f");
  await page.goto(`/g/${id}`);
  await woken(page);
  await expect(page.locator('[data-act="favourite"]'), "f did nothing").toHaveAttribute("data-on", "true");
  await page.locator('[data-part="keys"] summary').click();
  await expect(page.locator('[data-act="keys"]')).not.toBeChecked();
  await Promise.all([kept(), page.locator('[data-act="keys"]').check()]);
  await page.locator('[data-part="keys"] summary').focus();
  await page.keyboard.press("Delete");
  await expect(toast(page)).toHaveText("Moved to the trash");
  await page.goto(`/g/${id}`);
  await expect(page.getByText("This picture is in the trash.")).toBeVisible();
  await woken(page);
  await page.keyboard.press("r");
  await expect(page).toHaveURL(new RegExp(`/create\\?remix=${id}`));
});

test("V5 everything known is there: prompt, what was changed, seed, model, time, credits, receipt", async ({ page }) => {
  await signUp(page);
  await awake(page);
  await page.getByTestId("count").selectOption("2");
  const id = await makePicture(page, "two boats, changed");
  await page.goto(`/g/${id}`);
  const panel = page.locator("#panel");
  await expect(panel.locator(".prompt-text")).toHaveText("two boats, changed");
  await expect(panel.locator('[data-part="changed"]')).toContainText("num_outputs");
  await expect(panel.locator('[data-part="credits"]')).toHaveText("quoted 2 → held 2 → charged 2");
  await expect(panel).toContainText("black-forest-labs/flux-schnell");
  await expect(panel.locator('[data-act="copy-seed"]')).toBeVisible();
  await expect(panel.locator(".times")).toBeVisible();
  await expect(page.locator(".strip a")).toHaveCount(2);
  await panel.locator(`a[href="/g/${id}/receipt"]`).click();
  await expect(page.getByRole("heading", { name: "Receipt" })).toBeVisible();
  await expect(page.locator('[data-part="sha256"]')).toHaveCount(2);
});

test("V6 a remix fills the form with the same settings, with the seed only when asked, and presses nothing", async ({ page }) => {
  await signUp(page);
  await awake(page);
  await page.getByTestId("count").selectOption("3");
  const id = await makePicture(page, "three boats to remix");
  const seed = String(((await (await page.request.get(`/g/${id}/receipt.json`)).json()) as { seed: number }).seed);
  for (const keep of [false, true]) {
    await page.goto(`/g/${id}`);
    if (keep) await page.locator('[data-form="remix"] input[name=seed]').check();
    await page.locator('[data-act="remix"]').click();
    await expect(page).toHaveURL(/\/create\?remix=/);
    await expect(prompt(page)).toHaveValue("three boats to remix");
    await expect(page.getByTestId("count")).toHaveValue("3");
    await expect(page.locator("#seed")).toHaveValue(keep ? seed : "");
  }
  await page.goto("/gallery");
  await expect(page.locator("[data-gallery] .tile")).toHaveCount(3);
});

test("V7 the file as it is kept has the receipt's hash; copies of other kinds say what was chosen", async ({ page }) => {
  const [id] = await pictures(page, 1);
  await page.goto(`/g/${id}`);
  const receipt = (await (await page.request.get(`/g/${id}/receipt.json`)).json()) as { outputs: { sha256: string }[] };
  const href = (await page.locator('[data-act="download"]').getAttribute("href")) ?? "";
  const kept = await (await page.request.get(href)).body();
  expect(createHash("sha256").update(kept).digest("hex")).toBe(receipt.outputs[0]?.sha256);
  for (const [kind, type] of [["png", "image/png"], ["jpg", "image/jpeg"], ["webp", "image/webp"]] as const) {
    const copy = await page.request.get(`${href}?download=1&as=${kind}&mark=ai`);
    expect([copy.status(), copy.headers()["content-type"]]).toEqual([200, type]);
    expect((await copy.body()).includes("trainedAlgorithmicMedia")).toBe(true);
  }
  await page.locator("summary", { hasText: "Other formats" }).click();
  await page.locator("#save-as").selectOption("jpg");
  const download = page.waitForEvent("download");
  await page.getByRole("button", { name: "Save a copy" }).click();
  expect((await download).suggestedFilename()).toMatch(/\.jpg$/);
});

test("V8 a link is off by default, shows the picture only unless ticked, and is dead when it is revoked", async ({ page, context, elsewhere, tolerate }) => {
  tolerate(/status of 404/);
  await context.grantPermissions(["clipboard-read", "clipboard-write"]);
  const [id] = await pictures(page, 1);
  await page.goto(`/g/${id}`);
  await woken(page);
  await page.keyboard.press("s");
  const part = page.locator('[data-part="share"]');
  await expect(part).toContainText("Nobody but you");
  await expect(part.locator("select[name=term]")).toHaveValue("30");
  await part.getByRole("button", { name: "Make a link" }).click();
  await expect(toast(page)).toHaveText("Link copied");
  const link = await readClipboard(context, page);

  const stranger = await (await elsewhere()).newPage();
  const scripts: string[] = [];
  stranger.on("request", (request) => {
    if (request.resourceType() === "script" || request.url().endsWith(".wasm")) scripts.push(request.url());
  });
  await stranger.goto(link);
  await expect(stranger.locator(".shared-picture img")).toBeVisible();
  await expect.poll(() => stranger.locator(".shared-picture img").evaluate((image: HTMLImageElement) => image.naturalWidth)).toBeGreaterThan(0);
  await expect(stranger.locator("body")).not.toContainText("boat number");
  await expect(stranger.locator('meta[name="robots"]')).toHaveAttribute("content", /noindex/);
  await expect(stranger.locator('meta[property="og:image"]')).toHaveAttribute("content", /\/s\/.*large\.webp$/);
  expect(scripts).toEqual([]);

  await page.goto("/shares");
  await page.getByRole("button", { name: "Revoke" }).click();
  await expect(page.getByText("Nothing is shared")).toBeVisible();
  for (const path of ["", "/0.large.webp", "/0.webp"]) expect((await stranger.request.get(link + path)).status()).toBe(404);
});

test("V9 two pictures are compared with a line that keys can move", async ({ page }) => {
  const [one, other] = await pictures(page, 2);
  await page.goto(`/compare?a=${one}&b=${other}`);
  const slider = page.getByRole("slider", { name: "Where the left picture ends" });
  await expect(slider).toBeVisible();
  await slider.focus();
  const at = () => page.locator("[data-compare]").evaluate((element: HTMLElement) => element.style.getPropertyValue("--at"));
  expect(await at()).toBe("50%");
  for (let step = 0; step < 10; step += 1) await page.keyboard.press("ArrowRight");
  expect(await at()).toBe("60%");
  await page.keyboard.press("Home");
  expect(await at()).toBe("0%");

  // From the gallery: choose two, press Compare.
  await page.goto("/gallery");
  await expect(page.locator("[data-gallery][data-awake]")).toBeAttached();
  await page.locator("#gallery-select").click();
  for (const at of [0, 1]) await page.locator("[data-gallery] .tile > a").nth(at).click();
  await page.getByRole("button", { name: "Compare" }).click();
  await expect(page).toHaveURL(/\/compare\?/);
  await expect(page.locator("[data-compare] img")).toHaveCount(2);
});

test("without a script the viewer, its steps, its links and its receipt are pages and forms", async ({ elsewhere }) => {
  const page = await (await elsewhere({ javaScriptEnabled: false })).newPage();
  await signUp(page);
  await prompt(page).fill("a paper boat");
  await generate(page).click();
  await expect.poll(async () => (await page.goto("/gallery"), page.locator("[data-gallery] .tile a").count()), { timeout: 30_000 }).toBeGreaterThan(0);
  await page.locator("[data-gallery] .tile a").first().click();
  await page.locator("summary", { hasText: "Share" }).click();
  await page.getByRole("button", { name: "Make a link" }).click();
  const link = await page.locator(".share-links input[readonly]").inputValue();
  await page.goto(link);
  await expect(page.locator(".shared-picture img")).toBeVisible();
});
