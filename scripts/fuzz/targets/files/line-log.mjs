// @ts-check
import { LineLog } from "../../../../packages/rediff/dist/files/line-log.js";
import { utf8 } from "../../bytes.mjs";
import { defineTarget } from "../../target.mjs";

export default defineTarget({
  covers: ["files/line-log.js", "files/utf8-text.js"],
  file: "lines.jsonl",
  seeds: ['{"key":1}\n{"key":2}\n', '{"key":1}\n{"key":"ü', '{"key":[{}]}', ""].map(utf8),
  dictionary: ['{"key":', "\n", "\r\n", "}", "{", "[", "\ufeff", "null", "\u2028"],
  async run(_, { file }) {
    const onLine = (/** @type {unknown} */ value) => typeof value === "object" && value !== null && "key" in value;
    const log = await LineLog.open(file, { beginning: '{"key":', what: "no line of ours", onLine });
    await log.close();
  },
});
