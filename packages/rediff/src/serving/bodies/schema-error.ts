/** What a schema has against a request, as an answer: the first thing that is wrong, with OpenAI's notation for where
 *  ("messages[0].content"). */
import type { z } from "zod";
import { issueText, jsonTypes } from "../../options/issue-text.js";
import { nearestName } from "../../options/near-name.js";
import { ApiError, clip } from "../http/error-object.js";
import { NOT_SUPPORTED, OTHER_NAMES } from "../schemas/neutral-fields.js";

type Issue = z.core.$ZodIssue;

/** @param value the body
 *  @param fields that a request may have */
export function schemaError(error: z.ZodError, value: unknown, fields: readonly string[]): ApiError {
  const issue = deepest(error.issues[0]);
  if (issue === undefined) return new ApiError(400, "the request is not valid");
  const isRefused = issue.message.startsWith(NOT_SUPPORTED);
  if (issue.code === "unrecognized_keys" && !isRefused) {
    const [key = ""] = issue.keys;
    const param = pathText([...issue.path, key]);
    const near = issue.path.length > 0 ? undefined : nearestName(key, fields, OTHER_NAMES);
    const known = near !== undefined && fields.includes(near);
    return new ApiError(400, `unknown field ${clip(param)}${known ? `; did you mean ${near}?` : ""}`, {
      param: clip(param),
      code: "unknown_parameter",
    });
  }
  const param = pathText(issue.path);
  const text = isRefused ? issue.message : issueText(issue, jsonTypes, valueAt(value, issue.path));
  return new ApiError(400, param === "" ? text : `${clip(param)}: ${text}`, {
    param: param === "" ? undefined : param,
    code: isRefused ? "unsupported_parameter" : "invalid_value",
  });
}

/** Of a union the alternative that came furthest: it says what is wrong in it rather than that nothing fits. */
function deepest(issue: Issue | undefined, path: PropertyKey[] = []): Issue | undefined {
  if (issue === undefined) return undefined;
  const here = { ...issue, path: [...path, ...issue.path] };
  if (issue.code !== "invalid_union") return here;
  const branches = issue.errors.map(([first]) => deepest(first, here.path)).filter((branch) => branch !== undefined);
  const best = branches.sort((a, b) => b.path.length - a.path.length)[0];
  return best !== undefined && best.path.length > here.path.length ? best : here;
}

function valueAt(value: unknown, path: readonly PropertyKey[]): unknown {
  return path.reduce<unknown>(
    (inner, key) =>
      typeof inner === "object" && inner !== null ? (inner as Record<PropertyKey, unknown>)[key] : undefined,
    value,
  );
}

function pathText(path: readonly PropertyKey[]): string {
  return path.map((key, i) => (typeof key === "number" ? `[${key}]` : `${i > 0 ? "." : ""}${String(key)}`)).join("");
}
