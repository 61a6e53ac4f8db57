import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { parseReply } from "./expert-reply.js";

const pairs = [{ org: "a dog", target: "a cat" }];
const json = JSON.stringify(pairs);

test.each(["right", "Right", " right.\n", "RIGHT!", '"right"', "`right`", "**right**", "```\nright\n```", "'right'."])(
  "%j means that nothing is wrong",
  (reply) => {
    expect(parseReply(reply)).toEqual({ kind: "right" });
  },
);

test.each([
  json,
  `\n ${json} `,
  `\`\`\`json\n${json}\n\`\`\``,
  `\`\`\`JSON\n${json}\`\`\``,
  `\`\`\`\n${json}\n\`\`\`\n`,
  JSON.stringify(pairs[0]),
  JSON.stringify([{ org: " a dog ", target: "a cat\n", why: "colour" }]),
])("%j is a list", (reply) => {
  expect(parseReply(reply)).toEqual({ kind: "pairs", pairs, malformed: [] });
});

test("fences and the word json inside of values stay", () => {
  const reply = JSON.stringify([{ org: "json ``` x", target: "```json y" }]);
  expect(parseReply(reply)).toEqual({
    kind: "pairs",
    pairs: [{ org: "json ``` x", target: "```json y" }],
    malformed: [],
  });
});

test("what is no pair of texts is told apart from those that are", () => {
  const list = [...pairs, { org: "x" }, { org: "x", target: 5 }, ["x", "y"], null, "x"];
  expect(parseReply(JSON.stringify(list))).toEqual({ kind: "pairs", pairs, malformed: list.slice(1) });
  expect(parseReply("[]")).toEqual({ kind: "pairs", pairs: [], malformed: [] });
});

describe("unusable", () => {
  test.each<[unknown, string]>([
    [undefined, "no_reply"],
    [null, "no_reply"],
    ["", "no_reply"],
    [" \n", "no_reply"],
    [5, "no_reply"],
    ["alright", "not_json"],
    ["right, but", "not_json"],
    [`Here you go: ${json}`, "not_json"],
    [`${json.slice(0, -1)},]`, "not_json"],
    ["```json\n```", "not_json"],
    ["null", "not_a_list"],
    ["5", "not_a_list"],
    ['{"errors": []}', "not_a_list"],
    ['"wrong"', "not_a_list"],
  ])("%j: %s", (reply, reason) => {
    expect(parseReply(reply)).toEqual({ kind: "unusable", reason });
  });
});

test("any list of pairs comes back, fenced or not; any text gives an answer", () => {
  const span = fc.record({ org: fc.string(), target: fc.string() });
  fc.assert(
    fc.property(fc.array(span), fc.boolean(), (list, isFenced) => {
      const text = JSON.stringify(list, null, 1);
      const read = parseReply(isFenced ? `\`\`\`json\n${text}\n\`\`\`` : text);
      const trimmed = list.map(({ org, target }) => ({ org: org.trim(), target: target.trim() }));
      expect(read).toEqual({ kind: "pairs", pairs: trimmed, malformed: [] });
    }),
  );
  fc.assert(fc.property(fc.string(), (text) => parseReply(text).kind.length > 0));
});
