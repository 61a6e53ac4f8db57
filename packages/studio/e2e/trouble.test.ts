/** The server is away, busy, not ready, strict or wrong: each time the page says what to do, and goes on. */
import type { Browser } from "playwright-core";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { type MockServer, startMockServer } from "../src/testing/mock-server.js";
import { chromiumPath, eventually, launch, open } from "./browser.js";
import { openingCell } from "./opening-scene.js";

describe.skipIf(chromiumPath === undefined)("trouble", { timeout: 90_000 }, () => {
  let browser: Browser;
  let server: MockServer;
  beforeAll(async () => {
    [browser, server] = await Promise.all([launch(), startMockServer()]);
  });
  afterEach(() => {
    Object.assign(server.behave, {
      fail: undefined,
      garbage: undefined,
      breakAfter: undefined,
      ready: "ready",
      stepMs: 0,
    });
    server.behave.key = undefined;
  });
  afterAll(async () => {
    await browser?.close();
    await server?.close();
  });

  const ready = { name: "Run both" } as const;

  test("the server is gone: the page keeps what it has, tells the command, and comes back", async () => {
    server.behave.command = "npx rediff serve --port 9000";
    const { page, close } = await open(browser, server.url);
    await page.getByRole("button", { name: openingCell }).waitFor();
    await page.waitForLoadState("networkidle"); // or the page would notice by a sticker that is missing
    await server.close();
    await page.getByRole("button", ready).click();
    await page.getByText("The server does not answer").waitFor();
    await page.getByText("npx rediff serve --port 9000").waitFor();
    expect(await page.getByRole("button", { name: openingCell }).count()).toBe(1);
    await server.reopen();
    await page.getByRole("button", { name: "Retry" }).first().click();
    await page.getByText("The server does not answer").waitFor({ state: "hidden" });
    await page.getByRole("button", ready).click();
    await page.getByRole("heading", { name: "Word for word" }).waitFor();
    await close();
  });

  test("a stream that breaks off leaves what came of it", async () => {
    Object.assign(server.behave, { breakAfter: 3, holdAfter: 2 });
    const { page, close } = await open(browser, server.url);
    await page.getByRole("button", ready).click();
    const run = page.locator('[data-kind="plain"]');
    await run.locator(".token.fill").first().waitFor();
    server.behave.holdAfter = undefined;
    await run.getByText("The connection broke off.").waitFor();
    expect(await run.locator(".token.fill").count()).toBeGreaterThan(0);
    await close();
  });

  test("a busy server's wait is counted down", async () => {
    server.behave.fail = { status: 429, message: "full", retryAfter: 1 };
    const { page, close } = await open(browser, server.url);
    await page.getByRole("button", ready).click();
    await page
      .getByRole("button", { name: /Retry in 1 s/ })
      .first()
      .waitFor();
    server.behave.fail = undefined;
    await page.locator('[data-kind="plain"]').getByRole("button", { name: "Retry", exact: true }).click();
    await eventually(() => page.locator('[data-kind="plain"] .chip').textContent()).toBe("Done");
    await close();
  });

  test("a model that is being loaded is waited for", async () => {
    server.behave.ready = "loading";
    const { page, close } = await open(browser, server.url);
    await page.getByText("The model is being loaded").waitFor();
    expect(await page.getByRole("button", ready).isDisabled()).toBe(true);
    server.behave.ready = "ready";
    await eventually(() => page.getByRole("button", ready).isEnabled()).toBe(true);
    await close();
  });

  test("a key that is asked for can be given", async () => {
    server.behave.key = "secret";
    const { page, close } = await open(browser, server.url);
    await page.getByText("This server asks for a key").waitFor();
    await page.getByRole("button", { name: "API key" }).click();
    await page.getByRole("textbox", { name: "API key" }).fill("secret");
    await page.getByRole("button", { name: "Use this key" }).click();
    await page.getByRole("button", { name: openingCell }).waitFor();
    await page.getByText("This server asks for a key").waitFor({ state: "hidden" });
    await close();
  });

  test("refused settings, a picture that is too large and a crash are told in the server's words or ours", async () => {
    const { page, close } = await open(browser, server.url);
    for (const [status, message, told] of [
      [400, "block_length 7 does not divide 32", "block_length 7 does not divide 32"],
      [413, "too large", "Choose a smaller picture"],
      [500, "the worker ended", "the worker ended"],
    ] as const) {
      server.behave.fail = { status, message };
      await page.getByRole("button", ready).click();
      await page.getByText(told).first().waitFor();
    }
    await close();
  });

  test("an answer in another form is not shown as one", async () => {
    server.behave.garbage = '{"text": 3}';
    const { page, close } = await open(browser, `${server.url}/#proofread`);
    await page.getByLabel("Description to check").fill("a cat");
    await page.getByRole("button", { name: "Proofread" }).click();
    await page.getByText("The answer cannot be read").waitFor();
    await close();
  });
});
