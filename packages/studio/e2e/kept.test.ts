/** Nothing is lost by reload, Back and other tabs; earlier runs are listed, opened, compared and deleted; full storage is told. */
import type { Page } from "playwright-core";
import { describe, expect, test } from "vitest";
import { chromiumPath, eventually, open, PIXEL, startedStudio } from "./browser.js";
import { openingCell, openingPlaceWith } from "./opening-scene.js";

describe.skipIf(chromiumPath === undefined)("kept in the browser", { timeout: 90_000 }, () => {
  const studio = startedStudio();

  const runBoth = async (page: Page) => {
    await page.getByRole("button", { name: "Run both" }).click();
    await eventually(() => page.locator(".run .chip").allInnerTexts()).toEqual(["Done", "Done"]);
    await page.getByRole("heading", { name: "Word for word" }).waitFor();
  };
  const stale = (page: Page) => page.getByText("for another picture than the one that is chosen now");

  test("scene, settings, runs, drafts and the conversation outlive a reload at once after the last change", async () => {
    studio.server.behave.converses = true;
    const { page, errors, close } = await open(studio.browser, `${studio.server.url}/#fill`);
    await page.getByRole("button", { name: openingCell }).click();
    await page.keyboard.press("Delete");
    await page.getByRole("button", { name: "penguin", exact: true }).click();
    await page.getByLabel("Text with blanks").fill("there is a [[2]].");
    await page.getByRole("button", { name: "Fill the blanks" }).click();
    await page.getByTestId("filled").waitFor();
    await page.getByRole("tab", { name: "Proofread" }).click();
    await page.getByLabel("Description to check").fill("a cat and a red dog");
    await page.getByRole("button", { name: "Proofread" }).click();
    await page.getByRole("button", { name: /^Reject "cat"/ }).click();
    await page.getByRole("tab", { name: "Chat" }).click();
    await page.getByLabel("Your question").fill("What is there?");
    await page.getByRole("button", { name: "Ask", exact: true }).click();
    await page.getByRole("article", { name: "Model" }).getByText("blue.").waitFor();
    await page.getByRole("tab", { name: "Describe" }).click();
    await page.getByLabel("Seed").fill("7");
    await runBoth(page);
    await page.getByLabel("Answer length").fill("24");
    await page.reload();

    await page.getByRole("button", { name: openingPlaceWith(".*penguin") }).waitFor();
    expect([await page.getByLabel("Seed").inputValue(), await page.getByLabel("Answer length").inputValue()]).toEqual([
      "7",
      "24",
    ]);
    await page.getByRole("heading", { name: "Word for word" }).waitFor();
    expect(await page.locator(".run .chip").allInnerTexts()).toEqual(["Done", "Done"]);
    expect(await stale(page).count()).toBe(0);
    await page.getByRole("tab", { name: "Proofread" }).click();
    expect(await page.getByLabel("Description to check").inputValue()).toBe("a cat and a red dog");
    expect(await page.getByTestId("result").textContent()).toBe("a cat and a blue dog");
    expect(await stale(page).count()).toBe(0);
    await page.getByRole("tab", { name: "Fill" }).click();
    expect(await page.getByTestId("filled").textContent()).toBe("there is a small dog.");
    await page.getByRole("tab", { name: "Chat" }).click();
    await page.getByRole("article", { name: "Model" }).getByText("blue.").waitFor();
    expect(errors).toEqual([]);
    studio.server.behave.converses = undefined;
    await close();
  });

  test("a reload in the middle of a run keeps its steps, and says that it stopped", async () => {
    studio.server.behave.holdAfter = 3;
    const { page, close } = await open(studio.browser, studio.server.url);
    await page.getByRole("button", { name: "Run both" }).click();
    await page.getByText("3 / 3").waitFor();
    await page.waitForTimeout(300);
    await page.reload();
    await eventually(() => page.locator(".run .chip").allInnerTexts()).toEqual(["Stopped", "Stopped"]);
    expect(await page.locator('[data-kind="plain"] .token.fill').count()).toBe(12);
    studio.server.behave.holdAfter = undefined;
    await close();
  });

  test("each tab has its address, and Back and Forward go through them", async () => {
    const { page, close } = await open(studio.browser, `${studio.server.url}/#proofread`);
    await page.getByRole("tabpanel", { name: "Proofread" }).waitFor();
    await page.getByRole("tab", { name: "Fill" }).click();
    await page.getByRole("tab", { name: "Runs" }).click();
    await page.getByRole("heading", { name: "Earlier runs" }).waitFor();
    expect(new URL(page.url()).hash).toBe("#runs");
    expect(await page.title()).toBe("Runs - rediff studio");
    await page.goBack();
    await page.getByRole("tabpanel", { name: "Fill" }).waitFor();
    await page.goBack();
    await page.getByRole("tabpanel", { name: "Proofread" }).waitFor();
    await page.goForward();
    await page.getByRole("tabpanel", { name: "Fill" }).waitFor();
    // A place on the page is no tab.
    await page.evaluate(() => location.assign("#main"));
    await page.getByRole("tabpanel", { name: "Fill" }).waitFor();
    await close();
  });

  test("a new browser tab goes on where the last one was; both go on apart", async () => {
    const { page, close } = await open(studio.browser, studio.server.url);
    await page.getByLabel("Seed").fill("5");
    await page.waitForTimeout(400);
    const second = await page.context().newPage();
    await second.goto(studio.server.url);
    await eventually(() => second.getByLabel("Seed").inputValue()).toBe("5");
    await second.getByLabel("Seed").fill("6");
    await second.waitForTimeout(400);
    await page.reload();
    await eventually(() => page.getByLabel("Seed").inputValue()).toBe("5");
    await second.reload();
    await eventually(() => second.getByLabel("Seed").inputValue()).toBe("6");
    await close();
  });

  test("earlier runs are listed with their pictures, opened with all they had, and taken back", async () => {
    const { page, errors, close } = await open(studio.browser, studio.server.url);
    await runBoth(page);
    await page.getByRole("radio", { name: "File" }).check();
    await page.getByLabel("Picture file").setInputFiles({ name: "dog.png", mimeType: "image/png", buffer: PIXEL });
    await page.getByAltText("The chosen file dog.png").waitFor();
    await page.getByLabel("Seed").fill("9");
    await runBoth(page);
    await page.getByRole("tab", { name: "Runs" }).click();
    await eventually(() => page.locator(".run-item").count()).toBe(2);
    expect(await page.locator("img.run-picture").count()).toBe(2);
    await page.reload();
    await eventually(() => page.locator(".run-item").count()).toBe(2);
    await page
      .getByRole("button", { name: /^Open: Described/ })
      .nth(1)
      .click();
    await page.getByRole("button", { name: openingCell }).waitFor();
    expect(await page.getByLabel("Seed").inputValue()).toBe("");
    expect(await stale(page).count()).toBe(0);
    await page.getByRole("button", { name: "Back to what was there" }).click();
    await page.getByAltText("The chosen file dog.png").waitFor();
    expect(await page.getByLabel("Seed").inputValue()).toBe("9");
    await page.goBack();
    await page.getByRole("heading", { name: "Earlier runs" }).waitFor();
    expect(errors).toEqual([]);
    await close();
  });

  test("two runs are compared word by word and setting by setting, at an address of their own", async () => {
    const { page, close } = await open(studio.browser, studio.server.url);
    await runBoth(page);
    await page.getByLabel("Tokens per step").fill("2");
    await page.getByLabel("Answer length").fill("4");
    await runBoth(page);
    await page.getByRole("tab", { name: "Runs" }).click();
    const compare = page.getByRole("button", { name: "Compare the two chosen" });
    expect(await compare.isDisabled()).toBe(true);
    for (const box of await page.getByRole("checkbox").all()) await box.check();
    await compare.click();
    const sides = page.locator(".kept-run");
    await eventually(() => sides.count()).toBe(2);
    const check = async () => {
      expect(await sides.first().locator(".differs dt").allInnerTexts()).toEqual(
        expect.arrayContaining(["tokens_per_step", "max_tokens"]),
      );
      expect(await sides.nth(1).locator("mark").count()).toBeGreaterThan(0);
    };
    await check();
    await page.reload();
    await eventually(() => sides.count()).toBe(2);
    await check();
    await page.goBack();
    await page
      .getByRole("button", { name: /^Delete: Described/ })
      .first()
      .click();
    await eventually(() => page.locator(".run-item").count()).toBe(1);
    await page.goForward();
    await page.getByText("This run is not kept any more.").waitFor();
    await page.getByRole("button", { name: "All earlier runs" }).click();
    await page.getByRole("button", { name: "Delete all" }).click();
    await page.getByRole("button", { name: "Really delete it" }).click();
    await page.getByText("There are none yet.").waitFor();
    await close();
  });

  test("a full storage is told, nothing on the page is lost, and room that is made is used", async () => {
    const { page, close } = await open(studio.browser, studio.server.url);
    await runBoth(page);
    await page.waitForTimeout(400);
    // As a disk without room: everything can be read and deleted.
    await page.evaluate(() => {
      const { put } = IDBObjectStore.prototype;
      Object.assign(window, { makeRoom: () => Object.assign(IDBObjectStore.prototype, { put }) });
      IDBObjectStore.prototype.put = () => {
        throw new DOMException("full", "QuotaExceededError");
      };
    });
    await page.getByLabel("Seed").fill("3");
    await runBoth(page);
    await page.getByText("This browser's storage for the page is full.").waitFor();
    await page.getByRole("button", { name: "Earlier runs" }).click();
    await page.evaluate(() => (window as never as { makeRoom(): void }).makeRoom());
    await page
      .getByRole("button", { name: /^Delete: Described/ })
      .first()
      .click();
    await page.getByText("This browser's storage for the page is full.").waitFor({ state: "hidden" });
    await eventually(() => page.locator(".run-item").count()).toBe(1);
    await page.reload();
    await page.getByRole("tab", { name: "Describe" }).click();
    await eventually(() => page.getByLabel("Seed").inputValue()).toBe("3");
    await close();
  });

  test("without any storage the page works, and says that it keeps nothing", async () => {
    const { page, errors, close } = await open(studio.browser, "about:blank");
    await page.addInitScript(() => {
      IDBFactory.prototype.open = () => {
        throw new DOMException("denied", "SecurityError");
      };
    });
    await page.goto(studio.server.url);
    await page.getByText("This browser does not let the page keep anything (denied).").waitFor();
    await runBoth(page);
    expect(errors).toEqual([]);
    await close();
  });

  test("what another version of the page has kept is left out", async () => {
    const { page, errors, close } = await open(studio.browser, studio.server.url);
    await runBoth(page);
    await page.waitForTimeout(400);
    await page.evaluate(
      () =>
        new Promise<void>((done) => {
          indexedDB.open("rediff-studio").onsuccess = ({ target }) => {
            const database = (target as IDBOpenDBRequest).result;
            const transaction = database.transaction(["sessions", "summaries", "runs"], "readwrite");
            for (const name of ["sessions", "summaries", "runs"]) {
              const store = transaction.objectStore(name);
              store.getAllKeys().onsuccess = (event) => {
                for (const id of (event.target as IDBRequest<IDBValidKey[]>).result) store.put({ id, other: true });
              };
            }
            transaction.oncomplete = () => {
              database.close();
              done();
            };
          };
        }),
    );
    await page.goto("about:blank");
    await page.goto(studio.server.url);
    await page.getByRole("heading", { name: "Watch a description take shape" }).waitFor();
    await page.getByRole("tab", { name: "Runs" }).click();
    await page.getByText("There are none yet.").waitFor();
    expect(errors).toEqual([]);
    await close();
  });
});
