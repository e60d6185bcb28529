// Every state a page can be in, in both languages, both themes, on a telephone and on a desk, as a picture in screenshots/
// and through axe. To add a state: a line in STATES that says whose browser it is and how it gets there.
import { execFileSync } from "node:child_process";
import { rmSync } from "node:fs";
import { request, type ClientRequest } from "node:http";
import { join } from "node:path";
import { devices, type Page } from "@playwright/test";
import { LANGUAGES, lookAround, type Language } from "./eyes.js";
import { bucket, house, Person, sharePicture, type House } from "./houses.js";
import { awake, expect, generate, prompt, test as base } from "./support.js";

type People = { newcomer: Person; painter: Person; running: string; failed: string; made: string };
type Troubled = { house: House; person: Person; made: string; store: Awaited<ReturnType<typeof bucket>> };
type Cut = { house: House; person: Person };
type Stage = { people: People; troubled: () => Promise<Troubled>; cut: () => Promise<Cut>; language: Language };

/** What is made once for each worker, by whoever needs it first. */
const test = base.extend<object, { people: People; houses: { troubled: () => Promise<Troubled>; cut: () => Promise<Cut> } }>({
  people: [
    async ({}, use) => {
      const url = `http://127.0.0.1:${process.env.END2END_PORT ?? ""}`;
      const [newcomer, painter] = [await Person.of(url), await Person.of(url)];
      const [made, failed] = await Promise.all([
        painter.make("A lighthouse on a basalt cliff at dusk, muted teal and rust", { count: 2 }),
        painter.make("a broken vase #nsfw"),
      ]);
      const running = await painter.ask("a long thought #stall");
      await use({ newcomer, painter, running, failed, made });
      await painter.api.post("/generations/cancel", { form: {} });
    },
    { scope: "worker", timeout: 60_000 },
  ],
  houses: [
    async ({}, use) => {
      const close: (() => Promise<void> | void)[] = [];
      let troubled: Promise<Troubled> | undefined;
      let cut: Promise<Cut> | undefined;
      await use({
        troubled: () =>
          (troubled ??= (async () => {
            const store = await bucket();
            const own = await house({ ...store.env, SIGNUP_CREDITS: "6" });
            close.push(own.stop, store.close);
            const person = await Person.of(own.url);
            const made = await person.make("A paper crane on a workbench, north light", { count: 2 });
            return { house: own, person, made, store };
          })()),
        cut: () =>
          (cut ??= (async () => {
            // Nothing listens at port 9 of this machine.
            const own = await house({ REPLICATE_API_TOKEN: "r8_nobody", REPLICATE_BASE_URL: "http://127.0.0.1:9" });
            close.push(own.stop);
            return { house: own, person: await Person.of(own.url) };
          })()),
      });
      for (const one of close) await one();
    },
    { scope: "worker", timeout: 60_000 },
  ],
});

type State = {
  name: string;
  /** Whose browser it is; nobody's when this is left out. */
  who?: (stage: Stage) => Person | Promise<Person>;
  /** How it gets there; the page is empty before. */
  reach: (page: Page, stage: Stage) => Promise<void>;
  /** What the browser itself says aloud about it. */
  complaint?: RegExp;
};

const newcomer = ({ people }: Stage): Person => people.newcomer;
const painter = ({ people }: Stage): Person => people.painter;
const troubled = async (stage: Stage): Promise<Person> => (await stage.troubled()).person;
const REFUSED = /status of (4|5)\d\d/;

/** Sends a form as a page of the house would, and stays on the answer. */
async function send(page: Page, from: string, action: string, fields: Record<string, string>): Promise<void> {
  await page.goto(from);
  await Promise.all([
    page.waitForURL((url) => url.pathname === action),
    page.evaluate(
      ([action, fields]) => {
        const form = Object.assign(document.createElement("form"), { method: "post", action });
        for (const [name, value] of Object.entries(fields)) form.append(Object.assign(document.createElement("input"), { type: "hidden", name, value }));
        document.body.append(form);
        // Not before this has answered: the page it runs in goes away with it.
        setTimeout(() => form.submit());
      },
      [action, fields] as const,
    ),
  ]);
}

const press = (change: Record<string, string>) => ({
  request_key: crypto.randomUUID(),
  prompt: "a heron at the price of a heron",
  model: "",
  aspect_ratio: "1:1",
  count: "1",
  seed: "",
  quoted_price: "",
  ...change,
});

/** A file that never ends; what is returned ends it. */
async function endless(person: Person): Promise<ClientRequest> {
  const cookie = person.state.cookies.map(({ name, value }) => `${name}=${value}`).join("; ");
  const headers = { cookie, "sec-fetch-site": "same-origin", "content-type": "multipart/form-data; boundary=b" };
  const sent = request(`http://127.0.0.1:${process.env.END2END_PORT ?? ""}/api/app/files`, { method: "POST", headers });
  sent.on("error", () => undefined);
  await new Promise<void>((begun) => sent.write('--b\r\nContent-Disposition: form-data; name="file"; filename="a.png"\r\n\r\nx', () => begun()));
  // Its place is taken once the house has read so far.
  await new Promise((later) => setTimeout(later, 300));
  return sent;
}

const STATES: State[] = [
  // Nothing there yet
  { name: "first-run", who: newcomer, reach: async (page) => void (await page.goto("/create")) },
  { name: "gallery-empty", who: newcomer, reach: async (page) => void (await page.goto("/gallery")) },
  { name: "credits-empty", who: newcomer, reach: async (page) => void (await page.goto("/credits")) },
  { name: "no-keys-yet", who: newcomer, reach: async (page) => void (await page.goto("/keys")) },
  { name: "gallery-no-match", who: painter, reach: async (page) => void (await page.goto("/gallery?q=nothing+of+the+kind")) },
  { name: "trash-empty", who: newcomer, reach: async (page) => void (await page.goto("/gallery?trash=1")) },
  { name: "models-no-match", who: newcomer, reach: async (page) => void (await page.goto("/models?q=nothing+of+the+kind")) },

  // At work
  {
    name: "running-and-failed",
    who: painter,
    reach: async (page) => {
      await page.goto("/create");
      await expect(page.locator("[data-state=running]")).toBeVisible();
      await expect(page.locator("[data-state=failed]")).toBeVisible();
    },
  },
  { name: "viewer-running", who: painter, reach: async (page, { people }) => void (await page.goto(`/g/${people.running}`)) },
  { name: "viewer-failed", who: painter, reach: async (page, { people }) => void (await page.goto(`/g/${people.failed}`)) },
  {
    name: "advanced-open",
    who: newcomer,
    reach: async (page) => {
      await page.goto("/create");
      await page.locator("details.advanced > summary, [data-testid=advanced]").first().click();
    },
  },

  // Open above a page
  {
    name: "menu-open",
    who: painter,
    reach: async (page) => {
      await page.goto("/create");
      await awake(page);
      await page.keyboard.press("Control+k");
      await expect(page.locator("#menu")).toBeVisible();
    },
  },
  {
    name: "keys-open",
    who: painter,
    reach: async (page) => {
      await page.goto("/gallery");
      await page.locator("[data-gallery][data-awake]").waitFor();
      await page.keyboard.press("?");
      await expect(page.locator("#keys")).toBeVisible();
    },
  },
  {
    name: "history-open",
    who: painter,
    reach: async (page) => {
      await page.goto("/create");
      await awake(page);
      await page.locator("[data-open=history]").click();
      await expect(page.locator("#history li").first()).toBeVisible();
    },
  },
  {
    name: "filters-open",
    who: painter,
    reach: async (page) => {
      await page.goto("/gallery");
      await page.locator("[popovertarget=gallery-more]").click();
      await expect(page.locator("#gallery-more")).toBeVisible();
    },
  },
  {
    name: "selecting",
    who: painter,
    reach: async (page) => {
      await page.goto("/gallery");
      await page.locator("[data-gallery][data-awake]").waitFor();
      await page.locator("#gallery-select").click();
      await page.locator("#gallery-results .tile").first().click();
      await expect(page.locator("#gallery-chosen")).not.toBeEmpty();
    },
  },
  {
    name: "viewer-over-the-gallery",
    who: painter,
    reach: async (page) => {
      await page.goto("/gallery");
      await page.locator("[data-gallery][data-awake]").waitFor();
      await page.locator("#gallery-results .tile a").first().click();
      await expect(page.locator("dialog.viewer-dialog .stage-picture")).toBeVisible();
      // The sheet of keys stands inside what is open.
      await page.keyboard.press("?");
      await page.locator("#keys label").first().click({ trial: true });
      await page.keyboard.press("Escape");
      await expect(page.locator("#keys")).toBeHidden();
      await expect(page.locator("dialog.viewer-dialog")).toBeVisible();
    },
  },

  // The line
  {
    name: "offline",
    who: painter,
    reach: async (page) => {
      await page.goto("/gallery", { waitUntil: "networkidle" });
      await page.context().setOffline(true);
      await expect(page.locator(".signal.offline")).toBeVisible();
    },
    complaint: /net::ERR_INTERNET_DISCONNECTED|preloaded using link preload but not used/,
  },
  {
    name: "stream-lost",
    who: painter,
    reach: async (page) => {
      await page.route("**/events**", (route) => route.abort("connectionreset"));
      await page.goto("/create");
      await expect(page.locator(".reconnecting")).toBeVisible({ timeout: 15_000 });
    },
    complaint: /net::ERR_CONNECTION_RESET/,
  },
  {
    name: "newer-build",
    who: painter,
    reach: async (page) => {
      await page.clock.install();
      await page.route("**/build", (route) => route.fulfill({ body: "0123456789ab" }));
      await page.goto("/gallery");
      await page.clock.runFor(6 * 60_000);
      await expect(page.locator(".signal.newer")).toBeVisible();
      await page.clock.resume();
    },
  },

  // Refusals
  {
    name: "session-expired",
    reach: async (page) => {
      const { origin } = new URL(page.url() === "about:blank" ? `http://127.0.0.1:${process.env.END2END_PORT ?? ""}` : page.url());
      await page.context().addCookies([{ name: "sid", value: "AAAAAAAAAAAAAAAAAAAAAA", url: origin }]);
      await page.goto("/gallery");
      await expect(page).toHaveURL(/\/sign-in\?next=%2Fgallery&expired=1/);
      await expect(page.getByRole("status")).toBeVisible();
    },
  },
  {
    name: "session-expired-while-writing",
    who: newcomer,
    reach: async (page) => {
      await page.goto("/create");
      await expect(prompt(page)).toBeFocused();
      await page.context().clearCookies({ name: "sid" });
      await prompt(page).fill("a letter that was not lost");
      await generate(page).click();
      await expect(page.locator("#session")).toBeVisible();
    },
    complaint: REFUSED,
  },
  {
    name: "sign-in-wrong",
    reach: (page) => send(page, "/sign-in", "/sign-in", { email: "nobody@example.com", password: "not the right one" }),
    complaint: REFUSED,
  },
  {
    name: "sign-up-refused",
    reach: (page) => send(page, "/sign-up", "/sign-up", { email: "not an address", password: "short" }),
    complaint: REFUSED,
  },
  {
    name: "402-credits-missing",
    who: troubled,
    reach: async (page, stage) => {
      const { house: own } = await stage.troubled();
      await send(page, `${own.url}/create`, "/generate", press({ model: "stability-ai/sdxl", count: "4" }));
    },
    complaint: REFUSED,
  },
  {
    name: "403-from-elsewhere",
    reach: async (page) => {
      const action = `http://127.0.0.1:${process.env.END2END_PORT ?? ""}/preferences`;
      await page.goto(`data:text/html,<form method=post action=${action}></form>`);
      await Promise.all([page.waitForURL(action), page.evaluate(() => document.forms[0]?.submit())]);
    },
    complaint: REFUSED,
  },
  { name: "404", who: painter, reach: async (page) => void (await page.goto("/g/0193b1e4-7c1f-7000-8000-000000000001")), complaint: REFUSED },
  { name: "404-nobody", reach: async (page) => void (await page.goto("/nowhere")), complaint: REFUSED },
  {
    name: "409-price-rose",
    who: newcomer,
    reach: (page) => send(page, "/create", "/generate", press({ model: "stability-ai/sdxl", quoted_price: "1" })),
    complaint: REFUSED,
  },
  {
    name: "413-too-much",
    who: newcomer,
    reach: (page) => send(page, "/gallery", "/preferences", { next: "a".repeat(70_000) }),
    complaint: REFUSED,
  },
  {
    name: "422-prompt-missing",
    who: newcomer,
    reach: (page) => send(page, "/create", "/generate", press({ prompt: " " })),
    complaint: REFUSED,
  },
  {
    name: "422-model-retired",
    who: newcomer,
    reach: (page) => send(page, "/create", "/generate", press({ model: "gone/away" })),
    complaint: REFUSED,
  },
  {
    name: "429-a-file-too-many",
    who: newcomer,
    // Four files of one person are on their way, and do not get anywhere.
    reach: async (page, { people }) => {
      const slow = await Promise.all([1, 2, 3, 4].map(() => endless(people.newcomer)));
      try {
        await sharePicture(page, "/gallery");
        await expect(page.locator("[data-wait]")).toBeVisible();
      } finally {
        for (const one of slow) one.destroy();
      }
    },
    complaint: REFUSED,
  },

  // Our own trouble
  {
    name: "500",
    who: troubled,
    reach: async (page, stage) => {
      const { house: own } = await stage.troubled();
      own.sql("alter table entry rename to entry_away");
      try {
        await page.goto(`${own.url}/credits`);
      } finally {
        own.sql("alter table entry_away rename to entry");
      }
      await expect(page.locator(".trouble-request button")).toBeVisible();
    },
    complaint: REFUSED,
  },
  {
    name: "503-store-away",
    who: troubled,
    reach: async (page, stage) => {
      const { house: own, person, made, store } = await stage.troubled();
      const url = ((await (await person.api.get(`/api/app/generations/${made}`)).json()) as { url: string }).url;
      store.away(true);
      try {
        await page.goto(new URL(new URL(url).pathname, own.url).href);
      } finally {
        store.away(false);
      }
      await expect(page.locator("[data-wait]")).toBeVisible();
    },
    complaint: REFUSED,
  },
  {
    name: "store-away-in-the-gallery",
    who: troubled,
    reach: async (page, stage) => {
      const { house: own, store } = await stage.troubled();
      store.away(true);
      try {
        await page.goto(`${own.url}/gallery`);
        await expect(page.locator(".tile[data-missing]")).toHaveCount(2, { timeout: 20_000 });
      } finally {
        store.away(false);
      }
    },
    complaint: REFUSED,
  },
  {
    name: "file-missing",
    who: async (stage) => {
      const { newcomer: someone } = stage.people;
      return someone;
    },
    reach: async (page, stage) => {
      const url = `http://127.0.0.1:${process.env.END2END_PORT ?? ""}`;
      const person = await Person.of(url);
      const id = await person.make("a picture whose file was lost");
      const objects = join(process.env.END2END_FOLDER ?? "", "data", "objects");
      rmSync(execFileSync("find", [objects, "-path", `*${id}*`, "-prune"]).toString().split("\n")[0] || join(objects, "none"), { recursive: true, force: true });
      await page.context().addCookies(person.state.cookies);
      await page.context().addCookies([{ name: "lang", value: stage.language, url }]);
      await page.goto("/gallery");
      await expect(page.locator(".tile[data-missing]")).toHaveCount(1, { timeout: 20_000 });
    },
    complaint: REFUSED,
  },
  {
    name: "provider-down",
    who: async (stage) => (await stage.cut()).person,
    reach: async (page, stage) => {
      const { house: own } = await stage.cut();
      await page.goto(`${own.url}/create`);
      if ((await page.locator("[data-gen-id]").count()) === 0) {
        await prompt(page).fill("a letter to nobody");
        await generate(page).click();
      }
      await expect(page.locator("[data-gen-id]").first()).not.toHaveAttribute("data-state", "submitting");
    },
  },
  { name: "no-connection-page", reach: async (page) => void (await page.goto("/offline")) },
];

test.describe.configure({ mode: "parallel" });

for (const state of STATES) {
  test(`state: ${state.name}`, async ({ elsewhere, tolerate, people, houses }) => {
    test.setTimeout(120_000);
    tolerate(state.complaint ?? /a^/);
    for (const language of LANGUAGES) {
      const stage: Stage = { people, ...houses, language };
      const person = await state.who?.(stage);
      const context = await elsewhere({ ...devices["Desktop Chrome"], viewport: { width: 1440, height: 900 }, ...(person ? { storageState: person.state } : {}) });
      await context.addCookies([{ name: "lang", value: language, domain: "127.0.0.1", path: "/" }]);
      const page = await context.newPage();
      await state.reach(page, stage);
      await lookAround(page, `state-${state.name}`, language);
      await context.close();
    }
  });
}
