/** The real server with the embedded models, as a newcomer starts it. */
import { type ChildProcess, spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import type { Browser } from "playwright-core";
import { afterAll, beforeAll } from "vitest";
import { launch } from "./browser.js";

export const root = fileURLToPath(new URL("../../../", import.meta.url));
export const isBuilt = existsSync(`${root}packages/rediff/dist/cli/main.js`);

/** As `npm start` does, with nothing said but the port. */
async function serve(): Promise<{ url: string; child: ChildProcess }> {
  const args = [`${root}packages/rediff/bin/rediff.mjs`, "serve", "--port", "0", "--threads", "1"];
  const child = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "ignore"] });
  const url = await new Promise<string>((resolve, reject) => {
    child.stdout?.once("data", (text) => resolve(String(text).trim()));
    child.once("exit", (code) => reject(new Error(`rediff serve ended with ${code}`)));
  });
  return { url, child };
}

/** A browser and that server, for the tests of the `describe` in which it is called. */
export function startedEmbedded(): { readonly browser: Browser; readonly url: string } {
  let browser: Browser | undefined;
  let served: Awaited<ReturnType<typeof serve>> | undefined;
  beforeAll(async () => {
    [served, browser] = await Promise.all([serve(), launch()]);
  }, 60_000);
  afterAll(async () => {
    await browser?.close();
    served?.child.kill("SIGTERM");
  });
  const needed = <T>(part: T | undefined): T => {
    if (part === undefined) throw new Error("the server is there in tests only");
    return part;
  };
  return {
    get browser() {
      return needed(browser);
    },
    get url() {
      return needed(served).url;
    },
  };
}
