// The app that a telephone keeps: what it is told of itself, pictures shared with it, and what it says without a connection.
import { Person, sharePicture } from "./houses.js";
import { awake, expect, prefer, signUp, test } from "./support.js";

type Manifest = { lang: string; id: string; icons: { src: string; sizes: string; purpose: string }[]; share_target: { action: string; method: string } };

for (const language of ["en", "ja"]) {
  test(`the manifest is there in ${language}, with icons of the sizes that it names`, async ({ page }) => {
    await page.goto("/");
    await prefer(page, { language });
    await page.goto("/");
    const address = (await page.locator('link[rel="manifest"]').getAttribute("href")) ?? "";
    const answer = await page.request.get(address);
    expect(answer.headers()["content-type"]).toContain("application/manifest+json");
    const manifest = (await answer.json()) as Manifest;
    expect([manifest.lang, manifest.id, manifest.share_target.method]).toEqual([language, "/", "POST"]);
    expect(manifest.icons.map(({ purpose }) => purpose)).toContain("maskable");
    for (const { src, sizes } of manifest.icons) {
      const size = await page.evaluate(async (src) => {
        const image = Object.assign(new Image(), { src });
        await image.decode();
        return `${image.naturalWidth}x${image.naturalHeight}`;
      }, src);
      expect(size, src).toBe(sizes);
    }
    // What the browser itself has to say against installing it.
    const browser = await page.context().newCDPSession(page);
    const { errors } = (await browser.send("Page.getAppManifest")) as { errors: unknown[] };
    expect(errors).toEqual([]);
  });
}

test("a picture shared by somebody who is signed in stands in the form", async ({ page }) => {
  await signUp(page);
  await awake(page);
  await sharePicture(page, "/create");
  await expect(page).toHaveURL(/\/create\?file=/);
  const address = page.locator('input[name^="input."][value^="atelier:file:"]');
  await expect(address).toHaveCount(1);
  const id = ((await address.getAttribute("value")) ?? "").replace("atelier:file:", "");
  expect((await page.request.get(`/api/app/files/${id}`)).status()).toBe(200);
});

test("shared words become a prompt", async ({ page }) => {
  await signUp(page);
  const answer = await page.request.post("/share", {
    multipart: { title: "Tea", text: "霧の中の灯台 & more" },
    headers: { "sec-fetch-site": "none" },
    maxRedirects: 0,
  });
  expect(answer.status()).toBe(303);
  await page.goto(answer.headers()["location"] ?? "");
  await expect(page.getByTestId("prompt")).toHaveValue("霧の中の灯台 & more");
});

test("a picture shared before signing in waits for its person, and for nobody else", async ({ elsewhere, baseURL }) => {
  const person = await Person.of(baseURL ?? "");
  const context = await elsewhere();
  const page = await context.newPage();
  await sharePicture(page, "/sign-in");
  await expect(page).toHaveURL(/\/sign-in\?next=%2Fshare/);
  await page.locator("#email").fill(person.email);
  await page.locator("#password").fill("correct horse battery staple 42");
  await page.locator("form", { has: page.locator("#password") }).getByRole("button").last().click();
  await expect(page).toHaveURL(/\/create\?file=/);
  await expect(page.locator('input[name^="input."][value^="atelier:file:"]')).toHaveCount(1);

  // Somebody else who comes to the same address finds nothing.
  const stranger = await Person.of(baseURL ?? "");
  const answer = await stranger.api.get("/share", { maxRedirects: 0 });
  expect([answer.status(), answer.headers()["location"]]).toEqual([303, "/create"]);
});

test("what is no picture, or too large, is refused in words and nothing is kept", async ({ baseURL }) => {
  const person = await Person.of(baseURL ?? "");
  const share = (name: string, buffer: Buffer) =>
    person.api.post("/share", { multipart: { picture: { name, mimeType: "image/png", buffer } }, headers: { accept: "text/html" }, maxRedirects: 0 });
  for (const [bytes, status] of [[Buffer.from("this is no picture"), 415], [Buffer.alloc(26 * 1024 * 1024), 413]] as const) {
    const refused = await share("a.png", bytes);
    expect(refused.status()).toBe(status);
    expect(await refused.text()).toContain("<h1");
  }
});

test("the installed app says when there is no connection, and keeps nothing else", async ({ elsewhere, tolerate }) => {
  tolerate(/net::ERR_INTERNET_DISCONNECTED/);
  const context = await elsewhere();
  // As an app without an address bar sees itself.
  await context.addInitScript(() => {
    const real = window.matchMedia.bind(window);
    window.matchMedia = (query) => (query.includes("standalone") ? ({ ...real("all"), matches: true } as MediaQueryList) : real(query));
  });
  const page = await context.newPage();
  await signUp(page);
  await page.evaluate(async () => void (await navigator.serviceWorker.ready));
  await page.goto("/gallery", { waitUntil: "networkidle" });
  // Pages are its business, and fetched while it wakes; what is on them is not.
  const through = await page.evaluate(async () => ({
    isThere: navigator.serviceWorker.controller !== null,
    isPreloaded: (await (await navigator.serviceWorker.ready).navigationPreload.getState()).enabled,
    others: performance
      .getEntriesByType("resource")
      .map((one) => one as PerformanceResourceTiming & { workerMatchedSourceType: string })
      .filter((one) => one.workerStart > 0 && one.workerMatchedSourceType !== "network")
      .map((one) => one.name),
  }));
  expect(through).toEqual({ isThere: true, isPreloaded: true, others: [] });
  await context.setOffline(true);
  await page.goto("/credits");
  await expect(page.getByRole("heading", { name: "No connection" })).toBeVisible();
  const kept = await page.evaluate(async () => {
    const addresses: string[] = [];
    for (const name of await caches.keys()) for (const one of await (await caches.open(name)).keys()) addresses.push(new URL(one.url).pathname);
    return addresses;
  });
  expect(kept).toEqual(["/offline"]);
  await context.setOffline(false);
  await page.getByRole("link", { name: "Try again" }).click();
  await expect(page).toHaveURL(/\/create$/);

  // It goes with the session.
  await page.locator('form[action="/sign-out"] button').click();
  await expect(page).toHaveURL(/\/$/);
  await expect.poll(() => page.evaluate(async () => [(await navigator.serviceWorker.getRegistrations()).length, (await caches.keys()).length])).toEqual([0, 0]);
});

test("a browser's own tab gets no worker", async ({ page }) => {
  await signUp(page);
  await awake(page);
  expect(await page.evaluate(async () => (await navigator.serviceWorker.getRegistrations()).length)).toBe(0);
});
