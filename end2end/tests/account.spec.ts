// The account: limits that are heeded, a password that is changed, browsers that are signed out, and leaving.
import type { Page } from "@playwright/test";
import { findings, tooWide } from "./eyes.js";
import { available, awake, cards, expect, generate, makePicture, prefer, prompt, signUp, test } from "./support.js";

const PASSWORD = "correct horse battery staple 42";
const ANOTHER = "seven kites over a quiet harbour";

async function limit(page: Page, name: string, value: string): Promise<void> {
  await page.goto("/account");
  await page.locator(`input[name=${name}]`).fill(value);
  await page.getByRole("button", { name: "Save the limits" }).click();
  await expect(page.locator("main [role=status]").first()).toContainText("Saved");
}

async function signIn(page: Page, email: string, password: string): Promise<void> {
  await page.goto("/sign-in");
  await page.locator("input[name=email]").fill(email);
  await page.locator("input[name=password]").fill(password);
  await page.getByRole("main").getByRole("button").click();
}

for (const javaScriptEnabled of [true, false]) {
  const how = javaScriptEnabled ? "with JavaScript" : "without JavaScript";

  test(`a press above the limit is asked about once, and the day's cap refuses with its name, ${how}`, async ({ elsewhere, tolerate }) => {
    tolerate(/status of (409|402)/);
    const page = await (await elsewhere({ javaScriptEnabled })).newPage();
    await signUp(page);
    await limit(page, "ask_above", "0");
    await page.goto("/create");
    if (javaScriptEnabled) await awake(page);
    await prompt(page).fill("a lighthouse that is asked about");
    await generate(page).click();
    await expect(page.getByRole("alert").filter({ hasText: "asked above 0" })).toBeVisible();
    await expect(prompt(page)).toHaveValue("a lighthouse that is asked about");
    await expect(available(page)).toHaveText("20");
    await generate(page).click();
    await expect(cards(page).filter({ hasText: "a lighthouse that is asked about" }).first()).toBeVisible();

    await limit(page, "ask_above", "");
    await limit(page, "daily_cap", "1");
    await page.goto("/create");
    if (javaScriptEnabled) await awake(page);
    await prompt(page).fill("a lighthouse too many");
    await generate(page).click();
    await expect(page.getByRole("alert").filter({ hasText: "You let 1 credit be spent in 24 hours" })).toBeVisible();
    await expect(prompt(page)).toHaveValue("a lighthouse too many");
  });
}

test("a changed password signs the other browser out and keeps this one", async ({ page, elsewhere, tolerate }) => {
  tolerate(/status of (401|422)/);
  const email = await signUp(page);
  const other = await (await elsewhere()).newPage();
  await signIn(other, email, PASSWORD);
  await expect(other).toHaveURL(/\/create$/);

  await page.goto("/account");
  await expect(page.locator(".sessions > li")).toHaveCount(2);
  await expect(page.locator(".sessions > li").filter({ hasText: "this browser" })).toContainText("Chrome, Linux");
  await page.getByLabel("Present password").fill(PASSWORD);
  await page.getByLabel("New password").fill(ANOTHER);
  await page.getByRole("button", { name: "Change the password" }).click();
  await expect(page.locator("main [role=status]").first()).toContainText("The password is changed");
  await expect(page.locator(".sessions > li")).toHaveCount(1);
  await other.goto("/credits");
  await expect(other).toHaveURL(/\/sign-in/);
  await signIn(other, email, ANOTHER);
  await expect(other).toHaveURL(/\/c(redits|reate)$/);

  await page.reload();
  await page.getByRole("button", { name: /^Sign out: / }).click();
  await expect(page.locator("main [role=status]").first()).toContainText("That browser is signed out");
  await other.goto("/credits");
  await expect(other).toHaveURL(/\/sign-in/);
});

test("who leaves is told what is lost, is asked for the password, and cannot come back", async ({ elsewhere, tolerate }) => {
  tolerate(/status of 422/);
  // The first who came runs the house and cannot leave; these tests are never alone, but may be first.
  await signUp(await (await elsewhere()).newPage());
  const page = await (await elsewhere({ javaScriptEnabled: false })).newPage();
  const email = await signUp(page);
  await page.goto("/account");
  const leave = page.locator(".account-leave");
  await expect(leave).toContainText("20 credits would be given up");
  await leave.locator("summary").click();
  await leave.locator("input[name=password]").fill("not this one");
  await leave.getByRole("button").click();
  await expect(leave.getByRole("alert")).toContainText("not your present password");
  await leave.locator("input[name=password]").fill(PASSWORD);
  await leave.getByRole("button").click();
  await expect(page).toHaveURL(/\/$/);
  await signIn(page, email, PASSWORD);
  await expect(page).toHaveURL(/\/sign-in/);
});

for (const language of ["en", "ja"]) {
  for (const [width, theme] of [[390, "light"], [1440, "dark"]] as const) {
    test(`the account page in ${language}, ${width} pixels wide, fits and is accessible`, async ({ elsewhere }) => {
      const size = { viewport: { width, height: 900 }, colorScheme: theme } as const;
      await signUp(await (await elsewhere()).newPage());
      const page = await (await elsewhere(size)).newPage();
      await signUp(page);
      await awake(page);
      await makePicture(page, "a lighthouse in the fog");
      await limit(page, "warn_below", "50");
      await prefer(page, { language, theme });
      await page.goto("/account?done=limits");
      await page.locator(".account-leave summary").click();
      await page.screenshot({ path: `screenshots/account.${language}.${theme}.${width}.png`, fullPage: true, animations: "disabled" });
      expect(await tooWide(page)).toBeLessThanOrEqual(0);
      expect(await findings(page)).toEqual([]);
    });
  }
}

test("who guesses at the password is told how long to wait, at the field and in the dialog of a session that ended", async ({ page, tolerate }) => {
  tolerate(/status of (401|422|429)/);
  const email = await signUp(page);
  for (let at = 0; at < 6; at += 1) {
    await page.goto("/account");
    await page.getByLabel("Present password").fill("not this one");
    await page.getByLabel("New password").fill(ANOTHER);
    await page.getByRole("button", { name: "Change the password" }).click();
  }
  await expect(page.getByRole("alert")).toHaveText("Too many tries. Wait 30 seconds and try again.");
  await expect(page.getByLabel("Present password")).toBeFocused();

  await page.goto("/create");
  await awake(page);
  await page.context().clearCookies({ name: "sid" });
  await prompt(page).fill("a letter that was not lost");
  await generate(page).click();
  const dialog = page.locator("#session");
  await dialog.locator("input[name=email]").fill(email);
  const said = dialog.getByRole("alert");
  for (const sentence of [...Array<string>(5).fill("do not belong together"), "Too many tries. Wait 30 seconds and try again."]) {
    await dialog.locator("input[name=password]").fill("not this one");
    await dialog.getByRole("button", { name: "Sign in" }).click();
    await expect(said).toContainText(sentence);
  }
});
