// @ts-check
import assert from "node:assert/strict";
import { textOf, utf8 } from "../../bytes.mjs";
import { studioModule } from "../../studio-module.mjs";
import { defineTarget } from "../../target.mjs";

const { createSseParser } = await studioModule("server/sse.ts");
assert.ok(createSseParser !== undefined);

/** Server-sent events as the page reads them: the same events, however the stream was cut. */
export default defineTarget({
  covers: [],
  refusesNothing: true,
  seeds: ['data: {"a":1}\n\ndata: [DONE]\n\n', ": ping\r\n\r\ndata:a\r\ndata:b\r\n\r\n", "event: x\rdata: y\r\r"].map(
    utf8,
  ),
  dictionary: ["data:", "\n\n", "\r\n", "\r", ":", "id: 1\n"],
  run(input) {
    const text = textOf(input);
    const whole = createSseParser().push(/** @type {never} */ (text));
    const parser = createSseParser();
    const pieces = [];
    for (let at = 0; at < text.length; at += Math.max(3, text.length >> 8))
      pieces.push(...parser.push(/** @type {never} */ (text.slice(at, at + Math.max(3, text.length >> 8)))));
    assert.deepEqual(pieces, whole);
  },
});
