// @ts-check
import { expandBraces } from "../../../../packages/rediff/dist/data/records/brace-expansion.js";
import { parseStrategy } from "../../../../packages/rediff/dist/data/records/mixture.js";
import { textOf, utf8 } from "../../bytes.mjs";
import { defineTarget } from "../../target.mjs";

export default defineTarget({
  covers: ["data/records/brace-expansion.js"],
  seeds: ["a{x,y}.json", "shard-{000..009}.tar", "{a,b{1..3}}/{c,d}.json", "plain.json", "{first:10%,end:3}"].map(utf8),
  dictionary: ["{", "}", ",", "..", "{1..1000}", "{0..999999}", "{a,b}", "{a,", "{{", "}}", "{9..1}"],
  run(input) {
    const text = textOf(input);
    const names = expandBraces(text);
    if (names.length > 1) return true;
    return parseStrategy(text);
  },
});
