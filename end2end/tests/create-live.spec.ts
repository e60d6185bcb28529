// The create page while somebody looks away: in other tabs, in the background, and after the session has ended.
import { available, awake, cards, expect, generate, press, prompt, signUp, test } from "./support.js";

test("G16 eight tabs share one stream, agree, and go on when the one that leads is closed", async ({ page, context }) => {
  test.setTimeout(180_000);
  await signUp(page);
  await awake(page);
  let streams = 0;
  context.on("request", (request) => (streams += Number(request.method() === "GET" && request.url().includes("/events?"))));
  const tabs = [page];
  for (let more = 0; more < 7; more += 1) {
    const tab = await context.newPage();
    await tab.goto("/create");
    // A tab that nobody looks at wakes when the browser has nothing else to do.
    await tab.bringToFront();
    await awake(tab);
    tabs.push(tab);
  }
  const last = tabs.at(-1) ?? page;
  const card = await press(last, "eight windows #stall");
  for (const tab of tabs) {
    await expect(cards(tab).filter({ hasText: "eight windows" })).toHaveAttribute("data-state", "running", { timeout: 30_000 });
    await expect(available(tab)).toHaveText("19");
  }
  expect(streams, "streams opened by seven more tabs").toBeLessThanOrEqual(7);
  await page.close();
  await card.getByRole("button", { name: "Cancel" }).click();
  for (const tab of tabs.slice(1)) {
    await expect(cards(tab).filter({ hasText: "eight windows" })).toHaveAttribute("data-state", "canceled", { timeout: 20_000 });
  }
});

test("G18 the title counts, ticks what ended unseen, and nobody is asked about notifications on loading", async ({ page, elsewhere }) => {
  const watched = await (await elsewhere()).newPage();
  await watched.addInitScript(() => {
    Notification.requestPermission = () => {
      throw new Error("nobody asked for this");
    };
  });
  await signUp(watched);
  await awake(watched);
  await expect(watched.locator("[data-notify]")).toHaveCount(1);

  await signUp(page);
  await awake(page);
  const card = await press(page, "while you were out");
  await expect(page).toHaveTitle(/^\(1\) /);
  await page.evaluate(() => {
    Object.defineProperty(document, "hidden", { value: true, configurable: true });
    document.dispatchEvent(new Event("visibilitychange"));
  });
  await expect(card).toHaveAttribute("data-state", "succeeded", { timeout: 30_000 });
  await expect(page).toHaveTitle(/^✓ /);
  await page.evaluate(() => {
    Object.defineProperty(document, "hidden", { value: false, configurable: true });
    document.dispatchEvent(new Event("visibilitychange"));
  });
  await expect(page).not.toHaveTitle(/✓/);
});

test("G19 a session that ends while somebody writes is opened again in place, and the press is sent once", async ({ page, context, tolerate }) => {
  tolerate(/status of (401|422)/);
  const email = await signUp(page);
  await awake(page);
  await page.locator("input[name=aspect_ratio][value='3:2']").check();
  await context.clearCookies();
  await prompt(page).fill("a letter that was not lost");
  await generate(page).click();
  const dialog = page.locator("#session");
  await expect(dialog).toBeVisible();
  await expect(cards(page)).toHaveCount(0);
  await dialog.locator("input[name=email]").fill(email);
  await dialog.locator("input[name=password]").fill("not this one at all");
  await dialog.getByRole("button", { name: "Sign in" }).click();
  await expect(dialog.getByRole("alert")).toContainText("do not belong together");
  await dialog.locator("input[name=password]").fill("correct horse battery staple 42");
  await dialog.getByRole("button", { name: "Sign in" }).click();
  await expect(dialog).toBeHidden();
  await expect(cards(page)).toHaveCount(1);
  await expect(page.locator("input[name=aspect_ratio]:checked")).toHaveValue("3:2");
  // And the page is live again, without a reload.
  await expect(cards(page).first()).toHaveAttribute("data-state", "succeeded", { timeout: 30_000 });
  await expect(available(page)).toHaveText("19");
});
