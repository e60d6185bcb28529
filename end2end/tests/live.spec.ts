// The page follows: in every tab, and over a lost connection.
import type { Page } from "@playwright/test";
import { available, awake, cable, cards, expect, idOf, onHold, press, signUp, test } from "./support.js";

// As most people see it: everything moves that can.
test.use({ contextOptions: { reducedMotion: "no-preference" } });

/** The moment, in ms since 1970, at which the page first shows a finished card with its picture. */
function momentOfPicture(page: Page): Promise<number> {
  return page.evaluate(
    () =>
      new Promise<number>((resolve) => {
        // Frames are not drawn in a tab behind another; changes of the document are reported all the same.
        const look = () => {
          if (!document.querySelector('[data-gen-id][data-state="succeeded"] img')) return;
          observer.disconnect();
          resolve(performance.timeOrigin + performance.now());
        };
        const observer = new MutationObserver(look);
        observer.observe(document, { subtree: true, childList: true, attributes: true, attributeFilter: ["data-state"] });
        look();
      }),
  );
}

test("two tabs show the picture together, and the same balance, without a reload", async ({ page, context }) => {
  await signUp(page);
  await awake(page);
  const other = await context.newPage();
  await other.goto("/create");
  // A tab that nobody looks at wakes when the browser has nothing else to do.
  await other.bringToFront();
  await awake(other);

  const moments = Promise.all([momentOfPicture(page), momentOfPicture(other)]);
  await press(page, "two windows on one sea");
  const [first, second] = await moments;
  const apart = Math.abs(first - second);
  test.info().annotations.push({ type: "measured", description: `tabs ${apart.toFixed(0)} ms apart ` });
  expect(apart).toBeLessThan(300);

  await expect(available(page)).toHaveText("19");
  await expect(available(other)).toHaveText("19");
  await expect(onHold(page)).toHaveText((await onHold(other).textContent()) ?? "");
});

test("G17 a connection that is cut for ten seconds misses nothing", async ({ elsewhere, tolerate, playwright, baseURL }) => {
  tolerate(/net::ERR_/);
  const wire = await cable();
  const context = await elsewhere({ proxy: { server: wire.address } });
  const page = await context.newPage();
  await signUp(page);
  await awake(page);
  const card = await press(page, "a bridge that holds #slow");
  await expect(card).not.toHaveAttribute("data-state", "submitting");
  const id = await idOf(card);
  await page.evaluate(() => Object.assign(window, { neverReloaded: true }));

  const cutAt = Date.now();
  wire.pull();
  // Seen from outside, the picture is finished while this browser cannot know.
  const outside = await playwright.request.newContext({ ...(baseURL ? { baseURL } : {}), storageState: await context.storageState() });
  await expect
    .poll(async () => (await (await outside.get("/gallery")).text()).includes(`/g/${id}`), { timeout: 40_000 })
    .toBe(true);
  await outside.dispose();
  await expect.poll(() => Date.now() - cutAt, { timeout: 11_000 }).toBeGreaterThan(10_000);
  await expect(card).not.toHaveAttribute("data-state", "succeeded");
  await expect(page.locator(".reconnecting")).toBeVisible();

  wire.plugIn();
  const mendedAt = Date.now();
  await expect(card).toHaveAttribute("data-state", "succeeded", { timeout: 20_000 });
  test.info().annotations.push({ type: "measured", description: `caught up ${Date.now() - mendedAt} ms after the connection was back` });
  await expect(card.locator("img").first()).toBeVisible();
  await expect(page.locator(".reconnecting")).toBeHidden();
  await expect(available(page)).toHaveText("19");
  await expect(cards(page)).toHaveCount(1);
  expect(await page.evaluate(() => "neverReloaded" in window)).toBe(true);
  wire.close();
});

test("G17 behind a proxy that gathers the stream the page still follows, by asking", async ({ elsewhere }) => {
  const wire = await cable({ gathers: true });
  const page = await (await elsewhere({ proxy: { server: wire.address } })).newPage();
  await signUp(page);
  await awake(page);
  const card = await press(page, "a letter through a narrow slot");
  await page.evaluate(() => Object.assign(window, { neverReloaded: true }));
  await expect(card).toHaveAttribute("data-state", "succeeded", { timeout: 20_000 });
  await expect(card.locator("img").first()).toBeVisible();
  await expect(available(page)).toHaveText("19");
  await expect(page.locator(".reconnecting")).toBeHidden();
  expect(await page.evaluate(() => "neverReloaded" in window)).toBe(true);
  await page.context().close();
  wire.close();
});
