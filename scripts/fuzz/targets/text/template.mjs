// @ts-check
import assert from "node:assert/strict";
import { parseTemplate } from "../../../../packages/rediff/dist/inference/template/fill-template.js";
import { textOf, utf8 } from "../../bytes.mjs";
import { defineTarget } from "../../target.mjs";

/** The text as it would be typed.
 *  @param {string} text @param {boolean} isBeforeBlank */
function typed(text, isBeforeBlank) {
  const source = isBeforeBlank ? `${text}[[` : text;
  let out = "";
  let at = 0;
  for (let open = source.indexOf("[[", at); open >= 0; open = source.indexOf("[[", at)) {
    let slashes = 0;
    while (open - slashes > at && source[open - slashes - 1] === "\\") slashes++;
    out += source.slice(at, open) + "\\".repeat(slashes);
    at = open;
    if (open + 2 > text.length) break;
    out += "\\[[";
    at += 2;
  }
  return out + text.slice(at);
}

export default defineTarget({
  covers: ["inference/template/fill-template.js"],
  seeds: ["A [[2]] sleeps.", "[[1]][[16384]", "\\\\[[3]] and \\[[3]]", "[[[1]]] [[", "[[16]] [[16]] ü𝄞"].map(utf8),
  dictionary: ["[[", "]]", "[[1]]", "[[2]]", "[", "]", "\\", "\\[[", "[[0]]", "[[99999]]", "[[ 1 ]]"],
  run(input) {
    const parts = parseTemplate(textOf(input));
    const printed = parts.map((part, i) =>
      part.kind === "blank" ? `[[${part.tokens}]]` : typed(part.text, parts[i + 1] !== undefined),
    );
    assert.deepEqual(parseTemplate(printed.join("")), parts, "what is typed again is the same");
  },
});
