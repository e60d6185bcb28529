// The gallery: one test for each of its bars, L1 to L12, named by it.
import { execFileSync } from "node:child_process";
import { gzipSync } from "node:zlib";
import type { Locator, Page } from "@playwright/test";
import { settled } from "./eyes.js";
import { stocked } from "./stock.js";
import { expect, grant, signUp, test } from "./support.js";

const many = (count: number, words = "picture") => Array.from({ length: count }, (_, n) => `${words} ${n}`);
const tiles = (page: Page): Locator => page.locator("#gallery-results .tile");
const links = (page: Page): Locator => page.locator("#gallery-results .tile > a");
const chosen = (page: Page): Locator => page.locator("#gallery-chosen");
const toast = (page: Page): Locator => page.locator("#gallery-toast");
const topOf = (tile: Locator): Promise<number> => tile.evaluate((tile) => tile.getBoundingClientRect().top);

async function open(page: Page, path = "/gallery"): Promise<void> {
  await page.goto(path);
  await expect(page.locator("[data-gallery][data-awake]")).toBeAttached();
}

/** What has moved on the page without anybody's doing, from now on. */
async function watchShifts(page: Page): Promise<() => Promise<number>> {
  await page.evaluate(() => {
    const moved = { sum: 0 };
    Object.assign(window, { moved });
    new PerformanceObserver((list) => {
      for (const entry of list.getEntries() as (PerformanceEntry & { value: number; hadRecentInput: boolean })[]) {
        if (!entry.hadRecentInput) moved.sum += entry.value;
      }
    }).observe({ type: "layout-shift", buffered: true });
  });
  return () => page.evaluate(() => (window as unknown as { moved: { sum: number } }).moved.sum);
}

/** Where rows end before the right edge, among all tiles; only the last row of a day may. */
const short = (page: Page): Promise<number[]> =>
  page.evaluate(() => {
    const found: number[] = [];
    let above = 0;
    for (const day of document.querySelectorAll(".day")) {
      const boxes = [...day.querySelectorAll(".tile")].map((tile) => tile.getBoundingClientRect());
      const last = boxes.at(-1)?.top ?? 0;
      boxes.forEach((box, at) => {
        const next = boxes[at + 1];
        // Tiles grow no higher than 353 px.
        if (box.height < 350 && box.top < last - 4 && next && next.top > box.top + 4 && day.getBoundingClientRect().right - box.right > 2) found.push(above + at);
      });
      above += boxes.length;
    }
    return found;
  });

test("L1 the first page is whole without a script, and links lead to the oldest", async ({ page, elsewhere }) => {
  await stocked(page, many(130));
  const still = await (await elsewhere({ javaScriptEnabled: false, storageState: await page.context().storageState() })).newPage();
  await still.goto("/gallery");
  expect(await tiles(still).count()).toBe(60);
  const sized = await still.locator("#gallery-results img[width][height][srcset]").count();
  expect(sized).toBe(60);
  expect(await still.locator('#gallery-results img[fetchpriority="high"]').count()).toBeGreaterThan(0);
  expect(await still.locator('#gallery-results img[loading="lazy"]').count()).toBeGreaterThan(40);
  expect(await tiles(still).first().getAttribute("style")).toMatch(/--ar:[\d.]+;--tile:#[0-9a-f]{6}/);
  const seen = new Set<string>();
  for (;;) {
    for (const tile of await tiles(still).all()) seen.add((await tile.getAttribute("data-id")) ?? "");
    const older = still.locator("a[rel=next]");
    if ((await older.count()) === 0) break;
    await older.click();
  }
  expect(seen.size).toBe(131);
  await expect(links(still).last()).toHaveAccessibleName("picture 129");
  // Choosing and marking are forms.
  await tiles(still).first().locator(".pick").check();
  await still.getByRole("button", { name: "Favourite" }).click();
  await still.goto("/gallery?favourite=1");
  expect(await tiles(still).count()).toBe(1);
  const bytes = gzipSync(await (await page.request.get("/gallery")).body()).length;
  test.info().annotations.push({ type: "measured", description: `${(bytes / 1024).toFixed(1)} KB of HTML, gzip` });
  expect(bytes).toBeLessThanOrEqual(30 * 1024);
});

test("L2 scrolling brings everything once, and the last line can be reached", async ({ page }) => {
  await stocked(page, many(200));
  await open(page);
  await expect(async () => {
    await page.evaluate(() => scrollTo(0, document.body.scrollHeight));
    expect(await tiles(page).count()).toBe(201);
  }).toPass({ timeout: 30_000 });
  const ids = await tiles(page).evaluateAll((tiles) => tiles.map((tile) => (tile as HTMLElement).dataset["id"]));
  expect(new Set(ids).size).toBe(201);
  await page.evaluate(() => scrollTo(0, document.body.scrollHeight));
  await expect(page.locator(".foot")).toBeInViewport();
});

test("L2 a day of several pages has one heading and no gap between its rows, in any width and when something goes", async ({ page }) => {
  await stocked(page, many(260));
  await open(page);
  for (let at = 0; at < 25; at++) {
    await page.mouse.wheel(0, 700);
    await settled(page);
    await page.waitForFunction(() => !document.querySelector("#gallery-results a[aria-busy]"));
  }
  expect(await tiles(page).count()).toBe(261);
  const days = await page.locator(".day").evaluateAll((days) => days.map((day) => (day as HTMLElement).dataset["day"]));
  expect(new Set(days).size).toBe(days.length);
  expect(await page.locator(".day:not(:has(> h2:first-child)), .day:has(h2 ~ h2)").count()).toBe(0);
  expect(await page.locator(".rows + .rows").count()).toBeGreaterThan(0);
  expect(await short(page)).toEqual([]);
  await page.setViewportSize({ width: 1_050, height: 800 });
  await expect.poll(() => short(page)).toEqual([]);
  await page.evaluate(() => scrollTo(0, 0));
  await links(page).nth(3).focus();
  await page.keyboard.press("Delete");
  await expect(tiles(page)).toHaveCount(260);
  await expect.poll(() => short(page)).toEqual([]);
});

test("L2 a day that is deleted while more of it comes takes nothing else with it", async ({ page }) => {
  // The page lets frames be drawn while tiles come: here, until it is told to go on.
  await page.addInitScript(() => {
    let goOn = (): void => undefined;
    const told = new Promise<void>((go) => (goOn = go));
    const isComing = (): boolean => document.querySelectorAll(".tile").length > 60;
    const held = (): Promise<void> => {
      if (!isComing()) return Promise.resolve();
      document.documentElement.dataset["held"] = "";
      return told;
    };
    Object.assign(window, { goOn, scheduler: { yield: held } });
  });
  await stocked(page, many(200), 30);
  await open(page);
  await page.evaluate(() => scrollTo(0, document.body.scrollHeight));
  await expect(page.locator("html[data-held]")).toBeAttached();
  const day = page.locator(".day").last().locator(".tile");
  const gone = await day.count();
  await day.first().locator("a").focus();
  await page.keyboard.press("Space");
  await day.last().locator("a").focus();
  await page.keyboard.press("Shift+Space");
  await expect(chosen(page)).toHaveText(`${gone} selected`);
  await page.keyboard.press("Delete");
  await expect(toast(page)).toContainText(`Moved to the trash: ${gone}`);
  await page.evaluate(() => (window as unknown as { goOn: () => void }).goOn());
  await expect(async () => {
    await page.evaluate(() => scrollTo(0, document.body.scrollHeight));
    expect(await tiles(page).count()).toBe(201 - gone);
  }).toPass({ timeout: 30_000 });
  const ids = await tiles(page).evaluateAll((tiles) => tiles.map((tile) => (tile as HTMLElement).dataset["id"]));
  expect(new Set(ids).size).toBe(201 - gone);
});

test("L2 a row that was seen half full stays as it is while it is seen, and is drawn out later", async ({ page }) => {
  await stocked(page, many(500));
  let letCome: (() => void) | undefined;
  await page.route(/\/gallery\?before=/, async (route) => {
    await new Promise<void>((come) => (letCome = come));
    await route.continue();
  });
  const come = async () => {
    await expect.poll(() => letCome !== undefined).toBe(true);
    const before = await tiles(page).count();
    letCome?.();
    letCome = undefined;
    await expect(tiles(page)).toHaveCount(before + 60);
  };
  await open(page);
  const last = tiles(page).nth(59);
  await last.evaluate((tile) => tile.scrollIntoView({ block: "center" }));
  await settled(page);
  const before = await last.boundingBox();
  await come();
  expect(await last.boundingBox()).toEqual(before);
  expect(await short(page)).toEqual([59]);
  // Once it is above the window it is drawn out, and what is looked at stays.
  const looked = tiles(page).nth(90);
  await looked.evaluate((tile) => tile.scrollIntoView({ block: "center" }));
  await settled(page);
  const at = await topOf(looked);
  await come();
  await expect.poll(() => short(page)).toEqual([]);
  expect(Math.abs((await topOf(looked)) - at)).toBeLessThanOrEqual(2);
});

test("L3 nothing moves while pages come below and pictures come from elsewhere", async ({ page }) => {
  await stocked(page, many(200));
  await open(page);
  const moved = await watchShifts(page);
  for (let at = 0; at < 6; at++) {
    await page.mouse.wheel(0, 1_500);
    // Nobody is faster than what is drawn.
    await settled(page);
    await page.waitForFunction(() => !document.querySelector("#gallery-results a[aria-busy]"));
  }
  await page.request.post("/api/app/generate", { data: { prompt: "from a program" } });
  await expect(page.locator(".pill")).toBeVisible({ timeout: 30_000 });
  expect(await moved()).toBeLessThanOrEqual(0.01);
});

test("L3 a page that comes over a slow line stays where it was first seen", async ({ page }) => {
  await stocked(page, many(3));
  await page.setViewportSize({ width: 390, height: 844 });
  const wire = await page.context().newCDPSession(page);
  await wire.send("Network.setCacheDisabled", { cacheDisabled: true });
  await wire.send("Network.emulateNetworkConditions", { offline: false, latency: 100, downloadThroughput: 200_000, uploadThroughput: 100_000 });
  for (const path of ["/gallery", "/create"]) {
    await page.goto(path);
    const moved = await watchShifts(page);
    await settled(page);
    expect(await moved(), path).toBeLessThanOrEqual(0.05);
  }
});

test("L4 what is new waits behind a button, and what is looked at stays", async ({ page }) => {
  await stocked(page, many(100));
  await open(page);
  await page.mouse.wheel(0, 900);
  await expect.poll(() => page.evaluate(() => scrollY)).toBeGreaterThan(500);
  const anchor = tiles(page).nth(20);
  const before = await topOf(anchor);
  for (const prompt of ["one", "two"]) await page.request.post("/api/app/generate", { data: { prompt } });
  await expect(page.locator(".pill")).toHaveText(/2 new/, { timeout: 40_000 });
  expect(Math.abs((await topOf(anchor)) - before)).toBeLessThanOrEqual(1);
  await page.keyboard.press(".");
  await expect(links(page).first()).toHaveAccessibleName("two");
  expect(await page.evaluate(() => scrollY)).toBe(0);
  await expect(page.locator(".pill")).toHaveCount(0);
});

test("L4 what is new comes by itself at the top once nobody does anything, and not before", async ({ page }) => {
  await stocked(page, many(10));
  await open(page);
  const before = await links(page).count();
  await links(page).first().hover();
  await page.request.post("/api/app/generate", { data: { prompt: "under the pointer" } });
  await expect(page.locator(".pill")).toHaveText(/1 new/, { timeout: 40_000 });
  await page.waitForFunction((since) => performance.now() - since > 4_000, await page.evaluate(() => performance.now()));
  await expect(links(page)).toHaveCount(before);
  // The pointer goes off the pictures, and rests.
  await page.mouse.move(5, 5);
  await expect(links(page).first()).toHaveAccessibleName("under the pointer");
  await expect(links(page)).toHaveCount(before + 1);
  await expect(page.locator('nav a[href="/gallery"] .count')).toHaveText(String(before + 1));
  await expect(page.locator(".pill")).toHaveCount(0);
  expect(await page.evaluate(() => scrollY)).toBe(0);
});

test("L5 marking, deleting and coming back keep the place and the focus", async ({ page }) => {
  await stocked(page, many(150));
  await open(page);
  await links(page).nth(40).focus();
  await page.evaluate(() => scrollBy(0, 200));
  const mine = tiles(page).nth(40);
  const [before, key] = [await topOf(mine), await mine.getAttribute("data-id")];
  await page.keyboard.press("f");
  await expect(mine).toHaveAttribute("data-favourite", "");
  expect(Math.abs((await topOf(mine)) - before)).toBeLessThanOrEqual(2);
  await expect(mine.locator("a")).toBeFocused();

  const next = tiles(page).nth(41);
  const nextId = await next.getAttribute("data-id");
  await page.keyboard.press("Delete");
  await expect(page.locator(`[data-id="${key}"]`)).toHaveCount(0);
  await expect(page.locator(`[data-id="${nextId}"] > a`)).toBeFocused();

  const place = page.locator(`[data-id="${nextId}"]`);
  const at = await topOf(place);
  await page.keyboard.press("Enter");
  await expect(page).toHaveURL(/\/g\//);
  await page.goBack();
  await expect(place.locator("a")).toBeFocused();
  await expect.poll(async () => Math.abs((await topOf(place)) - at)).toBeLessThanOrEqual(2);
});

test("L6 a search is in the address, folds widths and finds Japanese by one character", async ({ page }) => {
  await stocked(page, ["夕焼けの海", "ネコ", "A red lighthouse"]);
  await open(page);
  const field = page.getByRole("searchbox");
  for (const [words, name] of [["夕", "夕焼けの海"], ["夕焼け", "夕焼けの海"], ["ﾈｺ", "ネコ"], ["LIGHT", "A red lighthouse"]] as const) {
    await field.fill(words);
    await expect(tiles(page)).toHaveCount(1);
    await expect(links(page)).toHaveAccessibleName(name);
    await expect(page.locator("#gallery-count")).toHaveText("1 found");
    await expect.poll(() => new URL(page.url()).searchParams.get("q")).toBe(words);
  }
  await page.reload();
  await expect(tiles(page)).toHaveCount(1);
  await expect(field).toHaveValue("LIGHT");
  await field.fill("nowhere");
  await expect(page.getByRole("heading", { name: "Nothing fits" })).toBeVisible();
  await page.getByRole("link", { name: "Clear filters" }).first().click();
  await expect(tiles(page)).toHaveCount(4);
  await page.goBack();
  await expect(page.getByRole("heading", { name: "Nothing fits" })).toBeVisible();
});

test("L7 a range, one by one, and all that fit can be chosen", async ({ page }) => {
  await stocked(page, many(100));
  await open(page);
  await links(page).nth(2).focus();
  await page.keyboard.press("Space");
  await expect(chosen(page)).toHaveText("1 selected");
  await page.keyboard.press("ArrowRight");
  await page.keyboard.press("ArrowRight");
  await page.keyboard.press("Shift+Space");
  await expect(chosen(page)).toHaveText("3 selected");
  await tiles(page).nth(8).hover();
  await tiles(page).nth(8).locator(".pick").click();
  await expect(chosen(page)).toHaveText("4 selected");
  // The box lies above the veil of what is chosen, and takes it back.
  await tiles(page).nth(8).locator(".pick").click();
  await expect(chosen(page)).toHaveText("3 selected");
  await page.keyboard.press("Escape");
  await expect(chosen(page)).toBeEmpty();
  await page.keyboard.press("Control+a");
  await expect(chosen(page)).toHaveText("101 selected");
  await page.getByRole("button", { name: "Delete" }).click();
  await expect(toast(page)).toContainText("Moved to the trash: 101");
  await open(page, "/gallery?trash=1");
  await expect(page.locator("#gallery-count")).toHaveText("101 pictures");
});

test("L8 arrows walk through the grid, which is one stop, and the focus is always in view", async ({ page }) => {
  await stocked(page, many(100));
  await open(page);
  expect(await page.locator('#gallery-results .tile > a:not([tabindex="-1"])').count()).toBe(1);
  await links(page).first().focus();
  const inView = () =>
    page.evaluate(() => {
      const { top, bottom } = (document.activeElement as HTMLElement).getBoundingClientRect();
      return document.activeElement?.matches(".tile > a") && top >= 0 && bottom <= innerHeight;
    });
  for (let step = 0; step < 45; step++) {
    await page.keyboard.press(step % 9 === 8 ? "ArrowDown" : "ArrowRight");
    expect(await inView(), `step ${step}`).toBe(true);
  }
  for (const key of ["PageDown", "PageUp", "ArrowUp", "ArrowLeft", "End", "Home"]) {
    await page.keyboard.press(key);
    expect(await inView(), key).toBe(true);
  }
  await expect(links(page).first()).toBeFocused();
  await page.keyboard.press("ArrowDown");
  const column = await page.evaluate(() => (document.activeElement as HTMLElement).getBoundingClientRect().left);
  expect(column).toBeLessThan(700);
  await page.keyboard.press("Enter");
  await expect(page).toHaveURL(/\/g\//);
});

test("L8 the grid is still one stop when the tile it stopped at was deleted elsewhere", async ({ page }) => {
  await stocked(page, many(8));
  await open(page);
  const beside = await page.context().newPage();
  await open(beside);
  await links(beside).nth(5).focus();
  await beside.getByRole("searchbox").focus();
  const gone = (await tiles(page).nth(5).getAttribute("data-id")) ?? "";
  await links(page).nth(5).focus();
  await page.keyboard.press("Delete");
  await expect(beside.locator(`[data-id="${gone}"]`)).toHaveCount(0);
  for (const other of [page, beside]) await expect(other.locator('#gallery-results .tile > a:not([tabindex="-1"])')).toHaveCount(1);
});

test("L9 what is deleted can be undone, waits in the trash, and goes for ever only when asked twice", async ({ page }) => {
  await stocked(page, many(5));
  await open(page);
  const order = () => tiles(page).evaluateAll((tiles) => tiles.map((tile) => (tile as HTMLElement).dataset["id"]));
  const before = await order();
  await links(page).nth(2).focus();
  await page.keyboard.press("f");
  await expect(tiles(page).nth(2)).toHaveAttribute("data-favourite", "");
  await page.keyboard.press("Delete");
  await expect(tiles(page)).toHaveCount(5);
  await toast(page).getByRole("button", { name: "Undo" }).click();
  await expect(tiles(page)).toHaveCount(6);
  expect(await order()).toEqual(before);
  await expect(tiles(page).nth(2)).toHaveAttribute("data-favourite", "");
  await links(page).nth(3).focus();
  await page.keyboard.press("Delete");
  await expect(tiles(page)).toHaveCount(5);
  await page.keyboard.press("Control+z");
  await expect(tiles(page)).toHaveCount(6);
  await links(page).nth(3).focus();
  await page.keyboard.press("Delete");
  await expect(tiles(page)).toHaveCount(5);

  await open(page, "/gallery?trash=1");
  await expect(page.locator(".tile-note")).toHaveText("Gone in 30 days");
  await links(page).first().focus();
  await page.keyboard.press("Space");
  await page.getByRole("button", { name: "Delete for ever" }).click();
  await page.locator("#gallery-purge").getByRole("button", { name: "Keep" }).click();
  await expect(tiles(page)).toHaveCount(1);
  await page.getByRole("button", { name: "Delete for ever" }).click();
  await page.locator("#gallery-purge").getByRole("button", { name: "Delete for ever" }).click();
  await expect(page.getByRole("heading", { name: "The trash is empty" })).toBeVisible();
});

test("L10 originals come as one archive with names in any script", async ({ page }) => {
  await stocked(page, ["夕焼けの海", "b"]);
  await open(page);
  await page.keyboard.press("Control+a");
  const [download] = await Promise.all([page.waitForEvent("download"), page.getByRole("button", { name: "ZIP" }).click()]);
  expect(download.suggestedFilename()).toMatch(/^atelier-\d{8}\.zip$/);
  const names = execFileSync("python3", ["-c", "import sys,zipfile\nz=zipfile.ZipFile(sys.argv[1])\nassert z.testzip() is None\nprint('\\n'.join(z.namelist()))", await download.path()], {
    env: { ...process.env, PYTHONIOENCODING: "utf-8" },
  }).toString();
  expect(names.trim().split("\n")).toHaveLength(6);
  expect(names).toMatch(/^\d{8}_夕焼けの海_[0-9a-f]{12}\.webp$/m);
  expect(names).toMatch(/^\d{8}_夕焼けの海_[0-9a-f]{12}\.json$/m);
});

test("L11 favourites and collections are filled by key, by button and by form", async ({ page }) => {
  await stocked(page, many(4));
  await open(page);
  await tiles(page).nth(1).hover();
  await page.locator("#tile-tools").getByRole("button", { name: "Favourite" }).click();
  await expect(tiles(page).nth(1)).toHaveAttribute("data-favourite", "");
  await page.getByRole("link", { name: "Favourites" }).click();
  await expect(tiles(page)).toHaveCount(1);

  await open(page);
  await links(page).nth(3).focus();
  await page.keyboard.press("Space");
  await page.getByRole("button", { name: "Collect" }).click();
  await page.locator("#gallery-collect").getByRole("textbox").fill("夏の海");
  await page.getByRole("button", { name: "Make and add" }).click();
  await expect(page).toHaveURL(/collection=/);
  await expect(tiles(page)).toHaveCount(1);
  await open(page);
  await links(page).nth(0).focus();
  await page.keyboard.press("Space");
  await page.getByRole("button", { name: "Collect" }).click();
  await page.locator("#gallery-collect").getByRole("button", { name: "夏の海" }).click();
  await expect(toast(page)).toContainText("Added to the collection: 1");
  await page.getByRole("link", { name: /夏の海/ }).click();
  await expect(tiles(page)).toHaveCount(2);
  await page.getByText("Edit collection").click();
  await page.getByRole("button", { name: "Remove collection" }).click();
  await expect(tiles(page)).toHaveCount(5);
});

test("L12 nobody else has the small copy, the original or what is known of it", async ({ page, elsewhere, tolerate }) => {
  tolerate(/404/);
  await stocked(page, ["mine"]);
  await open(page);
  const id = (await tiles(page).first().getAttribute("data-id")) ?? "";
  const file = (await tiles(page).first().getAttribute("data-file")) ?? "";
  const small = (await tiles(page).first().locator("img").getAttribute("src")) ?? "";
  const stranger = await (await elsewhere()).newPage();
  const email = await signUp(stranger);
  grant(email, 1);
  const nobody = await (await elsewhere()).newPage();
  for (const path of [file, small, `/g/${id}`]) {
    expect((await page.request.get(path)).status(), path).toBe(200);
    expect((await stranger.request.get(path)).status(), path).toBe(404);
    expect((await nobody.request.get(path, { maxRedirects: 0 })).status(), path).toBe(303);
  }
  expect((await page.request.get(file)).headers()["cache-control"]).toContain("private");
});

test("what is marked in one tab shows in the others, which keep their place and what is chosen", async ({ page, elsewhere }) => {
  await stocked(page, many(150));
  await open(page);
  const beside = await page.context().newPage();
  const machine = await (await elsewhere({ storageState: await page.context().storageState() })).newPage();
  for (const other of [beside, machine]) {
    await open(other);
    await other.mouse.wheel(0, 900);
    await expect.poll(() => other.evaluate(() => scrollY)).toBeGreaterThan(500);
    await links(other).nth(24).focus();
    await other.keyboard.press("Space");
  }
  const idOf = async (at: number) => (await tiles(page).nth(at).getAttribute("data-id")) ?? "";
  const [loved, gone, looked] = [await idOf(22), await idOf(2), await idOf(24)];
  // Rows above that are one tile shorter flow anew; the first tile in the window is what does not move.
  const first = (other: Page) => other.evaluate(() => [...document.querySelectorAll<HTMLElement>(".tile")].find((tile) => tile.getBoundingClientRect().bottom > 80)?.dataset["id"]);
  for (const other of [beside, machine]) await settled(other);
  const places = await Promise.all([beside, machine].map(async (other) => other.locator(`[data-id="${await first(other)}"]`)));
  const before = await Promise.all(places.map(topOf));
  const all = [page, beside, machine];

  await links(page).nth(22).focus();
  await page.keyboard.press("f");
  for (const other of all) await expect(other.locator(`[data-id="${loved}"]`)).toHaveAttribute("data-favourite", "");
  await links(page).nth(2).focus();
  await page.keyboard.press("Delete");
  for (const other of all) await expect(other.locator(`[data-id="${gone}"]`)).toHaveCount(0);
  for (const [at, other] of [beside, machine].entries()) {
    await expect(chosen(other)).toHaveText("1 selected");
    await expect(other.locator(`[data-id="${looked}"] > a`)).toBeFocused();
    await expect.poll(async () => Math.abs((await topOf(places[at]!)) - before[at]!)).toBeLessThanOrEqual(2);
  }
  await page.keyboard.press("Control+z");
  for (const other of all) await expect(other.locator(`[data-id="${gone}"]`)).toHaveCount(1);
  // Pages that begin elsewhere by now leave nothing out and bring nothing twice.
  for (const other of all) {
    await other.evaluate(() => scrollTo(0, document.body.scrollHeight));
    await expect(tiles(other)).toHaveCount(151);
    const ids = await tiles(other).evaluateAll((tiles) => tiles.map((tile) => (tile as HTMLElement).dataset["id"]));
    expect(new Set(ids).size).toBe(151);
  }

  // A picture that is open there says so too, and the gallery behind it is still the gallery.
  for (const other of [beside, machine]) {
    await other.keyboard.press("Escape");
    await other.locator(`[data-id="${looked}"] > a`).click();
    await expect(other.locator('dialog [data-form="favourite"] button')).toHaveAttribute("data-on", "false");
  }
  await links(page).nth(24).focus();
  await page.keyboard.press("f");
  for (const other of [beside, machine]) {
    await expect(other.locator('dialog [data-form="favourite"] button')).toHaveAttribute("data-on", "true");
    await expect(other.locator(`.tile[data-id="${looked}"]`)).toHaveAttribute("data-favourite", "");
    await other.goBack();
  }
  await page.keyboard.press("Space");
  await page.getByRole("button", { name: "Collect" }).click();
  await page.locator("#gallery-collect").getByRole("textbox").fill("夏の海");
  await page.getByRole("button", { name: "Make and add" }).click();
  for (const other of [beside, machine]) await expect(other.getByRole("link", { name: /夏の海/ })).toHaveText(/1/);
});
