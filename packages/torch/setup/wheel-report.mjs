// @ts-check
/** What fetching tells: events, to lines and bars for people, and failures to errors with a remedy. */
import { SetupError } from "./errors.mjs";
import { cacheRoot } from "./paths.mjs";
import { megabytes, since } from "./progress.mjs";

export const OWN_TORCH = "Or set LIBTORCH to a folder that holds libtorch's lib/ and include/.";

/**
 * @typedef {object} WheelEvent what wheels.py writes, and fetch-wheels.mjs says
 * @property {string} event
 * @property {string} [file]
 * @property {number} [done] bytes
 * @property {number | null} [total]
 * @property {string} [reason]
 * @property {string} [kind]
 * @property {string} [message]
 * @property {number} [needed] bytes
 * @property {number} [available]
 * @property {string} [folder]
 */

/** @typedef {(event: WheelEvent) => void} Listener */

/**
 * @param {import("./progress.mjs").Ui} ui
 * @returns {Listener}
 */
export function reporter(ui) {
  let last = "";
  let started = performance.now();
  let bytes = 0;
  return (event) => {
    if (event.event !== "progress") {
      if (bytes > 1e6) ui.say(`  ${megabytes(bytes)} MB in ${since(started)}`);
      bytes = 0;
    }
    if (event.event === "found") {
      ui.say(`  ${event.file}`);
      started = performance.now();
    } else if (event.event === "progress") {
      bytes = event.done ?? 0;
      ui.bar(event.file ?? "", bytes, event.total ?? null);
    } else if (event.event === "unpack") {
      if (last !== "unpack") started = performance.now();
      ui.bar("unpacking", event.done ?? 0, event.total ?? null);
      if (event.done === event.total) ui.say(`  unpacked ${megabytes(event.total ?? 0)} MB in ${since(started)}`);
    } else if (event.event === "resume") {
      ui.say(`  going on after the ${megabytes(event.done ?? 0)} MB of an earlier run`);
    } else if (event.event === "retry") {
      ui.say(`  interrupted (${event.reason}); trying to go on`);
    } else if (event.event === "fallback") {
      ui.say(
        `  this pip is not known (${event.reason}): a plain pip download, which cannot go on after an interruption`,
      );
    }
    last = event.event;
  };
}

/**
 * @param {Omit<WheelEvent, "event">} failure
 * @param {"pip" | "index"} way by which it was fetched: by pip, or from its package index without it
 */
export function explain({ kind, message = "", needed = 0, available = 0, folder = cacheRoot() }, way) {
  const text = message.replace(/[.\s]+$/, "");
  const settings = way === "pip" ? "pip's settings (pip config list)" : "pip's settings (PIP_INDEX_URL, pip.conf)";
  if (kind === "disk") {
    const numbers = needed > 0 ? `: ${megabytes(needed)} MB needed, ${megabytes(available)} MB free` : "";
    return new SetupError(
      `${text} in ${folder}${numbers}`,
      "Make room, or set REDIFF_CACHE to a folder on another disk.",
    );
  }
  if (kind === "network") {
    return new SetupError(
      `libtorch could not be fetched (${text})`,
      `Check the network and ${settings}, then run it again: it goes on where it stopped. ${OWN_TORCH}`,
    );
  }
  if (kind === "notfound") return new SetupError(text, `Check which package index is used: ${settings}. ${OWN_TORCH}`);
  if (kind === "settings") {
    return new SetupError(
      `libtorch could not be fetched (${text})`,
      `Mend ${settings}, or install Python with pip, which reads them itself. ${OWN_TORCH}`,
    );
  }
  if (kind === "hash")
    return new SetupError(text, `Run it again; if it happens twice, the package index is at fault. ${OWN_TORCH}`);
  return new SetupError(`pip could not fetch libtorch (${text})`, OWN_TORCH);
}
