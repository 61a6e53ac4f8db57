import fc from "fast-check";
import { expect, test } from "vitest";
import { ApiError } from "../http/error-object.js";
import { parseDataUrl } from "./data-url.js";

test("bytes come through", () => {
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 1 }), (bytes) => {
      const url = `data:image/png;base64,${Buffer.from(bytes).toString("base64")}`;
      expect([...parseDataUrl(url, "image", "x").bytes]).toEqual([...bytes]);
    }),
  );
  expect(parseDataUrl("data:Image/PNG;name=a.png;base64,AAAA", "image", "x").type).toBe("image/png");
});

test.each([
  ["data:image/png;base64,AAA", /no multiple of 4/],
  ["data:image/png;base64,AA A", /character " " at 2/],
  ["data:image/png;base64,AA\nAA", /not base64/],
  ["data:image/png;base64,AA-_", /not base64/],
  ["data:image/png;base64,A===", /not base64/],
  ["data:image/png;base64,AAB=", /bits are left over/],
  ["data:image/png;base64,AAAA=AAA", /not base64/],
  ["data:image/png;base64,", /empty/],
  ["data:image/png,AAAA", /expected data:image/],
  ["data:text/html;base64,AAAA", /expected image/],
  ["data:video/mp4;base64,AAAA", /expected image/],
  ["file:///etc/passwd", /expected data:image/],
  ["/etc/passwd", /expected data:image/],
])("%s is refused", (url, message) => {
  expect(() => parseDataUrl(url, "image", "x")).toThrow(message);
  expect(() => parseDataUrl(url, "image", "x")).toThrow(ApiError);
});

test("a long wrong text is judged quickly, and is not repeated in the message", () => {
  const started = performance.now();
  expect(() => parseDataUrl(`data:image/png;base64,${"A".repeat(4_000_000)}!`, "image", "x")).toThrow(/character "!"/);
  expect(() => parseDataUrl("data:image/png".padEnd(4_000_000, ";a=b"), "image", "x")).toThrow(/^.{0,200}$/);
  expect(performance.now() - started).toBeLessThan(1000);
});
