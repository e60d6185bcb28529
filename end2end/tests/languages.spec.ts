// Two languages, each as its readers write it, and a way from one to the other that loses nothing.
import { Person } from "./houses.js";
import { awake, expect, makePicture, prefer, prompt, signUp, test } from "./support.js";

test("changing the language keeps the page, and what was being written", async ({ page }) => {
  await signUp(page);
  await awake(page);
  await page.goto("/models?q=flux");
  await page.getByRole("button", { name: "日本語" }).click();
  await expect(page).toHaveURL(/\/models\?q=flux$/);
  await expect(page.locator("html")).toHaveAttribute("lang", "ja");
  await page.goto("/create");
  await awake(page);
  await prompt(page).fill("a letter & a half, 半分の手紙");
  await page.getByRole("button", { name: "English" }).click();
  await expect(page.locator("html")).toHaveAttribute("lang", "en");
  await expect(page).toHaveURL(/\/create/);
  await expect(prompt(page)).toHaveValue("a letter & a half, 半分の手紙");
});

test("words of another language than the page's are marked as such", async ({ page }) => {
  await signUp(page);
  await awake(page);
  const japanese = await makePicture(page, "霧の中の灯台、水墨画");
  await page.goto(`/g/${japanese}`);
  await expect(page.locator('[lang="ja"]').filter({ hasText: "霧の中の灯台" }).first()).toBeVisible();
  await page.goto("/gallery");
  await expect(page.getByRole("button", { name: "日本語" })).toHaveAttribute("lang", "ja");
});

test("days and numbers are written as each language writes them", async ({ elsewhere, baseURL }) => {
  const person = await Person.of(baseURL ?? "");
  await person.make("a boat", { count: 2 });
  const page = await (await elsewhere({ storageState: person.state })).newPage();
  await page.goto("/credits");
  await expect(page.locator("main time").first()).toHaveText(/^\d{1,2} [A-Z][a-z]{2} 20\d\d, \d\d:\d\d$/);
  await page.goto("/gallery");
  await expect(page.getByRole("main")).toContainText("2 pictures");
  await prefer(page, { language: "ja" });
  await page.goto("/credits");
  await expect(page.locator("main time").first()).toHaveText(/^20\d\d年\d{1,2}月\d{1,2}日 \d\d:\d\d$/);
  await page.goto("/gallery");
  await expect(page.getByRole("main")).toContainText("2枚");
});

test("Japanese is set as Japanese", async ({ page }) => {
  await page.goto("/");
  await prefer(page, { language: "ja" });
  await page.goto("/");
  const style = (selector: string) =>
    page.locator(selector).first().evaluate((element) => {
      const { fontFamily, fontSize, letterSpacing, lineBreak, lineHeight, wordBreak } = getComputedStyle(element);
      return { fontFamily, spacing: parseFloat(letterSpacing) / parseFloat(fontSize), lineBreak, leading: parseFloat(lineHeight) / parseFloat(fontSize), wordBreak };
    });
  const body = await style(".proofs p");
  expect(body.lineBreak).toBe("strict");
  expect(body.leading).toBeCloseTo(1.7, 1);
  expect(body.spacing).toBeGreaterThan(0.01);
  expect(body.fontFamily).not.toContain("system-ui");
  expect(body.fontFamily).toContain("Noto Sans JP");
  expect((await style("h2")).wordBreak).toBe("auto-phrase");
});
