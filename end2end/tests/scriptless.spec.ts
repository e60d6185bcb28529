// Without JavaScript everything is still there: a whole visit by forms, links and reloads alone.
import { copies } from "./houses.js";
import { available, cards, expect, generate, idOf, onHold, prompt, signOut, signUp, test } from "./support.js";

test("without JavaScript a whole visit works, to the oldest picture and out of the door", async ({ elsewhere, tolerate }) => {
  test.setTimeout(120_000);
  // Copies of a generation have no pictures of their own.
  tolerate(/\/files\/.*status of 404/);
  const page = await (await elsewhere({ javaScriptEnabled: false })).newPage();
  await signUp(page);

  // Ask, follow, stop.
  await prompt(page).fill("a long thought #stall");
  await generate(page).click();
  await expect(page).toHaveURL(/\/create/);
  const thought = await idOf(cards(page).filter({ hasText: "a long thought" }).first());
  await expect
    .poll(async () => (await page.goto(`/g/${thought}`), page.locator("[data-state]").first().getAttribute("data-state")), { timeout: 30_000 })
    .toBe("running");
  await expect(onHold(page)).toHaveText("1");
  await page.locator(`form[action="/g/${thought}/cancel"] button`).first().click();
  await expect
    .poll(async () => (await page.goto(`/g/${thought}`), page.locator("[data-state]").first().getAttribute("data-state")), { timeout: 30_000 })
    .toBe("canceled");
  await expect(available(page)).toHaveText("20");

  // Ask, and have.
  await page.goto("/create");
  await prompt(page).fill("a paper boat on a still lake");
  await generate(page).click();
  const boat = await idOf(cards(page).filter({ hasText: "a paper boat" }).first());
  const link = page.locator(`a[href="/g/${boat}"]`).first();
  await expect.poll(async () => (await page.goto("/gallery"), link.count()), { timeout: 30_000 }).toBeGreaterThan(0);
  await link.click();
  await expect(page.getByRole("main").locator("img").first()).toBeVisible();
  await expect(page.getByRole("main")).toContainText("a paper boat on a still lake");

  // Back through the gallery, page by page, to the oldest.
  copies(process.env.END2END_FOLDER ?? "", boat, 130, ["number"]);
  await page.goto("/gallery");
  const seen = new Set<string>();
  for (let pages = 0; pages < 10; pages += 1) {
    for (const href of await page.locator('main a[href^="/g/"]').evaluateAll((links) => links.map((link) => link.getAttribute("href") ?? ""))) {
      seen.add(href.replace(/[?#].*/, ""));
    }
    const older = page.locator('main a[rel="next"]');
    if ((await older.count()) === 0) break;
    await older.first().click();
  }
  expect(seen.size, "pictures from the newest to the oldest").toBe(131);

  await page.goto("/credits");
  await expect(page.getByRole("table").locator("tbody tr").first().getByRole("cell").last()).toHaveText("19");
  await signOut(page);
  await page.goto("/gallery");
  await expect(page).toHaveURL(/\/sign-in/);
});
