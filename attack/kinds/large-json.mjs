// JSON that is much work to parse, or to look at.

import { CHAT } from "../questions.mjs";
import { post } from "../wire.mjs";

const MIB = 1 << 20;
const QUESTION = '"messages":[{"role":"user","content":"What is here?"}],"max_tokens":8';
const REFUSED = [400, 413];

/** What is in it, how it is to be answered, and how it is made.
 *  @type {readonly (readonly [string, readonly number[], () => string])[]} */
const BODIES = [
  ["900,000 keys in a field that nothing reads", REFUSED, () => `{${QUESTION},"metadata":{${keys(900_000)}}}`],
  ["900,000 keys on top", REFUSED, () => `{${QUESTION},${keys(900_000)}}`],
  ["40,000 keys in a field that nothing reads", [200, 400], () => `{${QUESTION},"metadata":{${keys(40_000)}}}`],
  ["15 MiB of brackets", REFUSED, () => "[".repeat(15 * MIB)],
  ["15 MiB of objects in each other", REFUSED, () => '{"a":'.repeat(3 * MIB)],
  [
    "lists in each other, closed",
    REFUSED,
    () => `{${QUESTION},"metadata":${"[".repeat(100_000)}${"]".repeat(100_000)}}`,
  ],
  ["a million zeros", REFUSED, () => `{${QUESTION},"metadata":[${"0,".repeat(1_000_000)}0]}`],
  ["a string of 15 MiB that nothing reads", [200, 400], () => `{${QUESTION},"user":"${"x".repeat(15 * MIB)}"}`],
  ["a string of 15 MiB of escapes", [200, 400], () => `{${QUESTION},"user":"${"\\u0041".repeat(2.5 * MIB)}"}`],
  ["15 MiB of blanks", [200, 400], () => `{${" ".repeat(15 * MIB)}${QUESTION}}`],
  ["a number of 15 MiB", REFUSED, () => `{${QUESTION},"seed":${"9".repeat(15 * MIB)}}`],
  ["a key of 15 MiB", REFUSED, () => `{${QUESTION},"${"k".repeat(15 * MIB)}":1}`],
  ["a role of 15 MiB", REFUSED, () => `{"messages":[{"role":"${"k".repeat(15 * MIB)}","content":"x"}]}`],
  [
    "40,000 messages",
    [200, 400],
    () => `{"messages":[${'{"role":"user","content":"a"},'.repeat(15_000)}{"role":"user","content":"a"}]}`,
  ],
  [
    "40,000 unread parts",
    REFUSED,
    () => `{"messages":[{"role":"user","content":[${'{"type":"x"},'.repeat(20_000)}0]}]}`,
  ],
  ["the same key 20,000 times", [200, 400], () => `{${'"max_tokens":8,'.repeat(20_000)}${QUESTION}}`],
  ["__proto__", REFUSED, () => `{${QUESTION},"__proto__":{"stream":true}}`],
  ["constructor", REFUSED, () => `{${QUESTION},"constructor":{"prototype":{"stream":true}}}`],
  ["__proto__ in a message", REFUSED, () => '{"messages":[{"__proto__":{"role":"user"},"content":"a"}]}'],
  ["cut off", REFUSED, () => `{${QUESTION},"user":"${"x".repeat(MIB)}`],
  ["nothing but quotes", REFUSED, () => '"'.repeat(4 * MIB)],
  ["backslashes", REFUSED, () => `{"a":"${"\\".repeat(4 * MIB)}`],
];

/** @param {number} count */
const keys = (count) => Array.from({ length: count }, (_, i) => `"k${i}":1`).join();

/** @type {import("../kinds.mjs").Kind} */
export const largeJson = {
  name: "large-json",
  title: "JSON of many keys, brackets and megabytes",
  async attack({ target, random, tally }) {
    const [what, statuses, make] = random.pick(BODIES);
    tally.judge(what, await post(target, CHAT, make()), statuses);
  },
};
