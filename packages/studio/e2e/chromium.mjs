// @ts-check
/** Where the browser is: CHROMIUM, or the first of the usual places. */
import { existsSync } from "node:fs";

const usual = [
  "/usr/bin/chromium",
  "/usr/bin/chromium-browser",
  "/usr/bin/google-chrome",
  "/usr/bin/google-chrome-stable",
  "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
];

export const chromiumPath = [process.env.CHROMIUM, ...usual].find((path) => path !== undefined && existsSync(path));
export const chromiumFlags = ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"];
