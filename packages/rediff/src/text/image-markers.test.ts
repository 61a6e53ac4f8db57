import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { escapeMarkers, placePictures, settlePictures, splitMarkers, wordsOf } from "./image-markers.js";

const user = (content: string) => ({ role: "user", content });

test("a backslash directly before the marker makes it a word, two are one", () => {
  expect(splitMarkers("a<image>b")).toEqual(["a", null, "b"]);
  expect(splitMarkers("a\\<image>b")).toEqual(["a<image>b"]);
  expect(splitMarkers("a\\\\<image>b")).toEqual(["a\\", null, "b"]);
  expect(splitMarkers("a\\\\\\<image>")).toEqual(["a\\<image>"]);
  expect(splitMarkers("\\ <image><image>")).toEqual(["\\ ", null, null]);
});

test("an escaped text is that text, whatever it is", () => {
  const text = fc.array(fc.constantFrom("<image>", "\\", "a", "\n", "<", "image>"), { maxLength: 9 });
  fc.assert(
    fc.property(text, (parts) => {
      const written = parts.join("");
      expect(splitMarkers(escapeMarkers(written)).join("")).toBe(written);
      expect(wordsOf(user(escapeMarkers(written)))).toBe(written);
    }),
    { numRuns: 300 },
  );
});

describe("pictures", () => {
  test("stand where a question has a place for each, else before it", () => {
    expect(placePictures("Compare <image> with <image>", 2)).toBe("Compare <image> with <image>");
    expect(placePictures("Compare <image> with <image>", 1)).toBe("<image>\nCompare \\<image> with \\<image>");
    expect(placePictures("What?", 2)).toBe("<image> <image>\nWhat?");
    expect(placePictures("<image>?", 0)).toBe("\\<image>?");
    expect(placePictures("\\<image>?", 0)).toBe("\\<image>?");
  });

  test("are counted over the user's turns; other turns are left as they are", () => {
    const talk = [user("<image> One."), { role: "assistant", content: "<image>" }, user("<image> Two.")];
    expect(settlePictures(talk, 2)).toEqual(talk);
    expect(settlePictures(talk, 1)).toEqual([
      user("<image>\n\\<image> One."),
      { role: "assistant", content: "<image>" },
      user("\\<image> Two."),
    ]);
  });

  test("are no part of what a message says", () => {
    expect(wordsOf(user("<image> <image>\nWhat?"))).toBe("What?");
    expect(wordsOf(user("a\n<image>\nb"))).toBe("a\nb");
    expect(wordsOf({ role: "assistant", content: "<image>\nWhat?" })).toBe("<image>\nWhat?");
  });
});

test("a run of backslashes is read once, not from each of them", () => {
  const run = "\\".repeat(1 << 18);
  expect(splitMarkers(`${run}<image>`)).toEqual([run.slice(run.length / 2), null]);
  expect(splitMarkers(run)).toEqual([run]);
  expect(escapeMarkers(run)).toBe(run);
});
