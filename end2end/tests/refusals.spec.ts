// What cannot be done is said where it is asked for, costs nothing, and loses nothing that was typed.
import { execFileSync } from "node:child_process";
import { join } from "node:path";
import type { Page } from "@playwright/test";
import { available, awake, cards, expect, generate, onHold, press, prompt, signUp, test } from "./support.js";

const DEAR = "stability-ai/sdxl";

/** What an operator does to the catalogue while people have pages open. */
function setPrice(model: string, price: number): void {
  const script = "import sqlite3, sys; d = sqlite3.connect(sys.argv[1], 30); d.execute('update model set unit_price = ? where name = ?', (int(sys.argv[2]), sys.argv[3])); d.commit()";
  execFileSync("python3", ["-c", script, join(process.env.END2END_FOLDER ?? "", "data", "atelier.db"), String(price), model]);
}

/** The button's form, sent by hand. */
function send(page: Page, change: Record<string, string>, accept = "application/json") {
  const form = { request_key: crypto.randomUUID(), prompt: "a fox", model: "", aspect_ratio: "1:1", count: "1", seed: "", quoted_price: "1", ...change };
  return page.request.post("/generate", { form, headers: { accept, "sec-fetch-site": "same-origin" }, maxRedirects: 0 });
}

test("a price that rose while the page was open is not charged: what stood on the button is", async ({ page }) => {
  await signUp(page);
  await awake(page);
  await page.locator("select[name=model]").selectOption(DEAR);
  await expect(page.getByTestId("price")).toHaveText("2");
  setPrice(DEAR, 3);
  try {
    await prompt(page).fill("a heron at the price of a heron");
    await generate(page).click();
    await expect(cards(page)).toHaveCount(1);
    await expect(cards(page).first()).toHaveAttribute("data-state", "succeeded", { timeout: 30_000 });
    await expect(available(page)).toHaveText("18");

    await page.goto("/create");
    await awake(page);
    await page.locator("select[name=model]").selectOption(DEAR);
    await expect(page.getByTestId("price")).toHaveText("3");
  } finally {
    setPrice(DEAR, 2);
  }
});

for (const { what, change, field, says } of [
  { what: "99 pictures", change: { count: "99" }, field: "count", says: "Use a whole number from 1 to 4." },
  { what: "a model nobody offers", change: { model: "nobody/nothing" }, field: "model", says: "This model is not offered any more. Choose another." },
]) {
  test(`a form that asks for ${what} is refused at the field`, async ({ page }) => {
    await signUp(page);
    const answer = await send(page, change);
    expect(answer.status()).toBe(422);
    expect((await answer.json()).problems).toEqual([expect.objectContaining({ field })]);

    const shown = await send(page, change, "text/html");
    expect(shown.status()).toBe(422);
    expect(await shown.text()).toContain(says);
    await page.goto("/create");
    await expect(available(page)).toHaveText("20");
    await expect(cards(page)).toHaveCount(0);
  });
}

test("a running generation can be stopped, and gives back what it said it would", async ({ page }) => {
  await signUp(page);
  await awake(page);
  const card = await press(page, "a long thought #stall");
  await expect(card).toHaveAttribute("data-state", "running", { timeout: 20_000 });
  await expect(card).toContainText("cancelling returns 1, unless it finishes first");
  await expect(onHold(page)).toHaveText("1");
  await card.getByRole("button", { name: "Cancel" }).click();
  await expect(card).toHaveAttribute("data-state", "canceled", { timeout: 20_000 });
  await expect(card).toContainText("1 credit returned");
  await expect(available(page)).toHaveText("20");
  await expect(onHold(page)).toHaveText("0");
});

test("a queued generation can be stopped at once, and all others when that is asked for", async ({ page }) => {
  await signUp(page);
  // Ten at work are as many as one person may have; the next one waits.
  for (let running = 0; running < 10; running += 1) {
    expect((await send(page, { prompt: `keeping a place ${running} #stall` })).status()).toBe(201);
  }
  await page.goto("/create");
  await awake(page);
  const working = page.locator('[data-gen-id]:is([data-state="starting"], [data-state="running"])');
  await expect(working).toHaveCount(10, { timeout: 30_000 });
  const card = await press(page, "the one that waits");
  await expect(card).toHaveAttribute("data-state", "queued");
  await expect(available(page)).toHaveText("9");
  await expect(card).toContainText("Queued · after your 10 that are running");
  // Nobody is at it yet, so that it cannot be finished first.
  await expect(card.locator(".card-hint")).toHaveText("cancelling returns 1");
  await card.getByRole("button", { name: "Cancel" }).click();
  await expect(card).toHaveAttribute("data-state", "canceled");
  await expect(available(page)).toHaveText("10");
  // Of what runs nothing can be cancelled by the way; all of it only when that is asked for.
  await expect(page.locator(".now-all")).toBeHidden();
  await page.request.post("/generations/cancel", { form: {}, headers: { "sec-fetch-site": "same-origin" } });
  await expect(working).toHaveCount(0, { timeout: 30_000 });
  await expect(available(page)).toHaveText("20", { timeout: 30_000 });
});

test("of two pictures of which one came, one is paid", async ({ page }) => {
  await signUp(page);
  await awake(page);
  await page.getByTestId("count").selectOption("2");
  await expect(page.getByTestId("price")).toHaveText("2");
  const card = await press(page, "twins, one shy #partial");
  await expect(card).toHaveAttribute("data-state", "partial", { timeout: 30_000 });
  await expect(card.locator("img")).toHaveCount(1);
  await expect(available(page)).toHaveText("19");
  await page.goto("/credits");
  await expect(page.getByRole("table").locator("tbody tr").first()).toContainText("1 returned");
});
