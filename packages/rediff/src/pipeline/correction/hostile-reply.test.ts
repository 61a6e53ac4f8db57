/** Replies of megabytes: an expert is somebody else's program. What takes its square in time would take hours here. */
import { describe, expect, test } from "vitest";
import { parseReply } from "./expert-reply.js";
import { readOriginalReply } from "./original-reply.js";

const LONG = 1_000_000;
const pair = '{"org": "a", "target": "b"}';
const original = (reply: string) => readOriginalReply(reply, (text) => text.length);

describe("a reply is read in one pass:", () => {
  test("blanks inside of it", () => {
    expect(parseReply(`[${" ".repeat(LONG)}${pair}]`)).toMatchObject({ kind: "pairs" });
    expect(parseReply(`a${" \n".repeat(LONG)}b`)).toMatchObject({ kind: "unusable" });
    expect(original(`[${" ".repeat(LONG)}${pair}, NaN]`)).toMatchObject({ kind: "pairs", kept: [{ org: "a" }] });
  });

  test("quotes and escapes, with an end and without", () => {
    expect(original('\\"'.repeat(LONG)).kind).toBe("unreadable");
    expect(original('"'.repeat(LONG)).kind).toBe("unreadable");
    expect(original(`[NaN, "${'\\"'.repeat(LONG)}"]`)).toMatchObject({ kind: "pairs", kept: [] });
  });
});

test("NaN in a string stays, outside it is null", () => {
  expect(original('[{"org": "NaN \\" -Infinity", "target": "0123456789abcde", "n": -Infinity}]')).toEqual({
    kind: "pairs",
    kept: [{ org: 'NaN " -Infinity', target: "0123456789abcde", n: null }],
    dropped: [],
  });
});

test("lists in each other beyond all measure are no reply", () => {
  const deep = "[".repeat(LONG) + "]".repeat(LONG);
  expect(parseReply(deep)).toEqual({ kind: "unusable", reason: "not_json" });
  expect(original(`[{"org": ${deep}}]`).kind).toBe("unreadable");
});
