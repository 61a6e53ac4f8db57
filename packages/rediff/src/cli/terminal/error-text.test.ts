import { describe, expect, test } from "vitest";
import { UserError } from "../../errors.js";
import { errorText } from "./error-text.js";

describe("an error's text", () => {
  test("is one line, whatever the message repeats", () => {
    expect(errorText(new UserError("data.json: begins with\r\n  x\n y", "Look\nat it"))).toBe(
      "data.json: begins with x y. Look at it",
    );
  });

  test("holds nothing that a terminal obeys", () => {
    const named = "\x1b[2J\x1b]0;title\x07\u009b31m";
    for (const error of [new UserError(`${named}: no such key`), new Error(named), named, new TypeError(named)])
      for (const verbose of [false, true])
        expect(errorText(error, verbose).replaceAll("\n", "")).not.toMatch(/\p{Cc}/u);
  });
});
