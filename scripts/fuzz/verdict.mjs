// @ts-check
/** What a parser did with an input, and whether it may. */
import { AssertionError } from "node:assert";
import { errorText } from "../../packages/rediff/dist/cli/terminal/error-text.js";
import { UserError } from "../../packages/rediff/dist/errors.js";
import { ApiError } from "../../packages/rediff/dist/serving/http/error-object.js";
import { SafetensorsError } from "../../packages/torch/dist/index.js";

/** @typedef {import("./target.mjs").Target} Target */

/** Words of Node and of V8 that tell a user nothing. */
const RAW =
  /\b(?:E(?:NOENT|ISDIR|NOTDIR|ACCES|EXIST|INVAL|IO|PERM|MFILE|NAMETOOLONG|LOOP)|ERR_[A-Z_]+)\b|Cannot (?:read propert|set propert|convert|mix|destructure)|(?<!that )is not (?:a function|iterable|defined|a constructor)|Invalid (?:array|string|typed array) length|Maximum call stack|Array buffer allocation|\[object \w+\]/;

const LONGEST_LINE = 6100;

/**
 * @param {Target} target
 * @param {unknown} error
 * @returns {string | undefined} what is wrong with it; undefined where it is a refusal as it should be
 */
export function wrongWith(target, error) {
  if (!(error instanceof Error)) return `threw what is no error: ${String(error)}`;
  if (error instanceof AssertionError) return `broke a rule: ${error.message.replace(/\s+/g, " ").slice(0, 400)}`;
  const classes = [UserError, SafetensorsError, ApiError, ...(target.refusals ?? [])];
  if (!classes.some((known) => error instanceof known)) return `threw ${error.name}: ${error.message}`;
  // An answer of the API is JSON, where everything is escaped; what a parser throws of its own is told by its callers.
  const isOwn = (target.refusals ?? []).some((known) => error instanceof known);
  const line = error instanceof ApiError || isOwn ? error.message : errorText(error);
  const raw = RAW.exec(line);
  if (raw !== null) return `says "${raw[0]}" to the user: ${line}`;
  if (!(error instanceof ApiError) && /(?!\t)\p{Cc}/u.test(line))
    return `is not one plain line: ${JSON.stringify(line)}`;
  if (line.length > LONGEST_LINE) return `is a line of ${line.length} characters: ${line.slice(0, 100)}`;
  return undefined;
}
