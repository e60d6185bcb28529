// What the tests share: a browser that tolerates no complaint on its console, and the steps people take.
import { execFileSync } from "node:child_process";
import { createServer, request } from "node:http";
import { join } from "node:path";
import type { AddressInfo, Socket } from "node:net";
import { test as base, expect, type BrowserContext, type BrowserContextOptions, type Locator, type Page } from "@playwright/test";

export { expect };

/** Contexts whose every console error, console warning and uncaught exception fails the test. */
export type Quiet = {
  /** Another browser with nothing in common with the first: another person, or the same without JavaScript. */
  elsewhere: (options?: BrowserContextOptions) => Promise<BrowserContext>;
  /** Complaints that are the subject of this test, such as the refused request that the browser reports by itself. */
  tolerate: (complaint: RegExp) => void;
};

type Complaints = { heard: string[]; tolerated: RegExp[] };

function listen(context: BrowserContext, { heard }: Complaints): void {
  context.on("console", (message) => {
    if (message.type() === "error" || message.type() === "warning") {
      heard.push(`${message.type()} at ${message.location().url}: ${message.text()}`);
    }
  });
  context.on("weberror", (error) => heard.push(`uncaught: ${error.error().name}: ${error.error().message} ${error.error().stack ?? ""}`));
}

export const test = base.extend<Quiet & { complaints: Complaints }>({
  // Playwright reads a fixture's dependencies from this pattern, even when there are none.
  complaints: async ({}, use) => {
    const complaints: Complaints = { heard: [], tolerated: [] };
    await use(complaints);
    const unexpected = complaints.heard.filter((line) => !complaints.tolerated.some((pattern) => pattern.test(line)));
    expect(unexpected, "what the browser complained about").toEqual([]);
  },
  tolerate: async ({ complaints }, use) => {
    await use((complaint) => complaints.tolerated.push(complaint));
  },
  context: async ({ context, complaints }, use) => {
    listen(context, complaints);
    await use(context);
  },
  elsewhere: async ({ browser, complaints }, use) => {
    const opened: BrowserContext[] = [];
    await use(async (options = {}) => {
      const context = await browser.newContext(options);
      opened.push(context);
      // The page cannot know that nothing will ever use what it asks to be loaded early.
      if (options.javaScriptEnabled === false) complaints.tolerated.push(/atelier\.wasm was preloaded using link preload but not used/);
      listen(context, complaints);
      return context;
    });
    for (const context of opened) await context.close();
  },
});

let people = 0;

/** Makes an account, which is given 20 credits, and arrives on the page where pictures are made. */
export async function signUp(page: Page): Promise<string> {
  people += 1;
  const email = `person-${process.pid}-${Date.now()}-${people}@example.com`;
  await page.goto("/sign-up");
  const form = page.locator("form", { has: page.locator("input[name=password]") });
  await form.locator("input[name=email]").fill(email);
  await form.locator("input[name=password]").fill("correct horse battery staple 42");
  await form.getByRole("button").last().click();
  await expect(page).toHaveURL(/\/create$/);
  return email;
}

/** Makes an account, and waits until its page is awake; who it is. */
export async function ready(page: Page): Promise<string> {
  const email = await signUp(page);
  await awake(page);
  return email;
}

/** Says something to the house's own program, as an operator does; what it answers. */
function operate(...words: string[]): string {
  const { END2END_BINARY: binary = "", END2END_FOLDER: folder = "" } = process.env;
  const env = { PATH: process.env.PATH ?? "", DATA_DIR: join(folder, "data") };
  return execFileSync(binary, words, { cwd: folder, env }).toString().trim();
}

/** Gives credits. */
export const grant = (email: string, credits: number): string => operate("user", "grant", email, String(credits), "--reason", "for a test");

/** Makes a key for this person's programs. */
export const keyOf = (email: string): string => operate("user", "key", email, "--name", "for a test");

export async function signOut(page: Page): Promise<void> {
  const button = page.locator('form[action="/sign-out"] button');
  if (!(await button.isVisible())) await page.locator("[popovertarget]").first().click();
  await button.click();
}

export const prompt = (page: Page): Locator => page.getByTestId("prompt");
export const generate = (page: Page): Locator => page.getByTestId("generate");
export const available = (page: Page): Locator => page.getByTestId("available");
export const onHold = (page: Page): Locator => page.getByTestId("on-hold");
export const cards = (page: Page): Locator => page.locator("[data-gen-id]");

/**
 * Waits until the islands of /create are awake: a press before that is an ordinary form, which is another test.
 * The composer takes the focus when it wakes, and the server's page does not.
 */
export async function awake(page: Page): Promise<void> {
  await expect(prompt(page)).toBeFocused();
}

/** Chooses a model, and waits for its controls. */
export async function choose(page: Page, name: string): Promise<void> {
  const drawn = page.waitForResponse((answer) => answer.url().endsWith("/create/controls") && answer.ok());
  await page.locator("select[name=model]").selectOption(name);
  await drawn;
  await expect(page.locator("input[name=drawn_for]")).toHaveValue(name);
}

/** Writes a prompt, presses the button, and gives the card. */
export async function press(page: Page, words: string): Promise<Locator> {
  const before = await cards(page).count();
  await prompt(page).fill(words);
  await generate(page).click();
  await expect(cards(page)).toHaveCount(before + 1);
  return cards(page).filter({ hasText: words }).first();
}

/** Makes one picture from first to last and gives its id. */
export async function makePicture(page: Page, words: string): Promise<string> {
  const card = await press(page, words);
  await expect(card).toHaveAttribute("data-state", "succeeded", { timeout: 30_000 });
  return idOf(card);
}

export async function idOf(card: Locator): Promise<string> {
  const id = await card.getAttribute("data-gen-id");
  expect(id, "the card's generation").toBeTruthy();
  return id ?? "";
}

/** Language and theme, as the forms in every page's head send them. */
export async function prefer(page: Page, preferences: { language?: string; theme?: string }): Promise<void> {
  const origin = new URL(page.url()).origin;
  const response = await page.request.post("/preferences", {
    form: { ...preferences, next: "/" },
    headers: { origin, "sec-fetch-site": "same-origin" },
    maxRedirects: 0,
  });
  expect(response.status()).toBe(303);
}

/**
 * A proxy, as a cable between one browser and everything, that can be pulled out. What Playwright calls offline leaves an
 * open event stream open. One that gathers passes an event stream on only when it is over, as some offices' proxies do.
 */
export async function cable({ gathers = false } = {}): Promise<{ address: string; pull: () => void; plugIn: () => void; close: () => void }> {
  const sockets = new Set<Socket>();
  let pulled = false;
  const proxy = createServer((asked, answer) => {
    const { method, headers } = asked;
    const onward = request(asked.url ?? "", { ...(method ? { method } : {}), headers }, (said) => {
      if (gathers && said.headers["content-type"] === "text/event-stream" && !asked.url?.includes("once")) {
        const pieces: Buffer[] = [];
        said.on("data", (piece: Buffer) => pieces.push(piece));
        said.on("end", () => answer.writeHead(said.statusCode ?? 502, said.headers).end(Buffer.concat(pieces)));
        return;
      }
      answer.writeHead(said.statusCode ?? 502, said.headers);
      answer.flushHeaders();
      said.pipe(answer);
    });
    onward.on("error", () => answer.destroy());
    answer.on("close", () => onward.destroy());
    asked.pipe(onward);
  });
  proxy.on("connection", (socket: Socket) => {
    if (pulled) return socket.destroy();
    sockets.add(socket);
    socket.on("close", () => sockets.delete(socket));
    return undefined;
  });
  await new Promise<void>((listening) => proxy.listen(0, "127.0.0.1", listening));
  const pull = () => {
    pulled = true;
    for (const socket of sockets) socket.destroy();
  };
  const close = () => {
    pull();
    proxy.close();
  };
  return { address: `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`, pull, plugIn: () => (pulled = false), close };
}
