import fc from "fast-check";
import { expect, test } from "vitest";
import { createSseParser } from "./sse.js";

const parsed = (chunks: readonly string[]) => {
  const parser = createSseParser();
  return chunks.flatMap((chunk) => parser.push(chunk));
};

test("events are data between empty lines; comments and other fields are nothing", () => {
  expect(parsed([": hi\nevent: x\ndata: one\n\ndata:two\ndata: three\n\nid: 4\n\n"])).toEqual(["one", "two\nthree"]);
});

test("an event that is not complete does not come", () => {
  expect(parsed(["data: one\n"])).toEqual([]);
});

test("however the stream is cut, and whatever its lines end with, the events are the same", () => {
  const data = fc.string({ unit: "grapheme", maxLength: 8 }).map((text) => text.replace(/[\r\n]/g, "_"));
  fc.assert(
    fc.property(
      fc.array(data, { maxLength: 6 }),
      fc.constantFrom("\n", "\r\n"),
      fc.array(fc.nat(200), { maxLength: 12 }),
      (events, end, cuts) => {
        const stream = events.map((event) => `data: ${event}${end}${end}`).join("");
        const places = [0, ...cuts.map((cut) => Math.min(cut, stream.length)).sort((a, b) => a - b), stream.length];
        const chunks = places.slice(1).map((place, i) => stream.slice(places[i], place));
        expect(parsed(chunks)).toEqual(events);
      },
    ),
  );
});
