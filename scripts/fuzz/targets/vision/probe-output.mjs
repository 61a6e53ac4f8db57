// @ts-check
import assert from "node:assert/strict";
import { readProbe } from "../../../../packages/rediff/dist/vision/video/probe-output.js";
import { json, textOf } from "../../bytes.mjs";
import { defineTarget } from "../../target.mjs";

const stream = { width: 64, height: 48, avg_frame_rate: "30000/1001", nb_read_packets: "12" };

/** What ffprobe writes, which repeats what a file says of itself. */
export default defineTarget({
  covers: ["vision/video/probe-output.js"],
  seeds: [json({ programs: [], streams: [stream] }), json({ streams: [stream, { ...stream, avg_frame_rate: "0/0" }] })],
  dictionary: ['"streams":', '"nb_read_packets":', '"0/0"', "1e400", "-1", "null", "[]", "{}"],
  run(input) {
    const streams = readProbe(textOf(input));
    for (const { packets, fps } of streams ?? []) {
      assert.ok(Number.isInteger(packets) && packets >= 0, `${packets} packets`);
      assert.ok(!(fps < 0), `${fps} frames a second`);
    }
    return streams !== undefined;
  },
});
