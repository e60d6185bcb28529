// How a page is looked at: kept as a picture in screenshots/, never wider than the window, and through axe.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import type { Page } from "@playwright/test";
import type { AxeResults, RunOptions } from "axe-core";
import { expect } from "./support.js";

const AXE = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
// Left to itself axe does not look at the size of targets; the tag wcag22aa makes it.
const OPTIONS: RunOptions = {
  runOnly: { type: "tag", values: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"] },
  resultTypes: ["violations"],
};

export const LANGUAGES = ["en", "ja"] as const;
export const THEMES = ["light", "dark"] as const;
export const WIDTHS = [390, 1440] as const;
export type Language = (typeof LANGUAGES)[number];

/** Everything axe has to say against a page. */
export async function findings(page: Page): Promise<string[]> {
  // Evaluated rather than added as a script, which the page's own security policy would rightly refuse.
  if (!(await page.evaluate(() => "axe" in window))) await page.evaluate(AXE);
  const results = await page.evaluate(
    (options) => (window as unknown as { axe: { run: (options: unknown) => Promise<AxeResults> } }).axe.run(options),
    OPTIONS,
  );
  return results.violations.flatMap(({ id, nodes }) => nodes.map((node) => `${id}: ${node.target.join(" ")} (${node.failureSummary ?? ""})`));
}

/** How many pixels the page is wider than its window. */
export const tooWide = (page: Page): Promise<number> => page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);

/** Words that have too little room: letters that stand one below the other, and buttons that break their label. */
const crushed = (page: Page): Promise<string[]> =>
  page.evaluate(() => {
    const found: string[] = [];
    const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    while (walker.nextNode()) {
      const [node, holder] = [walker.currentNode, walker.currentNode.parentElement!];
      const words = node.textContent!.trim();
      if (words.length < 3 || !holder.checkVisibility() || holder.getBoundingClientRect().width <= 1) continue;
      const range = document.createRange();
      range.selectNodeContents(node);
      const lines = [...range.getClientRects()].filter((line) => line.width > 1);
      const letter = parseFloat(getComputedStyle(holder).fontSize);
      const isStacked = lines.length > 2 && lines.every((line) => line.width < 2 * letter);
      const isBroken = holder.matches(".button") && new Set(lines.map((line) => Math.round(line.top))).size > 1;
      if (isStacked || isBroken) found.push(words);
    }
    return found;
  });

/** Two frames, all fonts and whatever was on its way: what was just changed has been drawn. */
export async function settled(page: Page): Promise<void> {
  await page.evaluate(async () => {
    await document.fonts.ready;
    await new Promise((drawn) => requestAnimationFrame(() => requestAnimationFrame(drawn)));
    const ending = document.getAnimations().filter((animation) => animation.effect?.getComputedTiming().endTime !== Infinity);
    await Promise.all(ending.map((animation) => animation.finished.catch(() => undefined)));
  });
}

/** Looks at a page as it stands, in one look. */
export async function look(page: Page, name: string): Promise<void> {
  // What sticks to an edge of the window would stand in the middle of a picture of the whole page.
  await page.evaluate(() => window.scrollTo(0, 0));
  await settled(page);
  await page.screenshot({ path: `screenshots/${name}.png`, fullPage: true, animations: "disabled" });
  expect.soft(await tooWide(page), `${name} is wider than the window by`).toBeLessThanOrEqual(0);
  expect.soft(await crushed(page), `what has too little room on ${name}`).toEqual([]);
  expect.soft(await findings(page), `axe on ${name}`).toEqual([]);
}

/** Looks at a page as it stands, in both themes, on a telephone and on a desk, and with the colours of somebody's own. */
export async function lookAround(page: Page, name: string, language: Language): Promise<void> {
  await expect(page.locator("html")).toHaveAttribute("lang", language);
  for (const width of WIDTHS) {
    await page.setViewportSize({ width, height: width < 800 ? 844 : 900 });
    for (const theme of THEMES) {
      await page.emulateMedia({ colorScheme: theme, reducedMotion: "reduce" });
      await look(page, `${name}.${language}.${theme}.${width}`);
    }
  }
  await page.emulateMedia({ colorScheme: "dark", forcedColors: "active", reducedMotion: "reduce" });
  await settled(page);
  expect.soft(await findings(page), `axe on ${name} in forced colours`).toEqual([]);
  await page.emulateMedia({ colorScheme: "light", forcedColors: "none", reducedMotion: "reduce" });
}
