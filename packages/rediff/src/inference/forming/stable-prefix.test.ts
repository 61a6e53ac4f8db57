import fc from "fast-check";
import { expect, test } from "vitest";
import { tokenizerFolder } from "../../testing/fixtures.js";
import { loadTokenizer } from "../../text/tokenizer.js";
import { findStop, StablePrefix, unsureTail } from "./stable-prefix.js";

const tokenizer = await loadTokenizer(tokenizerFolder);

test("what may become a stop text, or is half a character, waits", () => {
  expect(unsureTail("a cat", ["cat."])).toBe(3);
  expect(unsureTail("a cat", ["t", "dog"])).toBe(0);
  expect(unsureTail("a cat\ufffd\ufffd", [])).toBe(2);
  expect(findStop("a b c", ["c", "b"])).toBe(2);
  expect(findStop("a b c", ["x"])).toBe(-1);
});

test("the pieces join to the text up to the first stop text, in whatever steps it becomes stable", () => {
  const text = fc.array(fc.constantFrom("the", " cat", " \u00e9", ".", "\u{1f600}", " dog", "\n"), { maxLength: 30 });
  const cuts = fc.array(fc.nat(100), { maxLength: 12 });
  const stops = fc.array(fc.constantFrom(".", "at d", "\u{1f600}\n", "the the"), { maxLength: 3 });
  fc.assert(
    fc.property(text, cuts, stops, (parts, ends, stopTexts) => {
      const whole = parts.join("");
      const ids = Int32Array.from(tokenizer.encode(whole));
      const stable = new StablePrefix(tokenizer, stopTexts);
      let given = "";
      for (const end of ends) {
        given += stable.advance(ids, Math.min(end, ids.length));
        expect(whole.startsWith(given)).toBe(true);
      }
      given += stable.finish(ids);
      const stop = findStop(whole, stopTexts);
      expect(given).toBe(stop < 0 ? whole : whole.slice(0, stop));
      expect(stable.text).toBe(given);
      expect(stable.stopped).toBe(stop >= 0);
    }),
  );
});
