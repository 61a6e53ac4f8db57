import { expect, test } from "vitest";
import { retryAfterMs } from "./retry-after.js";

const date = "Sat, 02 Jan 2010 10:00:00 GMT";

test.each([
  ["3", undefined, 3000],
  [" 0.5 ", date, 500],
  ["-7", date, 0],
  ["Sat, 02 Jan 2010 10:00:20 GMT", date, 20_000], // years from what this machine's clock says
  ["Sat, 02 Jan 2010 09:00:00 GMT", date, 0],
  ["Sat, 02 Jan 2010 10:00:20 GMT", undefined, 0], // long ago, by this machine's clock
  ["soon", date, undefined],
  ["Infinity", date, undefined],
  ["", date, undefined],
  [null, date, undefined],
])("Retry-After: %s, where the server has %s, is %s ms", (text, server, ms) => {
  expect(retryAfterMs(text, server)).toBe(ms);
});
