// The create page as its bars name it: the form, the keys, the price, references, and what stands behind "Advanced".
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import type { Page } from "@playwright/test";
import { available, awake, cards, choose, expect, generate, grant, idOf, makePicture, onHold, prefer, press, prompt, ready, signUp, test } from "./support.js";

const picture = readFileSync(fileURLToPath(new URL("../../public/icon-180.png", import.meta.url)));

/** Counts the presses that reach the server. */
function presses(page: Page): string[] {
  const seen: string[] = [];
  page.on("request", (request) => {
    if (request.method() === "POST" && new URL(request.url()).pathname === "/generate") seen.push(request.postData() ?? "");
  });
  return seen;
}

test("G1 the form works before any WebAssembly, stays where it is, and has the focus only where a mouse is", async ({ page, elsewhere, tolerate }) => {
  await ready(page);
  const shift = await page.evaluate(
    () =>
      new Promise<number>((resolve) => {
        let sum = 0;
        new PerformanceObserver((list) => {
          for (const entry of list.getEntries() as (PerformanceEntry & { value: number; hadRecentInput: boolean })[]) {
            if (!entry.hadRecentInput) sum += entry.value;
          }
        }).observe({ type: "layout-shift", buffered: true });
        requestAnimationFrame(() => requestAnimationFrame(() => resolve(sum)));
      }),
  );
  expect(shift).toBeLessThanOrEqual(0.01);
  await expect(prompt(page)).toBeFocused();

  tolerate(/wasm|Failed to (load resource|fetch)|ERR_FAILED|preload/i);
  const bare = await (await elsewhere({ storageState: await page.context().storageState() })).newPage();
  await bare.route(/\.wasm$/, (route) => route.abort());
  await bare.goto("/create");
  await prompt(bare).fill("a form that waits for nothing");
  await generate(bare).click();
  await expect(bare).toHaveURL(/\/create$/);
  await expect(cards(bare).filter({ hasText: "a form that waits for nothing" })).toHaveCount(1);

  const touch = await (await elsewhere({ hasTouch: true, isMobile: true, viewport: { width: 390, height: 844 }, storageState: await page.context().storageState() })).newPage();
  await touch.goto("/create");
  await expect(touch.locator("[data-swap]")).toBeVisible();
  await expect(prompt(touch)).not.toBeFocused();
});

test("G2 keys reach every place, are letters inside a field, and can be switched off", async ({ page }) => {
  await ready(page);
  await prompt(page).press("/");
  await expect(prompt(page)).toHaveValue("/");
  await prompt(page).fill("");
  await page.locator("h1").evaluate((heading: HTMLElement) => (document.activeElement as HTMLElement).blur() ?? heading);

  const model = page.locator("select[name=model]");
  const first = await model.inputValue();
  await page.keyboard.press("]");
  await expect(model).not.toHaveValue(first);
  await page.keyboard.press("[");
  await expect(model).toHaveValue(first);

  const sheet = page.locator("#keys");
  await page.keyboard.press("?");
  await expect(sheet).toBeVisible();
  await page.keyboard.press("Escape");
  await expect(sheet).toBeHidden();

  await page.keyboard.press("ControlOrMeta+k");
  await expect(page.locator("#menu")).toBeVisible();
  await page.keyboard.type("gall");
  await page.keyboard.press("Enter");
  await expect(page).toHaveURL(/\/gallery/);
  for (const [key, path] of [["c", "/create"], ["b", "/credits"], ["g", "/gallery"]] as const) {
    if (page.url().endsWith("/create")) await awake(page);
    await page.evaluate(() => (document.activeElement as HTMLElement).blur());
    await page.keyboard.press("g");
    await page.keyboard.press(key);
    await expect(page).toHaveURL(new RegExp(`${path}`));
  }

  await page.goto("/create");
  await awake(page);
  await page.locator(".composer-sheet").click();
  await sheet.getByRole("checkbox", { name: "Keys pressed alone" }).uncheck();
  await sheet.getByRole("button", { name: "Save" }).click();
  await expect(sheet).toHaveAttribute("data-single", "off");
  await page.evaluate(() => (document.activeElement as HTMLElement).blur());
  await page.keyboard.press("?");
  await expect(sheet).toBeHidden();
  await page.keyboard.press("ControlOrMeta+k");
  await expect(page.locator("#menu")).toBeVisible();
});

test("G3 an Enter that ends a conversion sends nothing; the next one does what the language or the person says", async ({ page }) => {
  await ready(page);
  const sent = presses(page);
  const cdp = await page.context().newCDPSession(page);
  await prompt(page).focus();
  await cdp.send("Input.imeSetComposition", { text: "灯台", selectionStart: 2, selectionEnd: 2 });
  await page.keyboard.press("Enter");
  expect(sent).toEqual([]);
  await cdp.send("Input.insertText", { text: "灯台" });
  await expect(prompt(page)).toHaveValue(/灯台/);
  expect(sent).toEqual([]);
  await expect.poll(async () => (await page.keyboard.press("Enter"), sent.length), { intervals: [100] }).toBe(1);

  await prefer(page, { language: "ja" });
  await page.goto("/create");
  await awake(page);
  await prompt(page).fill("霧");
  await page.keyboard.press("Enter");
  await expect(prompt(page)).toHaveValue("霧\n");
  expect(sent.length).toBe(1);
  await page.keyboard.press("ControlOrMeta+Enter");
  await expect.poll(() => sent.length).toBe(2);

  await page.locator(".composer-sheet").click();
  await page.locator("#keys [name=enter][value=generates]").check();
  await page.locator("#keys button").click();
  await awake(page);
  await prompt(page).fill("海");
  await page.keyboard.press("Shift+Enter");
  await expect(prompt(page)).toHaveValue("海\n");
  await page.keyboard.press("Enter");
  await expect.poll(() => sent.length).toBe(3);
});

test("G4 the card is there before the server has answered, and is the same node at the same size to the end", async ({ page }) => {
  await ready(page);
  let letGo = (): void => {};
  const held = new Promise<void>((resolve) => (letGo = resolve));
  await page.route("**/generate", async (route) => {
    await held;
    await route.continue();
  });
  await page.locator("input[name=aspect_ratio][value='3:2']").check();
  const card = await press(page, "a card that waits for nobody");
  await expect(card).toHaveAttribute("data-state", "submitting");
  const [node, box] = [await card.elementHandle(), await card.boundingBox()];
  letGo();
  await expect(card).toHaveAttribute("data-state", "succeeded", { timeout: 30_000 });
  expect(await card.evaluate((element, first) => element === first, node)).toBe(true);
  const after = await card.boundingBox();
  expect(Math.abs((after?.width ?? 0) - (box?.width ?? 0))).toBeLessThanOrEqual(1);
  expect(Math.abs((after?.height ?? 0) - (box?.height ?? 0))).toBeLessThanOrEqual(1);
});

test("G5 the balance moves on the server's word alone", async ({ page }) => {
  await ready(page);
  let letGo = (): void => {};
  const held = new Promise<void>((resolve) => (letGo = resolve));
  await page.route("**/generate", async (route) => {
    await held;
    await route.continue();
  });
  const card = await press(page, "nothing is taken yet #stall");
  await expect(card).toHaveAttribute("data-state", "submitting");
  await expect(available(page)).toHaveText("20");
  await expect(onHold(page)).toHaveText("0");
  letGo();
  await expect(available(page)).toHaveText("19");
  await expect(onHold(page)).toHaveText("1");
  await card.getByRole("button", { name: "Cancel" }).click();
  await expect(available(page)).toHaveText("20", { timeout: 20_000 });
});

test("G6 what was changed behind Advanced is counted, and goes back one by one or at once", async ({ page }) => {
  await ready(page);
  await choose(page, "black-forest-labs/flux-dev");
  await page.locator("details.advanced summary").click();
  const badge = page.locator("[data-changed]");
  await expect(badge).toBeHidden();
  await page.locator("[name='input.num_inference_steps']").fill("３０");
  await page.locator("[name='input.output_quality']").fill("50");
  await expect(badge).toHaveText("2");
  await page.locator("[data-property=output_quality] .control-reset").click();
  await expect(badge).toHaveText("1");
  await expect(page.locator("[name='input.output_quality']")).toHaveValue("");
  await page.locator("[data-reset-all]").click();
  await expect(badge).toBeHidden();
});

test("G6 a job's form comes back as it was", async ({ page }) => {
  await ready(page);
  await choose(page, "black-forest-labs/flux-dev");
  await page.locator("details.advanced summary").click();
  await page.locator("[name='input.num_inference_steps']").fill("３０");
  await page.locator("details.advanced summary").click();
  const id = await makePicture(page, "round and round");
  await page.goto(`/create?remix=${id}`);
  await expect(prompt(page)).toHaveValue("round and round");
  await expect(page.locator("[name='input.num_inference_steps']")).toHaveValue("30");
});

test("G7 shapes are chosen by arrows, turned round by a key, and made as chosen", async ({ page }) => {
  await ready(page);
  await page.locator("input[name=aspect_ratio]:checked").focus();
  await page.keyboard.press("ArrowRight");
  await expect(page.locator("input[name=aspect_ratio]:checked")).toHaveValue("3:2");
  await page.keyboard.press("x");
  await expect(page.locator("input[name=aspect_ratio]:checked")).toHaveValue("2:3");
  await expect(page.getByRole("radio", { name: "Portrait, 2:3 (832 × 1216)" })).toBeChecked();
  const card = await press(page, "as tall as a door");
  await expect(card).toHaveAttribute("data-state", "succeeded", { timeout: 30_000 });
  const ratio = await card.locator("img").first().evaluate(async (image: HTMLImageElement) => (await image.decode(), image.naturalWidth / image.naturalHeight));
  expect(Math.abs(ratio / (832 / 1216) - 1)).toBeLessThan(0.01);
});

test("G7 eleven shapes leave every chip in one line at any width", async ({ page }) => {
  await ready(page);
  for (const width of [900, 960, 1024, 1180, 1280, 1440, 1920]) {
    await page.setViewportSize({ width, height: 900 });
    const tops = await page.locator(".composer-chips > *:visible").evaluateAll((chips) => chips.map((chip) => Math.round(chip.getBoundingClientRect().top)));
    expect(Math.max(...tops) - Math.min(...tops), `at ${width}`).toBeLessThanOrEqual(4);
    expect(await page.evaluate(() => document.documentElement.scrollWidth - innerWidth), `at ${width}`).toBeLessThanOrEqual(0);
    const [advanced, go] = [await page.locator(".advanced summary").boundingBox(), await generate(page).boundingBox()];
    expect((advanced?.x ?? 0) + (advanced?.width ?? 0), `at ${width}`).toBeLessThanOrEqual(go?.x ?? 0);
  }
});

test("G8 a press waits for the file that is still on its way", async ({ page }) => {
  await ready(page);
  await choose(page, "nightmareai/real-esrgan");
  await page.route("**/api/app/files", async (route) => {
    await new Promise((done) => setTimeout(done, 1_500));
    await route.continue();
  });
  const sent = presses(page);
  await page.locator("[data-slot] input[type=file]").setInputFiles({ name: "small.png", mimeType: "image/png", buffer: picture });
  await generate(page).click();
  await expect(cards(page)).toHaveCount(1);
  await expect.poll(() => sent.length, { timeout: 15_000 }).toBe(1);
  expect(decodeURIComponent(sent[0] ?? "")).toContain("atelier:file:");
});

/** A picture of one line of pixels, as base64. */
const strip = (page: Page, width: number): Promise<string> =>
  page.evaluate((width) => {
    const canvas = Object.assign(document.createElement("canvas"), { width, height: 1 });
    return canvas.toDataURL("image/png").split(",")[1] ?? "";
  }, width);

test("G8 what cannot be a reference is refused before a byte of it is sent", async ({ page }) => {
  await ready(page);
  await choose(page, "nightmareai/real-esrgan");
  let uploads = 0;
  page.on("request", (request) => (uploads += Number(request.url().endsWith("/api/app/files"))));
  const slot = page.locator("[data-slot] input[type=file]");
  await slot.setInputFiles({ name: "setup.exe", mimeType: "application/x-msdownload", buffer: Buffer.from("MZ") });
  await expect(page.locator(".slot-file[data-failed]")).toContainText("cannot be used here");
  await slot.setInputFiles({ name: "huge.png", mimeType: "image/png", buffer: Buffer.alloc(30_000_000) });
  await expect(page.locator(".slot-file[data-failed]").last()).toContainText("25 MB");
  await slot.setInputFiles({ name: "long.png", mimeType: "image/png", buffer: Buffer.from(await strip(page, 8_193), "base64") });
  await expect(page.locator(".slot-file[data-failed]").last()).toContainText("8,192 pixels");
  expect(uploads).toBe(0);
});

test("G8 a picture of one's own becomes a reference by dragging it, and by choosing it", async ({ page }) => {
  const email = await ready(page);
  grant(email, 50);
  await page.reload();
  await awake(page);
  const id = await makePicture(page, "a shore to begin with");
  await page.goto("/create");
  await awake(page);
  await choose(page, "nightmareai/real-esrgan");
  await page.locator("[data-open=yours]").click();
  await page.locator("#yours [data-url]").first().click();
  await expect(page.locator(".slot-address")).toHaveValue(new RegExp(`^/files/${id}/0\\.`));
  await page.locator(".slot-file button").click();
  await expect(page.locator(".slot-address")).toHaveValue("");

  // A tile of the gallery below; what is still among the cards is let drop as the browser would.
  await page.evaluate((url) => {
    const tile = document.createElement("li");
    tile.dataset.file = url;
    document.querySelector("main")?.append(tile);
    const dataTransfer = new DataTransfer();
    tile.dispatchEvent(new DragEvent("dragstart", { bubbles: true, dataTransfer }));
    document.querySelector("form.composer")?.dispatchEvent(new DragEvent("dragover", { bubbles: true, cancelable: true, dataTransfer }));
    document.querySelector("form.composer")?.dispatchEvent(new DragEvent("drop", { bubbles: true, cancelable: true, dataTransfer }));
  }, `/files/${id}/0.png`);
  await expect(page.locator(".slot-address")).toHaveValue(`/files/${id}/0.png`);
  await page.goto(`/create?reference=/files/${id}/0.webp`);
  await expect(page.locator(".slot-address").first()).toHaveValue(`/files/${id}/0.webp`);
});

test("the form as it stands is a request in three languages, exact to the last quote", async ({ page, elsewhere }) => {
  await ready(page);
  const hard = "it's \"夕焼け\"\nand \\ more";
  await prompt(page).fill(hard);
  await page.locator("details.advanced summary").click();
  await page.getByRole("button", { name: "As code" }).click();
  const panel = page.locator("#code-panel");
  await expect(panel).toContainText("curl ");
  await expect(panel).toContainText("$ATELIER_API_KEY");
  const body = ((await panel.innerText()).split("-d ")[1] ?? "").trim().slice(1, -1).replaceAll("'\\''", "'");
  expect(JSON.parse(body).input.prompt).toBe(hard);
  await page.getByRole("tab", { name: "Python" }).click();
  await expect(panel).toContainText("urllib.request");
  await page.keyboard.press("ArrowLeft");
  await expect(panel).toContainText("JSON.stringify");

  const bare = await (await elsewhere({ javaScriptEnabled: false, storageState: await page.context().storageState() })).newPage();
  await bare.goto("/create");
  await prompt(bare).fill(hard);
  await bare.locator("details.advanced summary").click();
  await bare.getByRole("button", { name: "As code" }).click();
  await expect(bare.locator("pre").first()).toContainText("夕焼け");
  await bare.getByRole("button", { name: "Back to the form" }).click();
  await expect(prompt(bare)).toHaveValue(hard.replace("\n", "\n"));
});

test("saved settings come back under their name, and go", async ({ page }) => {
  await ready(page);
  await choose(page, "black-forest-labs/flux-dev");
  await page.locator("details.advanced summary").click();
  await page.locator("[name='input.num_inference_steps']").fill("31");
  await page.locator("[name=preset_name]").fill("Slow & fine");
  await page.keyboard.press("Enter");
  await expect(page.getByRole("button", { name: "Slow & fine", exact: true })).toBeVisible();
  await expect(cards(page)).toHaveCount(0);

  await page.goto("/create");
  await awake(page);
  await prompt(page).fill("words stay");
  await page.locator("details.advanced summary").click();
  await page.getByRole("button", { name: "Slow & fine", exact: true }).click();
  await expect(page.locator("select[name=model]")).toHaveValue("black-forest-labs/flux-dev");
  await expect(page.locator("[name='input.num_inference_steps']")).toHaveValue("31");
  await expect(prompt(page)).toHaveValue("words stay");
  await page.getByRole("button", { name: "Delete: Slow & fine" }).click();
  await expect(page.getByRole("button", { name: "Slow & fine", exact: true })).toHaveCount(0);
});

test("on a telephone Advanced opens, and a model's fields look like ours", async ({ elsewhere }) => {
  const page = await (await elsewhere({ viewport: { width: 390, height: 844 } })).newPage();
  await signUp(page);
  await page.locator("details.advanced summary").click();
  const panel = page.locator(".advanced-panel");
  await expect(panel).toBeInViewport();
  const seen = await panel.evaluate((element) => {
    const { left, top, width } = element.getBoundingClientRect();
    return element.contains(document.elementFromPoint(left + width / 2, top + 20));
  });
  expect(seen).toBe(true);
  const field = panel.locator(".control input[type=text]").first();
  expect(await field.evaluate((input) => getComputedStyle(input).borderRadius)).toBe("8px");
});

test("choices in one prompt are counted before the press and held for together", async ({ page }) => {
  await ready(page);
  const sent = presses(page);
  await prompt(page).fill("a {red|blue} boat at {dawn|dusk}");
  await expect(page.getByTestId("price")).toHaveText("4");
  await expect(page.locator("[data-many]")).toHaveText("4 prompts at 1 each");
  await generate(page).click();
  await expect(cards(page)).toHaveCount(4);
  await expect(cards(page).filter({ hasText: "a blue boat at dusk" })).toHaveAttribute("data-state", "succeeded", { timeout: 45_000 });
  await expect(available(page)).toHaveText("16");
  expect(sent.length).toBe(1);
  expect(await idOf(cards(page).first())).not.toBe(await idOf(cards(page).last()));
});
