// The create page where it touches money: what is shown before, held, returned, and never taken twice.
import type { Page } from "@playwright/test";
import { available, awake, cards, choose, expect, generate, grant, idOf, onHold, press, prompt, ready, test } from "./support.js";

/** The button's form, sent by hand. */
function send(page: Page, change: Record<string, string>) {
  const form = { request_key: crypto.randomUUID(), prompt: "a fox", model: "", aspect_ratio: "1:1", count: "1", seed: "", quoted_price: "", ...change };
  return page.request.post("/generate", { form, headers: { accept: "application/json", "sec-fetch-site": "same-origin" }, maxRedirects: 0 });
}

/** As many at work as one person may have, so that what comes next waits. */
async function fill(page: Page): Promise<void> {
  for (let running = 0; running < 10; running += 1) expect((await send(page, { prompt: `keeping place ${running} #stall` })).status()).toBe(201);
}

test("G9 the price is in the button and its name, and where it is too much the button says what is missing", async ({ page }) => {
  await ready(page);
  await expect(page.getByRole("button", { name: "Generate 1 credit" })).toBeVisible();
  await page.getByTestId("count").selectOption("4");
  await expect(page.getByTestId("price")).toHaveText("4");
  await expect(page.getByRole("button", { name: "Generate 4 credits" })).toBeVisible();
  await expect(page.locator(".leaves")).toHaveText("leaves 16");
  await page.locator("select[name=model]").selectOption("minimax/video-01");
  const short = page.getByTestId("get-credits");
  await expect(short).toHaveText("150 more credits needed");
  await expect(generate(page)).toBeHidden();
  await prompt(page).fill("more than there is");
  await prompt(page).press("Enter");
  await expect(cards(page)).toHaveCount(0);
  await expect(short).toBeFocused();
  await short.click();
  await expect(page).toHaveURL(/\/credits/);
});

test("G10 earlier prompts come back by arrow and by search, none twice, and a draft outlives its tab", async ({ page, context }) => {
  await ready(page);
  for (const words of ["a heron", "a fox in snow", "a heron"]) {
    const card = await press(page, words);
    await expect(card).not.toHaveAttribute("data-state", "submitting");
  }
  await prompt(page).fill("");
  await prompt(page).press("ArrowUp");
  await expect(prompt(page)).toHaveValue("a heron");
  await prompt(page).press("ArrowUp");
  await expect(prompt(page)).toHaveValue("a fox in snow");
  await prompt(page).press("ArrowDown");
  await prompt(page).press("ArrowDown");
  await expect(prompt(page)).toHaveValue("");

  await prompt(page).press("ControlOrMeta+ArrowUp");
  await expect(page.locator(".history-list button")).toHaveText(["a heron", "a fox in snow"]);
  await page.locator(".over-find").first().fill("SNOW");
  await expect(page.locator(".history-list button")).toHaveText(["a fox in snow"]);
  await page.locator(".history-list button").click();
  await expect(prompt(page)).toHaveValue("a fox in snow");

  await prompt(page).fill("half a thought");
  await choose(page, "black-forest-labs/flux-dev");
  await page.locator("details.advanced summary").click();
  await page.locator("[name='input.num_inference_steps']").fill("31");
  await page.close();
  const again = await context.newPage();
  await again.goto("/create");
  await expect(prompt(again)).toHaveValue("half a thought");
  await expect(again.locator("select[name=model]")).toHaveValue("black-forest-labs/flux-dev");
  await expect(again.locator("[name='input.num_inference_steps']")).toHaveValue("31");
});

test("G11 a card counts, says how long it usually takes, and shows no percentage that nobody reported", async ({ page }) => {
  await ready(page);
  for (let made = 0; made < 5; made += 1) expect((await send(page, { prompt: `a beginning ${made}` })).status()).toBe(201);
  await expect.poll(async () => (await page.goto("/gallery"), page.locator('a[href^="/g/"] img').count()), { timeout: 45_000 }).toBe(5);
  await page.goto("/create");
  await awake(page);
  const card = await press(page, "a long look #stall");
  await expect(card).toHaveAttribute("data-state", "running", { timeout: 30_000 });
  await expect(card.locator(".card-time")).toHaveText(/\d+\.\d s/);
  await expect(card.locator(".card-usual")).toHaveText(/usually \d/);
  await card.getByRole("button", { name: "Cancel" }).click();
  await expect(card).toHaveAttribute("data-state", "canceled", { timeout: 20_000 });
});

test("G12 cancelling says before what it returns, does it from another tab after a reload, and touches nothing else", async ({ page, context }) => {
  await ready(page);
  const one = await press(page, "the first #stall");
  await expect(one).toHaveAttribute("data-state", "running", { timeout: 30_000 });
  const two = await press(page, "the second #stall");
  await expect(two).toHaveAttribute("data-state", "running", { timeout: 30_000 });
  const other = await context.newPage();
  await other.goto("/create");
  await other.reload();
  const there = cards(other).filter({ hasText: "the second" });
  await expect(there).toContainText("cancelling returns 1");
  await there.getByRole("button", { name: "Cancel" }).click();
  await expect(two).toHaveAttribute("data-state", "canceled", { timeout: 20_000 });
  await expect(two).toContainText("1 credit returned");
  await expect(one).toHaveAttribute("data-state", "running");
  await expect(available(page)).toHaveText("19");
  await expect(onHold(page)).toHaveText("1");
});

test("G13 what waits is cancelled together: asked first, undone within six seconds, and what runs goes on", async ({ page }) => {
  test.setTimeout(120_000);
  const email = await ready(page);
  grant(email, 40);
  await fill(page);
  await page.goto("/create");
  await awake(page);
  const working = page.locator('[data-gen-id]:is([data-state="starting"], [data-state="running"])');
  await expect(working).toHaveCount(10, { timeout: 30_000 });
  for (let waiting = 0; waiting < 20; waiting += 1) expect((await send(page, { prompt: `waiting ${waiting}` })).status()).toBe(201);
  const queued = page.locator('.cards [data-state="queued"]');
  await expect(queued).toHaveCount(20, { timeout: 20_000 });
  await expect(available(page)).toHaveText("30");

  await page.getByRole("button", { name: "Cancel 20 that wait" }).click();
  const bar = page.locator("#undo");
  await expect(bar).toContainText("Cancel 20 that wait? 20 returned.");
  await bar.getByRole("button", { name: "Cancel them" }).click();
  await bar.getByRole("button", { name: "Undo" }).click();
  await expect(bar).toBeHidden();
  await expect(queued).toHaveCount(20);

  await page.getByRole("button", { name: "Cancel 20 that wait" }).click();
  await bar.getByRole("button", { name: "Cancel them" }).click();
  await expect(queued).toHaveCount(0, { timeout: 20_000 });
  await expect(working).toHaveCount(10);
  await expect(available(page)).toHaveText("50");
});

for (const [word, says] of [["#fail", "could not finish"], ["#nsfw", "safety filter"]] as const) {
  test(`G14 a failure (${word}) is plain, gives everything back, and is tried again once at its price`, async ({ page }) => {
    await ready(page);
    const card = await press(page, `a broken vase ${word}`);
    await expect(card).toHaveAttribute("data-state", "failed", { timeout: 45_000 });
    await expect(card).toContainText(says);
    await expect(card).toContainText("1 credit returned");
    await expect(available(page)).toHaveText("20");
    expect(await page.content()).not.toMatch(/CUDA|NSFW content/);
    const id = await idOf(card);

    let asked = 0;
    page.on("request", (request) => (asked += Number(request.url().endsWith("/retry"))));
    await card.getByRole("button", { name: "Retry (1)" }).dblclick();
    await expect(cards(page)).toHaveCount(2);
    expect(asked).toBe(1);
    expect(await idOf(cards(page).first())).not.toBe(id);
    await expect(cards(page).first()).toContainText("a broken vase");
    await card.getByRole("link", { name: "Edit & retry" }).click();
    await expect(prompt(page)).toHaveValue(`a broken vase ${word}`);
  });
}

test("G15 a press that got lost is a card that can be sent, and is paid once however often it is", async ({ page, tolerate }) => {
  tolerate(/net::ERR_/);
  await ready(page);
  await page.route("**/generate", (route) => route.abort());
  const card = await press(page, "lost on the way");
  await expect(card).toHaveAttribute("data-state", "unsent");
  await page.unroute("**/generate");
  await card.getByRole("button", { name: "Send" }).click();
  await expect(card).toHaveAttribute("data-state", "succeeded", { timeout: 30_000 });
  await expect(available(page)).toHaveText("19");

  const key = crypto.randomUUID();
  const ids = new Set<string>();
  for (let time = 0; time < 5; time += 1) {
    const answer = await send(page, { request_key: key, prompt: "the same five times" });
    expect(answer.status()).toBe(time === 0 ? 201 : 200);
    ids.add((await answer.json()).id);
  }
  expect(ids.size).toBe(1);
  await expect(available(page)).toHaveText("18");
});

test("G15 a double click and a key held down are one press", async ({ page }) => {
  await ready(page);
  let asked = 0;
  page.on("request", (request) => (asked += Number(request.method() === "POST" && request.url().endsWith("/generate"))));
  await prompt(page).fill("once");
  await generate(page).dblclick();
  await prompt(page).fill("held");
  await page.keyboard.down("Enter");
  await page.keyboard.down("Enter");
  await page.keyboard.up("Enter");
  await expect(cards(page)).toHaveCount(2);
  expect(asked).toBe(2);
});

test("choices that cost more than there is are refused all together", async ({ page }) => {
  await ready(page);
  const answer = await send(page, { prompt: "{a|b|c|d|e|f} in {1|2|3|4}" });
  expect(answer.status()).toBe(422);
  const dear = await send(page, { prompt: "{a|b|c|d|e|f|g|h|i|j} {1|2}", count: "2" });
  expect(dear.status()).toBe(402);
  expect(await dear.json()).toMatchObject({ available: 20, price: 40 });
  const cheap = await send(page, { prompt: "{a|b}", quoted_price: "1" });
  expect(cheap.status()).toBe(409);
  await page.goto("/create");
  await expect(cards(page)).toHaveCount(0);
  await expect(available(page)).toHaveText("20");
});
