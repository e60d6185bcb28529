// What is told to people's programs: a real receiver that checks the signature, the page that shows how it went, and the
// forms on it, with a script and without one.
import { createHmac, timingSafeEqual } from "node:crypto";
import { createServer, type IncomingHttpHeaders } from "node:http";
import type { AddressInfo } from "node:net";
import type { Page } from "@playwright/test";
import { awake, expect, makePicture, prefer, signUp, test } from "./support.js";
import { findings } from "./eyes.js";

type Heard = { headers: IncomingHttpHeaders; body: string };

/** A program that listens; answers with whatever status it is told to. */
async function receiver(): Promise<{ url: string; heard: Heard[]; say: (status: number) => void; close: () => void }> {
  const heard: Heard[] = [];
  let status = 204;
  const server = createServer((asked, answer) => {
    let body = "";
    asked.on("data", (piece: Buffer) => (body += piece.toString("utf8")));
    asked.on("end", () => {
      heard.push({ headers: asked.headers, body });
      answer.writeHead(status).end();
    });
  });
  await new Promise<void>((listening) => server.listen(0, "127.0.0.1", listening));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/hook`;
  return { url, heard, say: (told) => (status = told), close: () => server.close() };
}

/** Whether one of the signatures of a message is made with this secret. */
function proves(secret: string, { headers, body }: Heard): boolean {
  const text = (name: string) => String(headers[name]);
  const key = Buffer.from(secret.replace(/^whsec_/, ""), "base64");
  const mac = createHmac("sha256", key).update(`${text("webhook-id")}.${text("webhook-timestamp")}.${body}`).digest();
  return text("webhook-signature")
    .split(" ")
    .map((signature) => Buffer.from(signature.replace(/^v1,/, ""), "base64"))
    .some((given) => given.length === mac.length && timingSafeEqual(given, mac));
}

const log = (page: Page) => page.locator("#log li");

async function secretOf(page: Page): Promise<string> {
  await page.goto("/webhooks");
  await page.locator("summary").first().click();
  return (await page.locator(".key-text code").innerText()).trim();
}

test("a test is signed, its answer is shown, and it can be sent again", async ({ page }) => {
  const program = await receiver();
  await signUp(page);
  await awake(page);
  const id = await makePicture(page, "a lighthouse that is told of");
  const secret = await secretOf(page);
  await page.getByLabel("Address").fill(program.url);
  await page.getByRole("button", { name: "Send a test" }).click();
  await expect(log(page)).toHaveCount(1);
  await expect(log(page)).toContainText("Delivered · 204");
  expect(program.heard).toHaveLength(1);
  const [first] = program.heard;
  expect(first && proves(secret, first)).toBe(true);
  expect(first && proves("whsec_c29tZWJvZHkgZWxzZSdzIHNlY3JldA==", first)).toBe(false);
  expect(JSON.parse(first?.body ?? "{}")).toMatchObject({ id, status: "succeeded" });

  program.say(503);
  await log(page).getByRole("button", { name: /Send again/ }).click();
  await expect(log(page)).toContainText("HTTP 503");
  expect(program.heard.map(({ headers }) => headers["webhook-id"])).toEqual([first?.headers["webhook-id"], first?.headers["webhook-id"]]);

  program.say(410);
  await log(page).getByRole("button", { name: /Send again/ }).click();
  await expect(page.getByRole("heading", { name: "Switched off" })).toBeVisible();
  await page.getByRole("button", { name: /Switch on/ }).click();
  await expect(page.getByRole("heading", { name: "Switched off" })).toHaveCount(0);
  program.close();
});

test("while the secret is replaced both sign, and it works without a script", async ({ elsewhere, tolerate }) => {
  // Until the first generation has ended there is nothing to tell.
  tolerate(/status of 422/);
  const program = await receiver();
  const page = await (await elsewhere({ javaScriptEnabled: false })).newPage();
  await signUp(page);
  await page.locator("textarea[name=prompt]").fill("a harbour without a script");
  await page.getByTestId("generate").click();
  const old = await secretOf(page);
  await page.locator("summary").nth(1).click();
  await page.getByRole("button", { name: "Replace the secret" }).click();
  await expect(page.locator(".notice").filter({ hasText: "signs as well until" })).toBeVisible();
  const fresh = await secretOf(page);
  expect(fresh).not.toBe(old);
  await expect(async () => {
    await page.goto("/webhooks");
    await page.locator("input[name=url]").fill(program.url);
    await page.getByRole("button", { name: "Send a test" }).click();
    await expect(log(page).first()).toContainText("Delivered", { timeout: 1_000 });
  }).toPass({ timeout: 30_000, intervals: [2_000] });
  const [heard] = program.heard;
  expect(heard && proves(old, heard) && proves(fresh, heard)).toBe(true);
  program.close();
});

test("an address that cannot be one is refused at its field, and nothing typed is lost", async ({ page, tolerate }) => {
  tolerate(/422/);
  await signUp(page);
  await page.goto("/webhooks");
  await page.getByLabel("Address").fill("ftp://example.com/hook");
  await page.getByRole("button", { name: "Send a test" }).click();
  await expect(page.getByRole("alert")).toContainText("https://");
  await expect(page.getByLabel("Address")).toHaveValue("ftp://example.com/hook");
});

for (const language of ["en", "ja"]) {
  for (const [theme, width] of [["light", 1440], ["dark", 390]] as const) {
    test(`the page in ${language}, ${theme}, ${width} pixels wide, fits and is accessible`, async ({ elsewhere }) => {
      const program = await receiver();
      const context = await elsewhere({ viewport: { width, height: 900 }, colorScheme: theme, reducedMotion: "reduce" });
      const page = await context.newPage();
      await signUp(page);
      await awake(page);
      await makePicture(page, "a pier");
      await prefer(page, { language, theme });
      for (const status of [204, 500, 410]) {
        program.say(status);
        await page.goto("/webhooks");
        await page.locator("input[name=url]").fill(`${program.url}?a-rather-long-query=that-has-to-break-somewhere&of=${status}`);
        await page.locator("form[action='/webhooks/test'] button").click();
        await expect(page.locator("#log li").first()).toContainText(String(status));
      }
      await page.locator("summary").first().click();
      await page.screenshot({ path: `screenshots/webhooks.${language}.${theme}.${width}.png`, fullPage: true, animations: "disabled" });
      const wider = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
      expect.soft(wider).toBeLessThanOrEqual(0);
      expect.soft(await findings(page)).toEqual([]);
      program.close();
    });
  }
}
