/** Names in one normal form, files in the other. */
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { folderOfEachTest } from "../testing/folders.js";
import { storedPath } from "./stored-path.js";

const scratch = folderOfEachTest();
const { at } = scratch;
const composed = "caf\u00e9.png";
const decomposed = "cafe\u0301.png";
/** macOS itself takes both forms for one name. */
const tellsApart = () => {
  writeFileSync(at(composed), "");
  return !existsSync(at(decomposed));
};

describe("a path is found", () => {
  test.each([
    [composed, decomposed],
    [decomposed, composed],
  ])("written %j, stored %j", (written, stored) => {
    writeFileSync(at(stored), "");
    expect(storedPath(at(written))?.normalize("NFC")).toBe(at(composed));
    expect(existsSync(storedPath(at(written)) ?? "")).toBe(true);
  });

  test("in a folder of the one form, as a file of the other", () => {
    mkdirSync(at("\u00e0 la carte"));
    writeFileSync(at("\u00e0 la carte", decomposed), "");
    const written = at("a\u0300 la carte", composed);
    expect(existsSync(storedPath(written) ?? "")).toBe(true);
  });

  test("exactly, where both are there", ({ skip }) => {
    if (!tellsApart()) skip();
    writeFileSync(at(decomposed), "");
    expect(storedPath(at(composed))).toBe(at(composed));
    expect(storedPath(at(decomposed))).toBe(at(decomposed));
  });
});

test("what is not there is not found, in any form", () => {
  writeFileSync(at("cafe.png"), "");
  expect(storedPath(at(composed))).toBeUndefined();
  expect(storedPath(at("none.png"))).toBeUndefined();
  expect(storedPath(at("na\u00efve", "x.png"))).toBeUndefined();
});
