// @ts-check
import assert from "node:assert/strict";
import { normalize } from "node:path";
import {
  checkModelId,
  checkRevision,
  fileFilter,
  isSafeFileName,
} from "../../../../packages/rediff/dist/hub/hub-names.js";
import { memberPath } from "../../../../packages/rediff/dist/pipeline/archives/member-path.js";
import { textOf, utf8 } from "../../bytes.mjs";
import { defineTarget } from "../../target.mjs";

const staysInside = (/** @type {string} */ path) => !/^\.\.(\/|$)|^\//.test(normalize(path));

/** Names of models, revisions, files and archive members: what is taken stays in its folder. */
export default defineTarget({
  covers: ["hub/hub-names.js", "pipeline/archives/member-path.js"],
  seeds: [
    "GSAI-ML/LLaDA-V",
    "main",
    "refs/pr/1",
    "model-00001-of-00002.safetensors",
    "a/b/*.json",
    "[!a-z]?",
    "https://hf.co/a/b",
  ].map(utf8),
  dictionary: ["/", "..", ".", "\\", "\0", "--", ":", "*", "[", "]", "[!", "?", "%2e", "C:", ".git", ".lock"],
  run(input) {
    const name = textOf(input);
    if (isSafeFileName(name)) assert.ok(staysInside(name));
    const member = memberPath(name);
    if (typeof member === "string") assert.ok(staysInside(member));
    if (name.length < 300) fileFilter([name])("model-00001-of-00002.safetensors");
    assert.ok(staysInside(checkRevision(name)));
    return checkModelId(name);
  },
});
