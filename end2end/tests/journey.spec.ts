// From the first visit to the last line of the statement, with JavaScript and without.
import type { Page } from "@playwright/test";
import { available, awake, cards, expect, generate, idOf, press, prompt, signOut, signUp, test } from "./support.js";

const ORDER = ["submitting", "queued", "starting", "running", "saving", "succeeded"];

/** The last two cells of every line, newest first: the change and the balance after it. */
async function expectStatement(page: Page, lines: string[][]): Promise<void> {
  const rows = page.getByRole("table").locator("tbody tr");
  await expect(rows).toHaveCount(lines.length);
  for (const [at, [change, balance]] of lines.entries()) {
    await expect(rows.nth(at).getByRole("cell").nth(-2)).toHaveText(change ?? "");
    await expect(rows.nth(at).getByRole("cell").last()).toHaveText(balance ?? "");
  }
}

// As most people see it: everything moves that can.
test.use({ contextOptions: { reducedMotion: "no-preference" } });

test("a person signs up, makes a picture, finds it again, sees one credit taken, and leaves", async ({ page }) => {
  await signUp(page);
  await awake(page);
  await expect(available(page)).toHaveText("20");
  await expect(page.getByTestId("price")).toContainText("1");

  const card = await press(page, "a lighthouse in the fog, ink on paper");
  // The node of the press is the node of the picture: nothing jumps, nothing is drawn twice.
  const node = await card.elementHandle();
  const seen = await card.evaluateHandle((element) => {
    const states = [element.getAttribute("data-state") ?? ""];
    new MutationObserver(() => {
      const state = element.getAttribute("data-state") ?? "";
      if (states.at(-1) !== state) states.push(state);
    }).observe(element, { attributes: true, attributeFilter: ["data-state"] });
    return states;
  });
  await expect(card).toHaveAttribute("data-state", "succeeded", { timeout: 30_000 });
  const states = await seen.jsonValue();
  const ranks = states.map((state) => ORDER.indexOf(state));
  expect(states.length, `states seen: ${states.join(" → ")}`).toBeGreaterThan(1);
  expect(ranks, `states seen: ${states.join(" → ")}`).toEqual(ranks.filter((rank) => rank >= 0).sort((a, b) => a - b));

  const picture = card.locator("img").first();
  await expect(picture).toBeVisible();
  await expect.poll(() => picture.evaluate((image: HTMLImageElement) => image.complete && image.naturalWidth > 0)).toBe(true);
  expect(await card.evaluate((element, first) => element === first, node)).toBe(true);
  await expect(available(page)).toHaveText("19");

  const id = await idOf(card);
  await page.goto("/gallery");
  await page.locator(`a[href="/g/${id}"]`).first().click();
  await expect(page).toHaveURL(new RegExp(`/g/${id}$`));
  const viewer = page.getByRole("dialog");
  await expect(viewer.locator("img").first()).toBeVisible();
  await expect(viewer).toContainText("a lighthouse in the fog, ink on paper");

  await page.goto("/credits");
  await expectStatement(page, [["−1", "19"], ["+20", "20"]]);

  await signOut(page);
  await page.goto("/create");
  await expect(page).toHaveURL(/\/sign-in/);
});

test("without JavaScript the same journey works by forms, links and reloads", async ({ elsewhere }) => {
  const page = await (await elsewhere({ javaScriptEnabled: false })).newPage();
  await signUp(page);
  await expect(available(page)).toHaveText("20");
  await prompt(page).fill("a paper boat on a still lake");
  await generate(page).click();
  await expect(page).toHaveURL(/\/create/);

  const card = cards(page).filter({ hasText: "a paper boat on a still lake" }).first();
  const id = await idOf(card);
  await expect
    .poll(async () => (await page.goto("/gallery"), page.locator(`a[href="/g/${id}"]`).count()), { timeout: 30_000 })
    .toBeGreaterThan(0);
  await page.locator(`a[href="/g/${id}"]`).first().click();
  await expect(page).toHaveURL(new RegExp(`/g/${id}$`));
  await expect(page.getByRole("main").locator("img").first()).toBeVisible();

  await page.goto("/credits");
  await expectStatement(page, [["−1", "19"], ["+20", "20"]]);
  await signOut(page);
  await page.goto("/create");
  await expect(page).toHaveURL(/\/sign-in/);
});

test("a picture that fails says why and gives the credit back", async ({ page }) => {
  await signUp(page);
  await awake(page);
  const card = await press(page, "a broken vase #fail");
  await expect(card).toHaveAttribute("data-state", "failed", { timeout: 30_000 });
  await expect(card).toContainText("1 credit returned");
  await expect(available(page)).toHaveText("20");
  await page.reload();
  await expect(available(page)).toHaveText("20");
});

for (const javaScriptEnabled of [true, false]) {
  const how = javaScriptEnabled ? "with JavaScript" : "without JavaScript";

  test(`a double click makes one picture, ${how}`, async ({ elsewhere }) => {
    const page = await (await elsewhere({ javaScriptEnabled })).newPage();
    await signUp(page);
    if (javaScriptEnabled) await awake(page);
    await prompt(page).fill("two clicks, one fox");
    await generate(page).dblclick();
    await expect(cards(page).first()).toBeVisible();

    // A reload shows what the server knows, whatever the page drew.
    await expect
      .poll(async () => (await page.goto("/gallery"), page.locator('a[href^="/g/"] img').count()), { timeout: 30_000 })
      .toBe(1);
    await expect(available(page)).toHaveText("19");
  });

  test(`an empty prompt is refused at the field and costs nothing, ${how}`, async ({ elsewhere, tolerate }) => {
    tolerate(/status of 422/);
    const page = await (await elsewhere({ javaScriptEnabled })).newPage();
    await signUp(page);
    if (javaScriptEnabled) await awake(page);
    else {
      // A plain form is held back by the browser itself, which says why; only spaces get past it to the server.
      await generate(page).click();
      await expect(page.locator("#prompt:invalid:focus")).toHaveCount(1);
      await expect(page).toHaveURL(/\/create$/);
      await prompt(page).fill("   ");
    }
    await generate(page).click();
    await expect(prompt(page)).toHaveAttribute("aria-invalid", "true");
    const described = (await prompt(page).getAttribute("aria-describedby")) ?? "";
    const explanation = page.locator(described.split(" ").map((id) => `#${id}`).join(", "));
    await expect(explanation.filter({ hasText: /\S/ }).first()).toBeVisible();

    await page.goto("/create");
    await expect(available(page)).toHaveText("20");
    await expect(cards(page)).toHaveCount(0);
  });
}
