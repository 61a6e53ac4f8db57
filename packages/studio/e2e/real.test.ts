/** The page on the real server, with a tiny model of random weights: everything is asked and answered once. */
import { existsSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { chromiumPath, eventually, launch, open, PIXEL } from "./browser.js";

/** Compiled, as its processes are. */
const helper = fileURLToPath(new URL("../../rediff/dist/serving/testing/start.js", import.meta.url));

interface TestServer {
  url: string;
  [Symbol.asyncDispose](): Promise<void>;
}

test.skipIf(chromiumPath === undefined || !existsSync(helper))(
  "the page on the real server",
  { timeout: 60_000 },
  async () => {
    const { startTestServer } = (await import(helper)) as { startTestServer: () => Promise<TestServer> };
    const [server, browser] = await Promise.all([startTestServer(), launch()]);
    const { page, errors, close } = await open(browser, server.url);
    try {
      await page.getByText("tiny", { exact: true }).waitFor();
      await page.getByLabel("Picture file").setInputFiles({ name: "a.png", mimeType: "image/png", buffer: PIXEL });
      await page.getByAltText("The chosen file a.png").waitFor();
      // The browser cannot read it, so the server does.
      const heic = readFileSync(new URL("../../rediff/src/vision/fixtures/turned.heic", import.meta.url));
      await page.getByLabel("Picture file").setInputFiles({ name: "IMG_1.HEIC", mimeType: "image/heic", buffer: heic });
      await page.getByAltText("The chosen file IMG_1.HEIC").waitFor();
      await page.getByText("36 x 48 pixels").waitFor();
      await page.getByRole("button", { name: "Run both" }).click();
      for (const kind of ["plain", "revising"]) {
        await eventually(() => page.locator(`[data-kind="${kind}"] .chip`).textContent()).toBe("Done");
        expect(await page.locator(`[data-kind="${kind}"] .canvas .token:not(.mask)`).count()).toBeGreaterThan(0);
      }

      await page.getByRole("tab", { name: "Proofread" }).click();
      await page.getByLabel("Description to check").fill("a cat on a mat");
      await page.getByRole("button", { name: "Proofread" }).click();
      await page.getByTestId("result").waitFor();
      if ((await page.getByRole("button", { name: "Reject all" }).count()) > 0) {
        await page.getByRole("button", { name: "Reject all" }).click();
      }
      expect(await page.getByTestId("result").textContent()).toBe("a cat on a mat");

      await page.getByRole("tab", { name: "Fill" }).click();
      await page.getByLabel("Text with blanks").fill("a [[2]] on a mat");
      await page.getByRole("button", { name: "Fill the blanks" }).click();
      expect(await page.getByTestId("filled").textContent()).toMatch(/^a .*on a mat$/s);

      await page.getByRole("tab", { name: "Chat" }).click();
      await page.getByLabel("Your question").fill("what is there?");
      await page.getByRole("button", { name: "Ask", exact: true }).click();
      await page.getByRole("button", { name: "Ask", exact: true }).waitFor({ timeout: 20_000 });
      await page.getByRole("article", { name: "Model" }).waitFor();
      expect(await page.getByRole("alert").count()).toBe(0);
      expect(errors).toEqual([]);
    } finally {
      await close();
      await browser.close();
      await server[Symbol.asyncDispose]();
    }
  },
);
