// The statement: checked in the browser, saved, filtered, and read to its oldest line without a script.
import type { Page } from "@playwright/test";
import { findings, tooWide } from "./eyes.js";
import { awake, expect, grant, makePicture, prefer, press, signUp, test } from "./support.js";

const verify = (page: Page) => page.locator("[data-verify]");
const verdict = (page: Page) => page.locator("[data-verdict]");

for (const how of ["the browser's own SHA-256", "a page on plain http, which has none"]) {
  test(`the chain of a statement is recomputed with ${how}, and one changed digit names its entry`, async ({ page }) => {
    const email = await signUp(page);
    grant(email, 100);
    await page.reload();
    await awake(page);
    await makePicture(page, "a lighthouse in the fog");
    if (how.startsWith("a page")) await page.addInitScript(() => Object.defineProperty(crypto, "subtle", { value: undefined }));
    await page.goto("/credits");
    await verify(page).click();
    await expect(verdict(page)).toHaveText("3/3 ✓");

    await page.route("**/credits/statement.json", async (route) => {
      const answer = await route.fetch();
      const statement = (await answer.json()) as { entries: { amount: number }[] };
      const second = statement.entries[1];
      if (second) second.amount = 700;
      await route.fulfill({ response: answer, json: statement });
    });
    await verify(page).click();
    await expect(verdict(page)).toContainText("Entry 2 of 3 does not fit");
    await page.unroute("**/credits/statement.json");

    await page.route("**/credits/statement.json", async (route) => {
      const answer = await route.fetch();
      const statement = (await answer.json()) as { entries: unknown[] };
      statement.entries.pop();
      await route.fulfill({ response: answer, json: statement });
    });
    await verify(page).click();
    await expect(verdict(page)).toContainText("does not end where its head says");
  });
}

test("without JavaScript the statement is read to its oldest line, filtered and saved", async ({ elsewhere }) => {
  test.setTimeout(120_000);
  const page = await (await elsewhere({ javaScriptEnabled: false })).newPage();
  const email = await signUp(page);
  for (let at = 0; at < 54; at += 1) grant(email, 1);
  await page.goto("/credits");
  await expect(verify(page)).toBeHidden();
  const rows = page.getByRole("table").locator("tbody tr");
  await expect(rows).toHaveCount(50);
  await page.locator("a[rel=next]").click();
  await expect(rows).toHaveCount(5);
  await expect(page.locator("a[rel=next]")).toHaveCount(0);
  await expect(rows.last()).toContainText("Welcome credits");

  await page.goto("/credits");
  await page.getByRole("link", { name: "Returned", exact: true }).click();
  await expect(page).toHaveURL(/\/credits\?kind=returned$/);
  await expect(page.getByRole("heading", { name: "No such entries" })).toBeVisible();
  await page.getByRole("link", { name: "Added", exact: true }).click();
  await page.locator("a[rel=next]").click();
  await expect(page).toHaveURL(/kind=added&before=/);
  await expect(rows).toHaveCount(5);

  const saved = await page.request.get("/credits/statement.csv");
  expect(saved.headers()["content-disposition"]).toContain("attachment");
  const text = (await saved.body()).toString("utf8");
  expect(text.startsWith("\ufeff")).toBe(true);
  expect(text.trim().split("\r\n")).toHaveLength(56);
});

for (const language of ["en", "ja"]) {
  for (const [width, theme] of [[390, "dark"], [1440, "light"]] as const) {
    test(`the credits page in ${language}, ${width} pixels wide, fits and is accessible, with a verdict on it too`, async ({ elsewhere }) => {
      const page = await (await elsewhere({ viewport: { width, height: 900 }, colorScheme: theme })).newPage();
      const email = await signUp(page);
      await awake(page);
      await makePicture(page, "a lighthouse in the fog");
      const failed = await press(page, "a broken vase #fail");
      await expect(failed).toHaveAttribute("data-state", "failed", { timeout: 30_000 });
      grant(email, 100);
      await prefer(page, { language, theme });
      await page.goto("/credits");
      await verify(page).click();
      await expect(verdict(page)).toContainText("3/3 ✓");
      await page.screenshot({ path: `screenshots/credits-verified.${language}.${theme}.${width}.png`, fullPage: true, animations: "disabled" });
      expect(await tooWide(page)).toBeLessThanOrEqual(0);
      expect(await findings(page)).toEqual([]);
      await page.goto("/credits?kind=added");
      expect(await findings(page)).toEqual([]);
    });
  }
}
