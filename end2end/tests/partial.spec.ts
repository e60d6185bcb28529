// Not everything came: what did is kept, the rest of the credits is back, and card and viewer say how much of each.
import { available, awake, cards, expect, generate, idOf, onHold, prefer, prompt, signUp, test } from "./support.js";

for (const [language, words] of [["en", "3 of 4 kept; 1 credit returned"], ["ja", "4枚中3枚を保存、1クレジット返却済み"]] as const) {
  for (const trouble of ["#partial", "#onebad"]) {
    test(`of four pictures with one missing (${trouble}) the page says what was kept and what came back, in ${language}`, async ({ page }) => {
      test.setTimeout(120_000);
      await signUp(page);
      await prefer(page, { language });
      await page.goto("/create");
      await awake(page);
      await page.getByTestId("count").selectOption("4");
      await prompt(page).fill(`four boats ${trouble}`);
      await generate(page).click();

      const card = cards(page).first();
      // A file that is cut off is asked for several times before it is given up.
      await expect(card).toHaveAttribute("data-state", "partial", { timeout: 90_000 });
      await expect(card.locator("img")).toHaveCount(3);
      await expect(card.getByText(words)).toBeInViewport();
      await expect(available(page)).toHaveText("17");
      await expect(onHold(page)).toHaveText("0");

      await page.goto(`/g/${await idOf(card)}`);
      await expect(page.getByText(words)).toBeVisible();
      await expect(page.locator(".strip img")).toHaveCount(3);
    });
  }
}
