// What axe cannot see: narrow windows, wide letters, the way of the focus, the size of targets, motion, what is said aloud,
// and a whole visit without a mouse. To add a page: a line in PAGES.
import { devices, type Locator, type Page } from "@playwright/test";
import { LANGUAGES, settled, tooWide } from "./eyes.js";
import { Person } from "./houses.js";
import { awake, cards, expect, generate, prompt, test as base } from "./support.js";

type Painter = { person: Person; made: string; running: string };

const test = base.extend<object, { painter: Painter }>({
  painter: [
    async ({}, use) => {
      const person = await Person.of(`http://127.0.0.1:${process.env.END2END_PORT ?? ""}`);
      const made = await person.make("A lighthouse on a basalt cliff at dusk, muted teal and rust", { count: 4 });
      await person.make("a broken vase #nsfw");
      const running = await person.ask("a long thought #stall");
      await use({ person, made, running });
      await person.api.post("/generations/cancel", { form: {} });
    },
    { scope: "worker", timeout: 60_000 },
  ],
});

test.describe.configure({ mode: "parallel" });

/** For anybody, and for somebody with pictures. */
const PORCH = ["/", "/sign-in", "/sign-up", "/help", "/docs/api", "/offline"];
const PAGES = (painter: Painter) => ["/create", "/gallery", `/g/${painter.made}?i=1`, `/g/${painter.running}`, "/models", "/credits", "/keys"];

/** Visits every page in turn, first as nobody and then as the painter. */
async function everyPage(
  elsewhere: (options: object) => Promise<import("@playwright/test").BrowserContext>,
  painter: Painter,
  options: object,
  visit: (page: Page, path: string) => Promise<void>,
): Promise<void> {
  for (const [storageState, paths] of [[undefined, PORCH], [painter.person.state, PAGES(painter)]] as const) {
    const context = await elsewhere({ ...options, ...(storageState ? { storageState } : {}) });
    const page = await context.newPage();
    for (const path of paths) {
      await page.goto(path);
      await settled(page);
      await visit(page, path);
    }
    await context.close();
  }
}

const language = (lang: string) => ({ extraHTTPHeaders: { "accept-language": lang } });

for (const lang of LANGUAGES) {
  test(`320 pixels, and a window enlarged four times, need no sideways scrolling (${lang})`, async ({ elsewhere, painter }) => {
    await everyPage(elsewhere, painter, { viewport: { width: 320, height: 640 }, ...language(lang) }, async (page, path) => {
      expect.soft(await tooWide(page), `${path} at 320 × 640`).toBeLessThanOrEqual(0);
      expect.soft(await clipped(page), `${path} at 320 × 640`).toEqual([]);
      // 1280 × 1024 at 400 %.
      await page.setViewportSize({ width: 320, height: 256 });
      expect.soft(await tooWide(page), `${path} at 400 %`).toBeLessThanOrEqual(0);
      await page.setViewportSize({ width: 768, height: 1024 });
      expect.soft(await tooWide(page), `${path} at 768`).toBeLessThanOrEqual(0);
      expect.soft(await clipped(page), `${path} at 768`).toEqual([]);
      await page.setViewportSize({ width: 320, height: 640 });
    });
  });
}

/** Elements whose own words do not fit into them and are cut off; an ellipsis is a cut on purpose. */
function clipped(page: Page): Promise<string[]> {
  return page.evaluate(() => {
    const found: string[] = [];
    for (const element of document.querySelectorAll<HTMLElement>("a, button, label, summary, h1, h2, h3, p, td, th, dt, dd, li, span, strong")) {
      const style = getComputedStyle(element);
      const hides = style.overflowX !== "visible" || style.overflowY !== "visible";
      const words = [...element.childNodes].some((node) => node.nodeType === Node.TEXT_NODE && node.textContent?.trim());
      if (!hides || !words || style.textOverflow === "ellipsis" || style.webkitLineClamp !== "none" || element.closest(".sr-only, [hidden]") || style.clipPath !== "none") continue;
      if (/auto|scroll/.test(style.overflowX + style.overflowY)) continue;
      if (element.scrollWidth > element.clientWidth + 1 || element.scrollHeight > element.clientHeight + 1) found.push(`${element.tagName} ${element.className}: ${element.textContent?.trim().slice(0, 40)}`);
    }
    return found;
  });
}

test("letters set wide apart are not cut off", async ({ elsewhere, painter }) => {
  // Somebody's own style sheet is not subject to the page's policy; the one of a test would be.
  await everyPage(elsewhere, painter, { bypassCSP: true, viewport: { width: 390, height: 844 } }, async (page, path) => {
    await page.addStyleTag({ content: "* { line-height: 1.5 !important; letter-spacing: 0.12em !important; word-spacing: 0.16em !important } p { margin-bottom: 2em !important }" });
    await settled(page);
    expect.soft(await tooWide(page), path).toBeLessThanOrEqual(0);
    expect.soft(await clipped(page), path).toEqual([]);
  });
});

/** The next Tab is the first of the page, also where a field takes the focus. */
async function fromTheTop(page: Page): Promise<void> {
  if (await prompt(page).count()) await awake(page);
  await page.evaluate(() => {
    document.body.tabIndex = -1;
    document.body.focus();
    document.body.removeAttribute("tabindex");
  });
}

/** Of the element with the focus: what it is, whether its ring can be seen, whether anything lies over it; null when nothing has it. */
function focused(page: Page): Promise<{ what: string; ringed: boolean; covered: boolean } | null> {
  return page.evaluate(() => {
    const element = document.activeElement as HTMLElement | null;
    if (!element || element === document.body) return null;
    const { stops = new WeakSet<Element>() } = window as Stopped;
    Object.assign(window, { stops: stops.add(element) });
    const ring = (of: Element, pseudo?: string) => {
      const style = getComputedStyle(of, pseudo);
      return style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2;
    };
    // A field may have its ring around the box that it stands in, a tile inside its picture.
    const around = element.closest(".composer-box, .chip, .tile a, label, form, summary");
    const bordered = (of: Element) => getComputedStyle(of).borderTopColor === getComputedStyle(of).getPropertyValue("--ai-rgb");
    const ringed = ring(element) || ring(element, "::after") || (around !== null && (ring(around) || ring(around, "::after") || bordered(around))) || (element.nextElementSibling !== null && ring(element.nextElementSibling));
    const box = element.getBoundingClientRect();
    // Outside a round corner there is what lies behind.
    const radius = getComputedStyle(element).borderTopLeftRadius;
    const round = Math.min(box.width, box.height) / 2;
    const inset = 3 + 0.3 * Math.min(round, radius.endsWith("%") ? round : parseFloat(radius));
    const points = [
      [box.left + box.width / 2, box.top + box.height / 2],
      [box.left + inset, box.top + inset],
      [box.right - inset, box.top + inset],
      [box.left + inset, box.bottom - inset],
      [box.right - inset, box.bottom - inset],
    ].filter(([x = -1, y = -1]) => x >= 0 && y >= 0 && x < innerWidth && y < innerHeight);
    const seen = points.filter(([x = 0, y = 0]) => {
      const top = document.elementFromPoint(x, y);
      return top && (element.contains(top) || top.contains(element) || (top instanceof HTMLElement && top.closest("label")?.contains(element)));
    });
    const what = `${element.tagName.toLowerCase()}.${element.className} ${element.getAttribute("href") ?? element.getAttribute("name") ?? ""}`;
    // Half of it may lie under an edge; not all of it, and not its middle.
    return { what, ringed, covered: points.length === 0 || seen.length * 2 < points.length };
  });
}

/** The elements that a page remembers to have had the focus. */
type Stopped = Window & { stops?: WeakSet<Element> };

/** Once nothing has the focus any more: what should have had it on the way, and never did. */
function passedOver(page: Page): Promise<string[]> {
  return page.evaluate(() => {
    const { stops } = window as Stopped;
    // Of radio buttons one stands for all.
    const left = [...document.querySelectorAll<HTMLElement>("a[href], button, input, select, textarea, summary")].filter(
      (element) =>
        element.tabIndex >= 0 &&
        !element.matches(":disabled, [type=hidden], [type=radio], [inert] *") &&
        element.checkVisibility({ visibilityProperty: true }) &&
        !stops?.has(element),
    );
    return left.map((element) => `${element.tagName.toLowerCase()}.${element.className} ${element.getAttribute("href") ?? element.getAttribute("name") ?? ""}`);
  });
}

for (const width of [390, 1440]) {
  test(`every stop of the Tab key has a ring and nothing over it, ${width} pixels wide`, async ({ elsewhere, painter }) => {
    test.setTimeout(120_000);
    await everyPage(elsewhere, painter, { viewport: { width, height: width < 800 ? 844 : 900 }, reducedMotion: "reduce" }, async (page, path) => {
      await fromTheTop(page);
      const problems = new Set<string>();
      for (let stop = 0; stop < 60; stop += 1) {
        await page.keyboard.press("Tab");
        await settled(page);
        const at = await focused(page);
        if (!at) {
          // Past the last one, or lost on the way.
          for (const what of await passedOver(page)) problems.add(`the focus was lost before ${what}`);
          break;
        }
        if (!at.ringed && !(await drawsItsFocus(page))) problems.add(`no ring: ${at.what}`);
        if (at.covered) problems.add(`covered: ${at.what}`);
      }
      expect.soft([...problems], path).toEqual([]);
    });
  });
}

/** Whether anything at all looks different around the element with the focus than without it. */
async function drawsItsFocus(page: Page): Promise<boolean> {
  const box = await page.evaluate(() => {
    const { x, y, width, height } = (document.activeElement as HTMLElement).getBoundingClientRect();
    return { x: Math.max(0, x - 24), y: Math.max(0, y - 24), width: width + 48, height: height + 48 };
  });
  const size = page.viewportSize() ?? { width: 0, height: 0 };
  const clip = { ...box, width: Math.max(1, Math.min(box.width, size.width - box.x)), height: Math.max(1, Math.min(box.height, size.height - box.y)) };
  const shot = () => page.screenshot({ clip, caret: "hide", animations: "disabled" });
  const withFocus = await shot();
  await page.evaluate(() => {
    (window as unknown as { had: Element | null }).had = document.activeElement;
    (document.activeElement as HTMLElement).blur();
  });
  const without = await shot();
  await page.evaluate(() => ((window as unknown as { had: HTMLElement }).had.focus({ preventScroll: true })));
  return !withFocus.equals(without);
}

/** Targets smaller than so many pixels on a side, but for links inside a sentence. */
function small(page: Page, least: number): Promise<string[]> {
  return page.evaluate((least) => {
    const found = new Set<string>();
    for (const element of document.querySelectorAll<HTMLElement>("a[href], button, input:not([type=hidden]), select, textarea, summary, [tabindex='0'][role=button]")) {
      const style = getComputedStyle(element);
      // A label is pressed as well as what it is of.
      const boxes = [element, ...((element as HTMLInputElement).labels ?? [])].map((one) => one.getBoundingClientRect());
      const side = (from: "left" | "top", to: "right" | "bottom") => Math.max(...boxes.map((one) => one[to])) - Math.min(...boxes.map((one) => one[from]));
      const box = { width: side("left", "right"), height: side("top", "bottom") };
      if (box.width === 0 || box.height === 0 || style.visibility === "hidden" || element.closest("[hidden], .sr-only") || element.matches(".skip, :disabled, .sr-only")) continue;
      const sentence = element.matches("a") && style.display === "inline" && element.parentElement?.matches("p, dd, td, li, .hint") && (element.parentElement.textContent ?? "").trim() !== (element.textContent ?? "").trim();
      if (sentence) continue;
      if (box.width < least - 0.5 || box.height < least - 0.5) found.add(`${element.tagName.toLowerCase()}.${element.className} ${(element.textContent ?? "").trim().slice(0, 24) || element.getAttribute("name")}: ${box.width.toFixed(0)} × ${box.height.toFixed(0)}`);
    }
    return [...found];
  }, least);
}

test("targets are large enough for a mouse, and for a finger", async ({ elsewhere, painter }) => {
  await everyPage(elsewhere, painter, { viewport: { width: 1440, height: 900 } }, async (page, path) => {
    expect.soft(await small(page, 24), `${path} with a mouse`).toEqual([]);
  });
  const phone = { ...devices["Pixel 7"], viewport: { width: 390, height: 844 } };
  await everyPage(elsewhere, painter, phone, async (page, path) => {
    expect.soft(await page.evaluate(() => matchMedia("(pointer: coarse)").matches), "a finger").toBe(true);
    expect.soft(await small(page, 44), `${path} with a finger`).toEqual([]);
  });
});

test("with reduced motion nothing moves for longer than 80 ms", async ({ elsewhere }) => {
  const context = await elsewhere({ reducedMotion: "reduce" });
  const page = await context.newPage();
  const person = await Person.of(`http://127.0.0.1:${process.env.END2END_PORT ?? ""}`);
  await context.addCookies(person.state.cookies);
  await page.goto("/create");
  await awake(page);
  await page.evaluate(() => {
    const moving = new Set<string>();
    Object.assign(window, { moving });
    addEventListener("transitionrun", (event) => moving.add(`transition of ${event.propertyName}`), true);
    const watch = () => {
      for (const animation of document.getAnimations()) {
        const { duration, iterations } = animation.effect?.getComputedTiming() ?? {};
        if (Number(duration) * Number(iterations ?? 1) > 80) moving.add(`${(animation as CSSAnimation).animationName ?? "transition"} ${String(duration)} × ${String(iterations)}`);
      }
      requestAnimationFrame(watch);
    };
    watch();
  });
  await prompt(page).fill("a still life");
  await generate(page).click();
  await expect(cards(page).first()).toHaveAttribute("data-state", "succeeded", { timeout: 30_000 });
  await page.getByRole("navigation").first().getByRole("link").nth(1).hover();
  expect(await page.evaluate(() => [...(window as unknown as { moving: Set<string> }).moving])).toEqual([]);
});

test("the first stop skips to the content, on every page", async ({ elsewhere, painter }) => {
  await everyPage(elsewhere, painter, {}, async (page, path) => {
    await fromTheTop(page);
    await page.keyboard.press("Tab");
    await expect.soft(page.locator(":focus"), path).toHaveClass(/skip/);
    await expect.soft(page.locator(":focus"), path).toBeInViewport();
    await page.keyboard.press("Enter");
    await expect.soft(page.locator("main"), path).toBeFocused();
    // And help is at the same place of every page.
    await expect.soft(page.locator("footer").getByRole("link").last(), path).toHaveAttribute("href", "/help");
  });
});

/** Walks with the Tab key until the element has the focus, as somebody without a mouse does. */
async function reach(page: Page, target: Locator): Promise<void> {
  for (let stop = 0; stop < 80; stop += 1) {
    if (await target.evaluate((element) => element === document.activeElement)) return;
    await page.keyboard.press("Tab");
  }
  throw new Error(`${target.toString()} cannot be reached with the Tab key`);
}

test("a whole visit needs no mouse", async ({ page }) => {
  test.setTimeout(120_000);
  const email = `keys-${Date.now()}@example.com`;
  await page.goto("/");
  await reach(page, page.getByRole("link", { name: /20 free credits/ }));
  await page.keyboard.press("Enter");
  await expect(page).toHaveURL(/sign-up/);
  await reach(page, page.locator("#email"));
  await page.keyboard.type(email);
  await reach(page, page.locator("#password"));
  await page.keyboard.type("correct horse battery staple 42");
  await page.keyboard.press("Enter");
  await expect(page).toHaveURL(/create$/);
  await awake(page);

  // Generate, and think better of it.
  await page.keyboard.type("a long thought #stall");
  await page.keyboard.press("Enter");
  const first = cards(page).first();
  await expect(first).toHaveAttribute("data-state", "running", { timeout: 20_000 });
  await reach(page, first.getByRole("button", { name: "Cancel" }));
  await page.keyboard.press("Enter");
  await expect(first).toHaveAttribute("data-state", "canceled", { timeout: 20_000 });

  // Once more, with a failure that is mended.
  await page.goto("/create");
  await awake(page);
  // What was written last is still there.
  await page.keyboard.press("Control+A");
  await page.keyboard.type("a broken vase #fail");
  await page.keyboard.press("Control+Enter");
  const failed = cards(page).filter({ hasText: "a broken vase" }).first();
  await expect(failed).toHaveAttribute("data-state", "failed", { timeout: 30_000 });
  await reach(page, failed.getByRole("link", { name: "Edit & retry" }));
  await page.keyboard.press("Enter");
  await expect(prompt(page)).toHaveValue("a broken vase #fail");
  await reach(page, prompt(page));
  await page.keyboard.press("Control+A");
  await page.keyboard.type("a vase that holds");
  await page.keyboard.press("Enter");
  await expect(cards(page).filter({ hasText: "a vase that holds" }).first()).toHaveAttribute("data-state", "succeeded", { timeout: 30_000 });

  await reach(page, page.getByRole("navigation").first().getByRole("link", { name: /Gallery/ }));
  await page.keyboard.press("Enter");
  await expect(page).toHaveURL(/gallery/);
  await reach(page, page.locator(".tile a").first());
  await page.keyboard.press("Enter");
  await expect(page).toHaveURL(/\/g\//);
  await expect(page.getByRole("dialog").locator("img").first()).toBeVisible();
  await page.keyboard.press("Escape");
  await expect(page).toHaveURL(/gallery/);

  // A key, and out.
  await fromTheTop(page);
  await reach(page, page.locator('#account a[href="/keys"]'));
  await page.keyboard.press("Enter");
  await expect(page).toHaveURL(/keys/);
  await reach(page, page.locator("input[name=name]").first());
  await page.keyboard.type("a poster");
  await page.keyboard.press("Enter");
  await expect(page.locator(".key-text code")).toBeVisible();
  await reach(page, page.locator('form[action="/sign-out"] button').first());
  await page.keyboard.press("Enter");
  await expect(page).toHaveURL(/\/$/);
});

test("what happens is said aloud once for each state, and nothing else is", async ({ page, painter }) => {
  await page.context().addCookies((await Person.of(`http://127.0.0.1:${process.env.END2END_PORT ?? ""}`)).state.cookies);
  expect(painter.made).toBeTruthy();
  await page.goto("/create");
  await awake(page);
  await page.evaluate(() => {
    const said: string[] = [];
    Object.assign(window, { said });
    const hear = (mutations: MutationRecord[]) => {
      for (const { target } of mutations) {
        const region = (target instanceof Element ? target : target.parentElement)?.closest("[aria-live], [role=status], [role=alert]");
        const words = region?.textContent?.trim();
        if (words && said.at(-1) !== words && !region?.closest("[hidden]")) said.push(words);
      }
    };
    new MutationObserver(hear).observe(document.body, { subtree: true, childList: true, characterData: true });
  });
  const said = () => page.evaluate(() => (window as unknown as { said: string[] }).said);
  await prompt(page).fill("a quiet room");
  await generate(page).click();
  await expect(cards(page).first()).toHaveAttribute("data-state", "succeeded", { timeout: 30_000 });
  await expect.poll(said).toEqual(["Rendering started", expect.stringMatching(/^Picture ready, \d+\.\d seconds$/)]);
  await prompt(page).fill("a broken vase #fail");
  await generate(page).click();
  await expect.poll(async () => (await said()).at(-1), { timeout: 30_000 }).toBe("Failed, 1 credit returned");
  expect((await said()).length).toBe(4);
});

test("borders of fields and buttons stand out from what is behind them", async ({ elsewhere, painter }) => {
  for (const colorScheme of ["light", "dark"] as const) {
    await everyPage(elsewhere, painter, { colorScheme }, async (page, path) => {
      expect.soft(await faint(page), `${path}, ${colorScheme}`).toEqual([]);
    });
  }
});

/** Fields and buttons with neither a border nor a filling of at least 3:1 against what is behind them (1.4.11). */
function faint(page: Page): Promise<string[]> {
  return page.evaluate(() => {
    const canvas = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
    const rgba = (color: string): [number, number, number, number] => {
      if (!canvas) return [0, 0, 0, 0];
      canvas.clearRect(0, 0, 1, 1);
      canvas.fillStyle = color;
      canvas.fillRect(0, 0, 1, 1);
      const [r = 0, g = 0, b = 0, a = 0] = canvas.getImageData(0, 0, 1, 1).data;
      return [r, g, b, a / 255];
    };
    const luminance = (color: string): number => {
      const [r, g, b] = rgba(color).slice(0, 3).map((part) => (part / 255 <= 0.04045 ? part / 255 / 12.92 : ((part / 255 + 0.055) / 1.055) ** 2.4)) as [number, number, number];
      return 0.2126 * r + 0.7152 * g + 0.0722 * b;
    };
    const behind = (element: Element | null): string => {
      for (let at = element; at; at = at.parentElement) if (rgba(getComputedStyle(at).backgroundColor)[3] > 0.99) return getComputedStyle(at).backgroundColor;
      return getComputedStyle(document.documentElement).backgroundColor;
    };
    const ratio = (a: string, b: string) => (Math.max(luminance(a), luminance(b)) + 0.05) / (Math.min(luminance(a), luminance(b)) + 0.05);
    const found = new Set<string>();
    for (const element of document.querySelectorAll<HTMLElement>(".button:not(.quiet), .field input, .control input[type=text], .control select")) {
      const style = getComputedStyle(element);
      if (!element.offsetParent || element.matches(":disabled, [aria-disabled=true]")) continue;
      const back = behind(element.parentElement);
      const best = Math.max(parseFloat(style.borderTopWidth) > 0 ? ratio(style.borderTopColor, back) : 1, rgba(style.backgroundColor)[3] > 0.99 ? ratio(style.backgroundColor, back) : 1);
      if (best < 3) found.add(`${element.tagName.toLowerCase()}.${element.className}: ${best.toFixed(2)}`);
    }
    return [...found];
  });
}
