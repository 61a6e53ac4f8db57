/** Event files: the bytes that Python's tensorboard writes (testdata/python.json), and decoded again. */
import { readFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { decodeRecords } from "../testing/decode-events.js";
import { crc32c, type Event, encodeEvent, encodeRecord, FILE_VERSION } from "./event-file.js";

const python = JSON.parse(readFileSync(new URL("../testdata/python.json", import.meta.url), "utf8")) as {
  records: string[];
};

test.each([
  ["123456789", 0xe3069283], // the check value of CRC-32C
  ["", 0],
])("crc32c of %j", (text, wanted) => expect(crc32c(Buffer.from(text))).toBe(wanted));

describe("records are those of Python's tensorboard", () => {
  const events: Event[] = [
    { wallTime: 1700000000.25, step: 0, what: { fileVersion: FILE_VERSION } },
    { wallTime: 1700000001.5, step: 300, what: { start: true } },
    {
      wallTime: 1700000002,
      step: 300,
      what: {
        scalars: [
          ["train/loss", 1.5],
          ["train/lr", 1e-5],
        ],
      },
    },
  ];
  test.each(events.map((event, i) => [i, event] as const))("event %i", (i, event) => {
    expect(encodeRecord(encodeEvent(event)).toString("hex")).toBe(python.records[i]);
  });
});

test("what is written is decoded, whatever tags, steps and values", () => {
  const scalars = fc.array(fc.tuple(fc.string({ unit: "binary" }), fc.float({ noNaN: true })), { maxLength: 4 });
  const event = fc.record({ wallTime: fc.double({ noNaN: true }), step: fc.maxSafeNat(), scalars });
  fc.assert(
    fc.property(fc.array(event, { maxLength: 4 }), (events) => {
      const file = events.map(({ wallTime, step, scalars }) =>
        encodeRecord(encodeEvent({ wallTime, step, what: { scalars } })),
      );
      const wanted = events.map(({ wallTime, step, scalars }) => ({ wallTime, step, scalars }));
      expect(decodeRecords(Buffer.concat(file))).toEqual(wanted);
    }),
  );
});

test("a flipped bit is seen", () => {
  const record = encodeRecord(encodeEvent({ wallTime: 1, step: 2, what: { scalars: [["a", 1]] } }));
  for (let at = 0; at < record.length; at++) {
    const broken = Buffer.from(record);
    broken[at] = broken[at]! ^ 4;
    expect(() => decodeRecords(broken), String(at)).toThrow();
  }
});
