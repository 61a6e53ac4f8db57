import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { describeContent, readGifHeader, readPngHeader, sniffFormat } from "./picture-header.js";

describe("headers of anything", () => {
  const starts = ["GIF89a", "GIF87a", "\x89PNG\r\n\x1a\n\0\0\0\rIHDR", "RIFF\0\0\0\0WEBP", ""].map((text) =>
    Uint8Array.from(text, (character) => character.charCodeAt(0)),
  );

  it("never throw and never run away", () => {
    fc.assert(
      fc.property(fc.constantFrom(...starts), fc.uint8Array({ maxLength: 400 }), (start, rest) => {
        const bytes = Uint8Array.from([...start, ...rest]);
        sniffFormat(bytes);
        describeContent(bytes);
        readGifHeader(bytes);
        readPngHeader(bytes);
      }),
      { numRuns: 500 },
    );
  });
});

describe("sniffFormat", () => {
  it.each([
    ["\xff\xd8\xff\xe0", "jpeg"],
    ["GIF89a", "gif"],
    ["RIFF\x10\0\0\0WEBPVP8 ", "webp"],
    ["II*\0", "tiff"],
    ["MM\0*", "tiff"],
    ["\0\0\0\x1cftypavif", "avif"],
    ["\0\0\0\x1cftypmif1\0\0\0\0mif1avif", "avif"],
    ["\0\0\0\x18ftypmp42", undefined],
    ["\0\0\0\x18ftypheic\0\0\0\0mif1heic", "heic"],
    ["\0\0\0\x1cftypmif1\0\0\0\0mif1miafMiHB", "heic"],
    ["\0\0\0\x24ftypmif1\0\0\0\0mif1miafMiHBMA1Bavif", "avif"],
    ["\0\0\0\x14ftypqt  \0\0\0\0qt  ", undefined],
    ["II+\0", "tiff"],
    ["BM", undefined],
  ])("%j is %s", (text, format) => {
    expect(sniffFormat(Uint8Array.from(text, (character) => character.charCodeAt(0)))).toBe(format);
  });
});
