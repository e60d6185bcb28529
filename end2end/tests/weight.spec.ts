// What a visitor has to download.
import { awake, expect, signUp, test } from "./support.js";

/** Of the compressed module, as it travels. */
const MOST_BYTES = 120_000;

test("pages without islands load no WebAssembly and no script", async ({ page }) => {
  const loaded: string[] = [];
  page.on("request", (request) => {
    if (request.resourceType() === "script" || request.url().endsWith(".wasm")) loaded.push(request.url());
  });
  for (const path of ["/", "/sign-in", "/sign-up"]) {
    await page.goto(path, { waitUntil: "networkidle" });
    expect(loaded, path).toEqual([]);
  }
});

test("pages with islands load at most 120 kB of WebAssembly, once, and keep it", async ({ page }) => {
  await signUp(page);
  const requested = page.waitForRequest((request) => request.url().endsWith(".wasm"));
  await page.goto("/create");
  const address = (await requested).url();
  await awake(page);

  const response = await page.request.get(address, { headers: { "accept-encoding": "br" } });
  expect(response.headers()["content-encoding"]).toBe("br");
  expect(response.headers()["content-type"]).toBe("application/wasm");
  expect(response.headers()["cache-control"]).toContain("immutable");
  const bytes = Number(response.headers()["content-length"]);
  test.info().annotations.push({ type: "measured", description: `${(bytes / 1000).toFixed(1)} kB of WebAssembly, brotli` });
  expect(bytes).toBeGreaterThan(0);
  expect(bytes).toBeLessThanOrEqual(MOST_BYTES);

  await page.goto("/gallery", { waitUntil: "networkidle" });
  const travelled = await page.evaluate(
    (address) => (performance.getEntriesByName(address) as PerformanceResourceTiming[]).map((entry) => entry.transferSize),
    address,
  );
  expect(travelled, "bytes travelled for the next page: taken from the browser's cache").toEqual(travelled.map(() => 0));
  expect(travelled.length).toBeGreaterThan(0);
});
