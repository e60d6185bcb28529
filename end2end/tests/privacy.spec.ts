// What belongs to one person does not exist for another.
import { awake, cards, expect, makePicture, signUp, test } from "./support.js";

test("a second person sees nothing of the first", async ({ page, elsewhere }) => {
  await signUp(page);
  await awake(page);
  const id = await makePicture(page, "a secret garden");
  await page.goto(`/g/${id}`);
  const files = await page
    .locator('[src^="/files/"], [href^="/files/"]')
    .evaluateAll((elements) => elements.map((element) => element.getAttribute("src") ?? element.getAttribute("href") ?? ""));
  expect(files.length, "the owner's page shows files").toBeGreaterThan(0);
  for (const file of files) expect((await page.request.get(file)).status(), `${file} for its owner`).toBe(200);

  const stranger = await (await elsewhere()).newPage();
  await signUp(stranger);
  await expect(cards(stranger)).toHaveCount(0);
  await stranger.goto("/gallery");
  await expect(stranger.locator('a[href^="/g/"]')).toHaveCount(0);
  await expect(stranger.getByText("a secret garden")).toHaveCount(0);
  for (const address of [`/g/${id}`, ...files]) {
    expect((await stranger.request.get(address)).status(), `${address} for a stranger`).toBe(404);
  }

  const nobody = await (await elsewhere()).newPage();
  for (const file of files) {
    expect((await nobody.request.get(file, { maxRedirects: 0 })).status(), `${file} for nobody`).not.toBe(200);
  }
});
