/** What is being written has a hidden name beside its place, `.NAME.PURPOSE-HOST-PID`, and gets its own name when it is
 *  whole. So what a killed run has left can be told from what another run is at work on. */
import { hostname } from "node:os";
import { basename, join } from "node:path";
import { isAlive } from "./processes.js";

/** `removing`: on its way out, so that a half-emptied folder is never taken for a whole one. */
export type Purpose = "partial" | "saving" | "removing";

const HIDDEN = /^\.(.+)\.(partial|saving|removing)-(.+)-(\d+)$/;

/** @param parent the folder of the hidden name, mostly that of the target */
export const hiddenPath = (parent: string, target: string, purpose: Purpose): string =>
  join(parent, `.${basename(target)}.${purpose}-${hostname()}-${process.pid}`);

export interface HiddenName {
  /** The name that the file or folder was to have. */
  of: string;
  purpose: string;
  owner: "this process" | "a process of this machine" | "a process that is no more" | "another machine";
}

/** Undefined for names of another form. */
export function readHiddenName(name: string): HiddenName | undefined {
  const [, of, purpose, host, digits] = HIDDEN.exec(name) ?? [];
  if (of === undefined || purpose === undefined) return undefined;
  return { of, purpose, owner: ownerOf(host, Number(digits)) };
}

function ownerOf(host: string | undefined, pid: number): HiddenName["owner"] {
  if (host !== hostname()) return "another machine";
  if (pid === process.pid) return "this process";
  return isAlive(pid) ? "a process of this machine" : "a process that is no more";
}
