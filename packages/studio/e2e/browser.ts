/** Debian's Chromium for the end-to-end tests, the page in it, and what went wrong inside. */
import { type Browser, type BrowserContextOptions, chromium, type Page } from "playwright-core";
import { afterAll, beforeAll, expect } from "vitest";
import { buildStudio, isStudioBuilt } from "../scripts/build.mjs";
import { type MockServer, startMockServer } from "../src/testing/mock-server.js";
import { chromiumFlags, chromiumPath } from "./chromium.mjs";

export { chromiumPath };

if (chromiumPath === undefined) {
  process.stderr.write("studio: no Chromium found, its end-to-end tests are skipped. Install one or set CHROMIUM.\n");
}

const PATIENCE_MS = 15_000;

export async function launch(): Promise<Browser> {
  if (!isStudioBuilt()) await buildStudio();
  return await chromium.launch({
    ...(chromiumPath === undefined ? {} : { executablePath: chromiumPath }),
    args: chromiumFlags,
  });
}

/** A browser, and a server with made-up answers, for the tests of the `describe` in which it is called. */
export function startedStudio(): { readonly browser: Browser; readonly server: MockServer } {
  const started: { browser?: Browser; server?: MockServer } = {};
  beforeAll(async () => {
    [started.browser, started.server] = await Promise.all([launch(), startMockServer()]);
  });
  afterAll(async () => {
    await started.browser?.close();
    await started.server?.close();
  });
  const needed = <T>(part: T | undefined): T => {
    if (part === undefined) throw new Error("the studio is there in tests only");
    return part;
  };
  return {
    get browser() {
      return needed(started.browser);
    },
    get server() {
      return needed(started.server);
    },
  };
}

export interface OpenPage {
  page: Page;
  /** Errors of scripts and of the security policy. */
  errors: string[];
  close(): Promise<void>;
}

export async function open(browser: Browser, url: string, options: BrowserContextOptions = {}): Promise<OpenPage> {
  // With little motion: colours half way through a transition are nobody's choice.
  const context = await browser.newContext({
    viewport: { width: 1360, height: 900 },
    reducedMotion: "reduce",
    ...options,
  });
  const page = await context.newPage();
  page.setDefaultTimeout(PATIENCE_MS);
  const errors: string[] = [];
  page.on("pageerror", (error) => errors.push(error.message));
  page.on("console", (message) => {
    // A failed request is logged by the browser itself; tests of failures expect those.
    if (message.type() === "error" && !message.text().startsWith("Failed to load resource"))
      errors.push(message.text());
  });
  await page.goto(url);
  return { page, errors, close: () => context.close() };
}

/** One white pixel. */
export const PIXEL = Buffer.from(
  "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8/5+hHgAHggJ/PchI7wAAAABJRU5ErkJggg==",
  "base64",
);

/** As the operating system's drag and drop, or its clipboard, would bring it. */
export async function bring(
  page: Page,
  how: "drop" | "paste",
  target: string,
  file: { name: string; type: string; bytes?: Buffer },
) {
  await page.locator(target).evaluate(
    (element, { how, name, type, base64 }) => {
      const bytes = Uint8Array.from(atob(base64), (sign) => sign.charCodeAt(0));
      const transfer = new DataTransfer();
      transfer.items.add(new File([bytes], name, { type }));
      const event =
        how === "drop"
          ? new DragEvent("drop", { dataTransfer: transfer, bubbles: true, cancelable: true })
          : new ClipboardEvent("paste", { clipboardData: transfer, bubbles: true, cancelable: true });
      element.dispatchEvent(event);
    },
    { how, name: file.name, type: file.type, base64: (file.bytes ?? PIXEL).toString("base64") },
  );
}

/** A busy machine takes its time: expect.poll with as much patience as the page's own waits. */
export function eventually<T>(read: () => T | Promise<T>) {
  return expect.poll(read, { timeout: PATIENCE_MS });
}
