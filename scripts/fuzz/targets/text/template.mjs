// @ts-check
import assert from "node:assert/strict";
import { parseTemplate } from "../../../../packages/rediff/dist/inference/template/fill-template.js";
import { textOf, utf8 } from "../../bytes.mjs";
import { defineTarget } from "../../target.mjs";

/** The template as it would be typed.
 *  @param {import("../../../../packages/rediff/dist/inference/template/fill-template.js").Template} parts */
const printed = (parts) =>
  parts
    .map((part, i) => {
      if (part.kind === "blank") return `[[${part.tokens}]]`;
      // Backslashes before brackets count, and so do brackets before a blank.
      const isBeforeBlank = parts[i + 1] !== undefined;
      const text = part.text.replace(/(\\*)\[\[/g, (_, slashes) => `${slashes}${slashes}\\[[`);
      return isBeforeBlank ? text.replace(/\\+$/, (slashes) => slashes + slashes) : text;
    })
    .join("");

export default defineTarget({
  covers: ["inference/template/fill-template.js"],
  seeds: ["A [[2]] sleeps.", "[[1]][[16384]", "\\\\[[3]] and \\[[3]]", "[[[1]]] [[", "[[16]] [[16]] ü𝄞"].map(utf8),
  dictionary: ["[[", "]]", "[[1]]", "[[2]]", "[", "]", "\\", "\\[[", "[[0]]", "[[99999]]", "[[ 1 ]]"],
  run(input) {
    const parts = parseTemplate(textOf(input));
    assert.ok(parts.every((part, i) => part.kind !== "text" || (part.text !== "" && parts[i + 1]?.kind !== "text")));
    assert.ok(printed(parts).length > 0);
  },
});
