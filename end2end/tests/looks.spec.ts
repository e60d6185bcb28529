// Every page in both languages, both themes, on a telephone and on a desk: kept as pictures in screenshots/, never wider
// than the window, and without a finding of axe for WCAG 2.2 AA.
import type { Page } from "@playwright/test";
import { findings, LANGUAGES, THEMES, tooWide, WIDTHS } from "./eyes.js";
import { awake, expect, idOf, makePicture, prefer, press, signUp, test } from "./support.js";

const LONG = {
  en: "A lighthouse on a basalt cliff at dusk, long exposure sea, muted teal and rust, seen from a small boat that has lost its way and found it again",
  ja: "夕暮れの玄武岩の崖に立つ灯台。長時間露光の海、くすんだ青緑と錆色、35mmフィルム調。道に迷って、また見つけた小さな舟から見上げた構図で、手前に濡れた岩と白い泡",
};

for (const language of LANGUAGES) {
  for (const theme of THEMES) {
    for (const width of WIDTHS) {
      test(`pages in ${language}, ${theme}, ${width} pixels wide, fit and are accessible`, async ({ elsewhere }) => {
        test.setTimeout(120_000);
        const size = { viewport: { width, height: width < 800 ? 844 : 900 }, colorScheme: theme, reducedMotion: "reduce" } as const;

        const check = async (page: Page, path: string, name: string) => {
          await page.goto(path);
          await expect(page.locator("html")).toHaveAttribute("lang", language);
          await page.evaluate(() => document.fonts.ready);
          await page.screenshot({ path: `screenshots/${name}.${language}.${theme}.${width}.png`, fullPage: true, animations: "disabled" });
          expect.soft(await tooWide(page), `${path} is wider than the window by`).toBeLessThanOrEqual(0);
          expect.soft(await findings(page), `axe on ${path}`).toEqual([]);
        };

        const visitor = await (await elsewhere(size)).newPage();
        await visitor.goto("/");
        await prefer(visitor, { language, theme });
        await check(visitor, "/", "landing");
        await check(visitor, "/sign-in", "sign-in");
        await check(visitor, "/sign-up", "sign-up");

        const person = await (await elsewhere(size)).newPage();
        await signUp(person);
        await awake(person);
        await prefer(person, { language, theme });
        await check(person, "/gallery", "gallery-empty");
        await check(person, "/create", "create-empty");
        await awake(person);
        const japanese = language === "ja";
        const one = await makePicture(person, japanese ? "霧の中の灯台、水墨画" : "a lighthouse in the fog, ink on paper");
        await person.getByTestId("count").selectOption("4");
        await person.locator("input[name=aspect_ratio][value='3:2']").check();
        const four = await makePicture(person, japanese ? LONG.ja : LONG.en);
        await person.getByTestId("count").selectOption("1");
        const failed = await press(person, japanese ? "こわれた花瓶 #nsfw" : "a broken vase #nsfw");
        await expect(failed).toHaveAttribute("data-state", "failed", { timeout: 30_000 });
        const running = await press(person, japanese ? "長い考えごと #stall" : "a long thought #stall");
        await expect(running).toHaveAttribute("data-state", "running", { timeout: 30_000 });
        const [lost, thought] = [await idOf(failed), await idOf(running)];
        await check(person, "/create", "create");
        await check(person, "/gallery", "gallery");
        await check(person, `/g/${one}`, "viewer");
        await check(person, `/g/${four}?i=2`, "viewer-four");
        await check(person, `/g/${lost}`, "viewer-failed");
        await check(person, `/g/${thought}`, "viewer-running");
        await check(person, "/models", "models");
        await check(person, "/models?q=nothing+of+the+kind", "models-empty");
        await check(person, "/credits", "credits");
        await check(person, "/keys", "keys");
        await check(person, "/docs/api", "docs");
        await check(person, "/help", "help");
        await person.goto(`/g/${thought}`);
        await person.getByRole("button", { name: japanese ? "取り消す" : "Cancel" }).click();
        await expect(person.locator("[data-state=canceled]")).toBeVisible({ timeout: 30_000 });
      });
    }
  }
}
