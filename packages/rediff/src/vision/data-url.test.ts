import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { UserError } from "../errors.js";
import { parseDataUrl } from "./data-url.js";

const parse = (url: string, maxBytes?: number) => Buffer.from(parseDataUrl(url, "image", maxBytes));

test("bytes come through", () => {
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 1 }), (bytes) => {
      const url = `data:image/png;base64,${Buffer.from(bytes).toString("base64")}`;
      expect([...parse(url)]).toEqual([...bytes]);
    }),
  );
});

describe("what can mean one thing only is taken", () => {
  const file = Buffer.from(Array.from({ length: 200 }, (_, i) => (i * 37) & 255));
  const base64 = file.toString("base64");
  const begin = "data:image/png;base64,";
  test.each([
    ["line breaks every 76 characters", begin + base64.replace(/.{76}/g, "$&\r\n")],
    ["blanks and a last line break", `${begin} ${base64}\n`],
    ["no padding", begin + base64.replace(/=+$/, "")],
    ["the URL-safe alphabet", begin + file.toString("base64url")],
    ["percent-encoding", begin + encodeURIComponent(base64)],
    ["escaped line breaks", begin + base64.replace(/.{60}/g, "$&%0A")],
    ["no type", `data:;base64,${base64}`],
    ["a type that is not the file's", `data:application/octet-stream;base64,${base64}`],
    ["a type of another kind", `data:text/plain;base64,${base64}`],
    ["parameters", `data:image/png;name=a.png;charset=utf-8;base64,${base64}`],
    ["capitals", `DATA:Image/PNG;BASE64,${base64}`],
    [
      "bytes as they are, percent-encoded",
      `data:image/png,${[...file].map((b) => `%${b.toString(16).padStart(2, "0")}`).join("")}`,
    ],
  ])("%s", (_, url) => {
    expect(parse(url).equals(file)).toBe(true);
  });
});

test.each([
  ["data:image/png;base64,A", /cut off/],
  ["data:image/png;base64,AAAAA", /no text has 5 characters/],
  ["data:image/png;base64,AA!A", /character "!" at 2/],
  ["data:image/png;base64,A===", /not base64/],
  ["data:image/png;base64,AAB=", /bits are left over/],
  ["data:image/png;base64,AAB", /bits are left over/],
  ["data:image/png;base64,AAAA=AAA", /not base64/],
  ["data:image/png;base64,AA%4", /% at 2 is not followed by two/],
  ["data:image/png;base64,%E9AAA", /not base64/],
  ["data:image/png;base64,", /empty/],
  ["data:image/png;base64, \n", /empty/],
  ["data:image/png;base64,AA AAAA", /a blank at 2, where a \+ may have been/],
  ["data:image/png;base64,AA%20AAAA", /a blank at 2/],
  ["data:image/png;base64,data:image/png;base64,AAAA", /character ":"/],
  ["data:image/png,AAAA", /expected data:image.*without ;base64/],
  ["data:image/png;base64", /expected data:image/],
  ["file:///etc/passwd", /expected data:image/],
  ["/etc/passwd", /expected data:image/],
  [
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJ",
    /expected data:image\/\.\.\.;base64,\.\.\., got base64 without its beginning/,
  ],
])("%s is refused", (url, message) => {
  expect(() => parse(url)).toThrow(message);
  expect(() => parse(url)).toThrow(UserError);
});

test("a long wrong text is judged quickly, and is not repeated in the message", () => {
  const started = performance.now();
  expect(() => parse(`data:image/png;base64,${"A".repeat(4_000_000)}!`)).toThrow(/character "!"/);
  expect(() => parse("data:image/png".padEnd(4_000_000, ";a=b"))).toThrow(/^.{0,200}$/);
  expect(() => parse(`data:image/png,${"%41".repeat(1_000_000)}%`)).toThrow(/^.{0,200}$/);
  expect(performance.now() - started).toBeLessThan(1000);
});

test("a file that is too large is refused before it is decoded, one that just fits is not", () => {
  const url = `data:image/png;base64,${Buffer.alloc(1000).toString("base64")}`;
  expect(parse(url, 1000)).toHaveLength(1000);
  expect(parse(url.replace(/.{76}/g, "$&\n"), 1000)).toHaveLength(1000);
  expect(() => parse(url, 900)).toThrow("larger than 900 bytes");
});
