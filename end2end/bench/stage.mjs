// What the measurements stand on: the binary in a folder of its own, somebody with many credits, and a browser.
import { execFileSync, spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { chromium, request } from "@playwright/test";

const PASSWORD = "correct horse battery staple 42";

/** Starts everything; `close` ends it and leaves nothing. */
export async function stage() {
  const folder = mkdtempSync(join(tmpdir(), "atelier-bench-ui-"));
  const env = { PATH: process.env.PATH, DATA_DIR: join(folder, "data"), ATELIER_ADDR: "127.0.0.1:0", RUST_LOG: "error", CREATES_PER_MINUTE: "6000" };
  const binary = process.env.BENCH_BINARY;
  const running = spawn(binary, ["serve"], { cwd: folder, env, stdio: ["ignore", "pipe", "inherit"] });
  const url = await new Promise((ready, failed) => {
    let said = "";
    running.stdout.on("data", (piece) => {
      said += piece;
      const found = / is ready at (http\S*)/.exec(said);
      if (found) ready(found[1]);
    });
    running.on("exit", () => failed(new Error(`the house did not start: ${said}`)));
  });

  const email = "bench@example.com";
  const api = await request.newContext({ baseURL: url, extraHTTPHeaders: { "sec-fetch-site": "same-origin" } });
  await api.post("/sign-up", { form: { email, password: PASSWORD, next: "/create" }, maxRedirects: 0 });
  execFileSync(binary, ["user", "grant", email, "100000", "--reason", "to be measured"], { cwd: folder, env });
  const storageState = await api.storageState();

  const browser = await chromium.launch({
    ...(process.env.CHROMIUM ? { executablePath: process.env.CHROMIUM } : {}),
    args: ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--enable-precise-memory-info", "--js-flags=--expose-gc"],
  });

  const make = async (prompt, wish = {}) => {
    const asked = await (await api.post("/api/app/generate", { data: { prompt, ...wish } })).json();
    for (;;) {
      const told = await (await api.get(`/api/app/generations/${asked.id}`)).json();
      if (told.status !== "processing") return asked.id;
      await new Promise((later) => setTimeout(later, 200));
    }
  };
  const copies = (id, count, words) =>
    execFileSync("python3", [new URL("../copies.py", import.meta.url).pathname, join(folder, "data", "atelier.db"), id, String(count), ...words]);
  const close = async () => {
    await browser.close();
    await api.dispose();
    const gone = new Promise((done) => running.once("exit", done));
    running.kill("SIGTERM");
    await gone;
    rmSync(folder, { recursive: true, force: true });
  };
  return { url, api, browser, storageState, make, copies, close };
}

/** A page of somebody signed in, or of nobody, on a desk or on a slow telephone. */
export async function open({ url, browser, storageState }, path, { nobody = false, phone = false, throttle = 1, before } = {}) {
  const size = phone ? { viewport: { width: 412, height: 823 }, deviceScaleFactor: 1.75, isMobile: true, hasTouch: true } : { viewport: { width: 1440, height: 900 } };
  const context = await browser.newContext({ ...size, locale: "en-US", ...(nobody ? {} : { storageState }) });
  const page = await context.newPage();
  const wire = await context.newCDPSession(page);
  if (throttle > 1) await wire.send("Emulation.setCPUThrottlingRate", { rate: throttle });
  if (phone) {
    // Lighthouse's slow 4G: 150 ms there and back, 1.6 Mbit/s.
    await wire.send("Network.enable");
    await wire.send("Network.emulateNetworkConditions", { offline: false, latency: 150, downloadThroughput: 204_800, uploadThroughput: 93_750 });
  }
  if (before) await context.addInitScript(before);
  await page.goto(url + path);
  return { context, page, wire };
}

/** The value under which so much of all lies. */
export function quantile(values, part) {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.ceil(sorted.length * part) - 1)] ?? Number.NaN;
}
