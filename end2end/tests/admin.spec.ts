// Keeping the catalogue: what a house offers and at what price, changed in the browser by whoever runs it, and by nobody else.
import { LANGUAGES, lookAround } from "./eyes.js";
import { house, Person, type House } from "./houses.js";
import { expect, test as base } from "./support.js";

/** A house of its own, whose first person keeps it, and somebody else. */
const test = base.extend<{ own: { house: House; keeper: Person; other: Person } }>({
  own: async ({}, use) => {
    const own = await house();
    await use({ house: own, keeper: await Person.of(own.url), other: await Person.of(own.url) });
    await own.stop();
  },
});

const SDXL = "stability-ai/sdxl";
const SCHNELL = "black-forest-labs/flux-schnell";

test("a price and a switch change what everybody is offered from the next page on", async ({ own, elsewhere, tolerate }) => {
  tolerate(/status of 422/);
  const { url } = own.house;
  const page = await (await elsewhere({ storageState: own.keeper.state })).newPage();
  await page.goto(`${url}/admin/models`);
  await expect(page.locator(".keeper tbody tr")).toHaveCount(14);

  await page.goto(`${url}/admin/models/${SCHNELL}`);
  await page.locator("#unit_price").fill("three");
  await page.getByRole("button", { name: "Save" }).click();
  await expect(page.locator("#unit_price")).toHaveValue("three");
  await expect(page.locator("#unit_price-problem")).toBeVisible();
  await page.locator("#unit_price").fill("3");
  await page.getByRole("button", { name: "Save" }).click();
  await expect(page.locator("main .notice")).toContainText("Saved");
  await expect(page.locator(".keeper-log li").first()).toContainText(own.keeper.email);

  await page.goto(`${url}/admin/models/${SDXL}`);
  await page.locator("input[name=enabled]").uncheck();
  await page.getByRole("button", { name: "Save" }).click();
  await expect(page.locator(".page-head .badge")).toHaveText("not offered");

  const theirs = await (await elsewhere({ storageState: own.other.state })).newPage();
  await theirs.goto(`${url}/create`);
  await expect(theirs.getByTestId("price")).toHaveText("3");
  await expect(theirs.locator(`select[name=model] option[value="${SDXL}"]`)).toHaveCount(0);
  await theirs.goto(`${url}/models`);
  await expect(theirs.locator("main")).not.toContainText(SDXL);
});

test("a model is added by its name, and what cannot be added says why and keeps what was typed", async ({ own, elsewhere, tolerate }) => {
  tolerate(/status of (404|422)/);
  const { url } = own.house;
  // As in a house that was opened before the model came.
  own.house.sql(`delete from model where name = '${SDXL}'`);
  const page = await (await elsewhere({ storageState: own.keeper.state })).newPage();
  for (const name of ["sdxl", "nobody/nothing"]) {
    await page.goto(`${url}/admin/models`);
    await page.locator("#name").fill(name);
    await page.getByRole("button", { name: "Add", exact: true }).click();
    await expect(page.locator("#add-problem")).toBeVisible();
    await expect(page.locator("#name")).toHaveValue(name);
  }
  await page.locator("#name").fill(SDXL);
  await page.getByRole("button", { name: "Add", exact: true }).click();
  await expect(page).toHaveURL(new RegExp(`/admin/models/${SDXL}`));
  await expect(page.locator("main .notice")).toContainText("Added");
  await page.locator("#unit_price").fill("2");
  await page.locator("input[name=enabled]").check();
  await page.getByRole("button", { name: "Save" }).click();
  await page.goto(`${url}/create`);
  await page.locator("select[name=model]").selectOption(SDXL);
  await expect(page.getByTestId("price")).toHaveText("2");
  // Whoever does not run the house is told of no such page.
  const theirs = await (await elsewhere({ storageState: own.other.state })).newPage();
  for (const path of ["/admin/models", `/admin/models/${SCHNELL}`]) expect((await theirs.goto(url + path))?.status()).toBe(404);
});

test("the pages of the catalogue's keeper fit and are accessible", async ({ own, elsewhere }) => {
  test.setTimeout(120_000);
  const { url } = own.house;
  const context = await elsewhere({ storageState: own.keeper.state });
  const page = await context.newPage();
  for (const language of LANGUAGES) {
    await context.addCookies([{ name: "lang", value: language, url }]);
    await page.goto(`${url}/admin/models`);
    await lookAround(page, "admin-models", language);
    await page.goto(`${url}/admin/models/${SCHNELL}`);
    await lookAround(page, "admin-model", language);
  }
});
