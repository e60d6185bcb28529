// How quick the pages are: every figure with its target, one line each. See scripts/bench-ui for what can be set.
import { get } from "node:http";
import { brotliCompressSync } from "node:zlib";
import { open, quantile, stage } from "./stage.mjs";

const { TILES = "10000", PROMPTS = "50000", SOAK_SECONDS = "60", ONLY = "" } = process.env;
const only = ONLY.split(",").filter(Boolean);
let missed = 0;

function tell(name, target, measured, unit, note = "") {
  const met = measured <= target;
  if (!met) missed += 1;
  const number = Number.isInteger(measured) ? measured : measured.toFixed(measured < 1 ? 3 : 1);
  console.log(`${met ? "  " : "✗ "}${name.padEnd(44)} ${String(target).padStart(8)} ${String(number).padStart(9)} ${unit.padEnd(5)} ${note}`);
}

const sleep = (ms) => new Promise((later) => setTimeout(later, ms));
const press = async (page, words) => {
  await page.getByTestId("prompt").fill(words);
  await page.getByTestId("generate").click();
};
const awake = (page) => page.waitForFunction(() => document.activeElement?.matches("[data-testid=prompt]"));
const cards = "[data-gen-id]";

/** Times from a click to what it changes, as the page itself sees them. */
const WATCH = () => {
  const marks = { clicks: [], events: [], shifts: 0, inputs: new Map(), longest: 0, tasks: 0, lcp: 0 };
  Object.assign(window, { marks });
  let clicked;
  addEventListener("click", (event) => (clicked = event.timeStamp), true);
  const Real = window.EventSource;
  let heard;
  window.EventSource = class extends Real {
    constructor(...given) {
      super(...given);
      super.addEventListener("state", ({ lastEventId }) => (heard = Number(lastEventId)), { capture: true });
    }
  };
  const seen = new WeakMap();
  const look = () => {
    const now = performance.now();
    for (const card of document.querySelectorAll("[data-gen-id]")) {
      const state = card.dataset.state;
      if (seen.get(card) === state) continue;
      if (clicked !== undefined && (state === "submitting" || state === "canceling")) {
        marks.clicks.push([state, now - clicked]);
        clicked = undefined;
      } else if (heard !== undefined && seen.has(card)) {
        marks.events.push(performance.timeOrigin + now - heard);
        heard = undefined;
      }
      seen.set(card, state);
    }
  };
  new MutationObserver(look).observe(document, { subtree: true, childList: true, attributes: true, attributeFilter: ["data-state"] });
  const observe = (type, each, more = {}) => new PerformanceObserver((list) => list.getEntries().forEach(each)).observe({ type, buffered: true, ...more });
  observe("layout-shift", (entry) => (marks.shifts += entry.hadRecentInput ? 0 : entry.value));
  observe("event", (entry) => entry.interactionId && marks.inputs.set(entry.interactionId, Math.max(entry.duration, marks.inputs.get(entry.interactionId) ?? 0)), { durationThreshold: 16 });
  observe("longtask", (entry) => {
    marks.tasks += 1;
    marks.longest = Math.max(marks.longest, entry.duration);
  });
  observe("largest-contentful-paint", (entry) => (marks.lcp = entry.startTime));
};
const marks = (page) => page.evaluate(() => ({ ...window.marks, inputs: [...window.marks.inputs.values()] }));

/** Bytes of an answer as they travel, and milliseconds to its first byte. */
function fetched(url, headers) {
  return new Promise((done, failed) => {
    const from = performance.now();
    // A connection of its own: one that was kept may be closed at the other end just then.
    get(url, { headers, agent: false }, (answer) => {
      const first = performance.now() - from;
      let bytes = 0;
      answer.on("data", (piece) => (bytes += piece.length));
      answer.on("end", () => done({ status: answer.statusCode, bytes, first }));
    }).on("error", failed);
  });
}

const house = await stage();
const cookie = house.storageState.cookies.map(({ name, value }) => `${name}=${value}`).join("; ");
const KILO = 1024;

/** Long tasks while somebody scrolls down a gallery for five seconds and asks for more whenever it ends. */
async function scrolled(throttle) {
  const missing = [];
  const { page, context } = await open(house, "/gallery", { before: WATCH, throttle });
  page.on("response", (answer) => answer.status() >= 400 && missing.push(answer.url()));
  await sleep(1_500);
  await page.evaluate(() => Object.assign(window.marks, { tasks: 0, longest: 0 }));
  await page.mouse.move(700, 450);
  for (let turn = 0; turn < 120; turn += 1) {
    await page.mouse.wheel(0, 1_200);
    await sleep(40);
    await page.evaluate(() => {
      const more = document.querySelector(".pager:not([data-coming]) a[rel=next]:not([aria-busy])");
      if (more && more.getBoundingClientRect().top < 2 * innerHeight) more.click();
    });
  }
  await sleep(500);
  const { tasks, longest } = await marks(page);
  const [tiles, drawn] = await page.evaluate(() => [
    document.querySelectorAll(".tile").length,
    [...document.querySelectorAll(".tile img")].filter((image) => image.complete && image.naturalWidth).length,
  ]);
  if (missing.length) throw new Error(`${missing.length} answers were errors, as ${missing[0]}`);
  const slow = throttle > 1 ? `, CPU ÷ ${throttle}` : "";
  tell(`long tasks while scrolling${slow}`, 0, tasks, "", `the longest ${longest.toFixed(0)} ms; ${tiles} tiles in the document, ${drawn} pictures drawn`);
  await context.close();
}

const MEASURES = {
  async "click to card, cancel, events"() {
    const { page, context } = await open(house, "/create", { throttle: 4, before: WATCH });
    await awake(page);
    for (let at = 0; at < 20; at += 1) {
      const before = await page.locator(cards).count();
      await press(page, `a measured thought ${at} #stall`);
      await page.waitForFunction(([cards, before]) => document.querySelectorAll(cards).length > before, [cards, before]);
      if (at % 2) await page.locator(`${cards}:is([data-state=queued], [data-state=starting], [data-state=running]) button`).first().click();
      await sleep(150);
    }
    const { clicks, events } = await marks(page);
    const of = (state) => clicks.filter(([which]) => which === state).map(([, ms]) => ms);
    tell("click → card, p95, CPU ÷ 4", 50, quantile(of("submitting"), 0.95), "ms", `${of("submitting").length} presses`);
    tell("cancel → canceling, p95, CPU ÷ 4", 50, quantile(of("canceling"), 0.95), "ms", `${of("canceling").length} presses`);
    tell("event → page, p95, CPU ÷ 4", 50, quantile(events, 0.95), "ms", `${events.length} events, from the commit on`);
    await house.api.post("/generations/cancel", { form: {} });
    await context.close();
  },
  async "interactions and shifts"() {
    const { page, context } = await open(house, "/create", { throttle: 4, before: WATCH });
    await awake(page);
    for (let at = 0; at < 3; at += 1) await press(page, `a live session ${at}`);
    for (let at = 0; at < 20; at += 1) {
      await page.getByTestId("prompt").press("a");
      await page.locator("input[name=aspect_ratio]:enabled").nth(at % 3).click({ force: true });
      await page.locator("details summary, [aria-expanded]").first().click({ force: true });
    }
    await page.waitForFunction(() => !document.querySelector("[data-state=running], [data-state=queued], [data-state=starting], [data-state=saving]"), undefined, { timeout: 60_000 });
    await sleep(1_000);
    const { inputs, shifts } = await marks(page);
    // Durations are told from 16 ms on; what is not told was quicker.
    tell("INP over 60 interactions, CPU ÷ 4", 100, inputs.length ? quantile(inputs, 0.98) : 16, "ms", `${inputs.length} took 16 ms or more`);
    tell("CLS over a live session", 0.01, shifts, "");
    await context.close();
  },
  async "largest paint"() {
    for (const [path, target, nobody] of [["/", 1_500, true], ["/gallery", 2_000, false]]) {
      const values = [];
      for (let run = 0; run < 3; run += 1) {
        const { page, context } = await open(house, path, { phone: true, throttle: 4, nobody, before: WATCH });
        await page.waitForLoadState("load");
        await sleep(1_500);
        values.push((await marks(page)).lcp);
        await context.close();
      }
      tell(`LCP ${path}, slow telephone, median of 3`, target, quantile(values, 0.5), "ms");
    }
  },
  async weight() {
    const [id] = [house.made];
    for (const [path, nobody, wasm, js, css] of [["/", true, 0, 0, 12], ["/sign-in", true, 0, 0, 12], ["/create", false, 120, 10, 12], ["/gallery", false, 120, 10, 12], [`/g/${id}`, false, 120, 10, 12]]) {
      const asked = new Set();
      const context = await house.browser.newContext(nobody ? {} : { storageState: house.storageState });
      const page = await context.newPage();
      page.on("request", (one) => asked.add(one.url()));
      await page.goto(house.url + path, { waitUntil: "networkidle" });
      const sum = async (ending) => {
        let bytes = 0;
        for (const url of asked) if (new URL(url).pathname.endsWith(ending)) bytes += (await fetched(url, { "accept-encoding": "br" })).bytes;
        return bytes / KILO;
      };
      const name = path.startsWith("/g/") ? "/g/{id}" : path;
      tell(`${name} WebAssembly, brotli`, wasm, await sum(".wasm"), "KiB");
      tell(`${name} JavaScript, brotli`, js, await sum(".js"), "KiB");
      tell(`${name} CSS, brotli`, css, await sum(".css"), "KiB");
      await context.close();
    }
  },
  async "a long gallery"() {
    house.copies(house.made, Number(TILES), ["harbour", "meadow", "灯台", "棚田"]);
    const first = [];
    for (let run = 0; run < 30; run += 1) first.push((await fetched(`${house.url}/gallery`, { cookie })).first);
    tell(`TTFB /gallery, ${TILES} pictures, p95`, 40, quantile(first, 0.95), "ms");
    const html = await (await house.api.get("/gallery")).text();
    const tiles = Math.max(1, html.split('class="tile"').length - 1);
    const zipped = (await fetched(`${house.url}/gallery`, { cookie, "accept-encoding": "gzip" })).bytes;
    tell("HTML of 60 tiles, gzip", 18, (zipped / KILO / tiles) * 60, "KiB", `${tiles} tiles are ${(zipped / KILO).toFixed(1)} KiB; brotli ${(brotliCompressSync(html).length / KILO).toFixed(1)}`);
    for (const throttle of [1, 4]) await scrolled(throttle);
  },
  async search() {
    house.copies(house.made, Math.max(0, Number(PROMPTS) - Number(TILES)), ["lighthouse", "heron", "paper crane", "夕焼け"]);
    const first = [];
    for (const words of ["heron", "lighthouse", "夕焼け", "paper crane 17", "夕"]) {
      for (let run = 0; run < 4; run += 1) first.push((await fetched(`${house.url}/gallery?q=${encodeURIComponent(words)}`, { cookie })).first);
    }
    tell(`search over ${PROMPTS} prompts, p95`, 100, quantile(first, 0.95), "ms", "to the first byte of the page");
  },
  async "left alone"() {
    const { page, wire, context } = await open(house, "/create");
    await awake(page);
    const heap = async () => {
      await wire.send("HeapProfiler.collectGarbage");
      return (await wire.send("Runtime.getHeapUsage")).usedSize / 1e6;
    };
    await sleep(2_000);
    const before = await heap();
    const until = Date.now() + Number(SOAK_SECONDS) * 1_000;
    const most = Math.round((500 * Number(SOAK_SECONDS)) / 1_800);
    let asked = 0;
    // Five or so events are heard of each.
    while (Date.now() < until) {
      if (asked * 5 < most) await house.api.post("/api/app/generate", { data: { prompt: `left alone ${(asked += 1)}` } });
      await sleep(2_000);
    }
    await sleep(8_000);
    tell(`heap after ${SOAK_SECONDS} s, grown by`, 10, (await heap()) - before, "MB", `${asked} generations`);
    await context.close();
  },
};

try {
  house.made = await house.make("A lighthouse on a basalt cliff at dusk", { count: 1 });
  console.log(`  ${"".padEnd(44)} ${"target".padStart(8)} ${"measured".padStart(9)}`);
  for (const [name, measure] of Object.entries(MEASURES)) {
    if (only.length && !only.some((word) => name.includes(word))) continue;
    try {
      await measure();
    } catch (error) {
      missed += 1;
      console.log(`✗ ${name}: could not be measured: ${String(error).split("\n")[0]}`);
    }
  }
  console.log(missed ? `${missed} beyond their target` : "all within their targets");
} finally {
  await house.close();
}
