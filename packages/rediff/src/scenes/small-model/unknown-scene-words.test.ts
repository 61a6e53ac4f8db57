/** What `refine` makes of words that the scene world does not have: they are left out and stay as they were typed. */
import fc from "fast-check";
import { beforeAll, expect, test } from "vitest";
import { folderOfFile } from "../../testing/folders.js";
import { alignKnown } from "../../text/alignment/known-words.js";
import { alignedEdits, applyEdits } from "../../text/text-edits.js";
import { loadTokenizer, type Tokenizer } from "../../text/tokenizer.js";
import { sceneDefaults } from "./start-model.js";
import { writeSceneTokenizer } from "./tokenizer-folder.js";

const { at } = folderOfFile();
let tokenizer: Tokenizer;
const known = sceneDefaults().known_tokens;

beforeAll(async () => {
  writeSceneTokenizer(at("tokenizer"));
  tokenizer = await loadTokenizer(at("tokenizer"));
});

const align = (text: string) => alignKnown(tokenizer, text, known);
const seen = (text: string) => tokenizer.decode(align(text).ids);
const unread = (text: string) => align(text).unread.map((part) => part.text);
const unjudged = (text: string) => {
  const { spans, unjudged } = align(text);
  return unjudged.map((i) => text.slice(spans[i]?.start, spans[i]?.end));
};

/** The text with other tokens in the place of some. */
function rewritten(text: string, changes: Record<string, string>): string {
  const draft = align(text);
  const after = draft.ids.map((id) => {
    const to = changes[tokenizer.decode([id])];
    return to === undefined ? id : (tokenizer.encodeText(to)[0] as number);
  });
  return alignedEdits(
    tokenizer,
    draft,
    after,
    after.map(() => 1),
  ).text;
}

const caption = "There is a dog at the top left, and two crabs in the middle right. The background is blue.";

test("a caption is seen as it is, and all of it is judged", () => {
  expect(align(caption).ids).toEqual(tokenizer.encodeText(caption));
  expect(unread(caption)).toEqual([]);
  expect(unjudged(caption)).toEqual([]);
});

test("a sentence of other words is left out as a whole, and its neighbours are judged", () => {
  for (const sentence of ["Hello, my dear friend!", "This is what I call a wonderful afternoon.", "\u4f60\u597d."]) {
    for (const text of [`${caption} ${sentence}`, `${sentence} ${caption}`, caption.replace(". ", `. ${sentence} `)]) {
      expect(seen(text)).toBe(caption);
      expect(unjudged(text)).toEqual([]);
      expect(unread(text).join(" ")).toContain(sentence.slice(0, 2));
    }
  }
});

test("a word in a sentence is left out, and two words on each side of it are not judged", () => {
  const text = caption.replace("a dog", "a fluffy dog");
  expect(seen(text)).toBe(caption);
  expect(unread(text)).toEqual(["fluffy"]);
  expect(unjudged(text)).toEqual(["is", "a", "dog", "at"]);
});

test("capitals, line breaks and spaces are layout: words are seen as captions have them", () => {
  expect(seen("There is a dog at the top left.\nThe  background\tis blue .")).toBe(
    "There is a dog at the top left. The background is blue.",
  );
  expect(seen('"There is a DOG at the top left."')).toBe("There is a dog at the top left.");
  expect(seen("there is a dog")).toBe(" there is a dog");
});

test("what is rewritten takes the place of a word, and the spaces and the words around it stay", () => {
  const text = "There is a fluffy\n dog at the top left, wow. The background is BLUE.";
  expect(rewritten(text, { " dog": " crab", " left": " right", " blue": " gray" })).toBe(
    "There is a fluffy\n crab at the top right, wow. The background is GRAY.",
  );
  expect(rewritten("There is a dog at the top left, the crab is red.", { ",": " and", " the": "." })).toBe(
    "There is a dog at. top left and. crab is red.",
  );
  expect(rewritten("there is a dog.", { " there": "There" })).toBe("There is a dog.");
});

test("a text of other words alone is seen as it is, and nothing of it is judged", () => {
  const { ids, unjudged } = align("Lorem ipsum dolor sit amet.");
  expect(unjudged).toEqual([...ids.keys()]);
  expect(align("").ids).toEqual([]);
});

test("whatever is typed: the model sees known tokens only, and what it does not know stays", () => {
  const part = fc.oneof(
    fc.constantFrom("There", "there", " dog", " is", " Dogs", ".", ",", " .", "!", "\n", "  ", "'", '"', "-"),
    fc.constantFrom("doghouse", "caf\u00e9", "e\u0301", "\u{1f993}", "\ud83e", "<|eot_id|>", " 12", "\u4e2d\u6587"),
    fc.string({ unit: "binary", maxLength: 3 }),
  );
  const stream = fc.infiniteStream(fc.nat());
  fc.assert(
    fc.property(fc.array(part, { maxLength: 12 }), stream, (parts, numbers) => {
      const text = parts.join("");
      const draft = align(text);
      const isHeld = draft.fixed.length === draft.ids.length;
      if (!isHeld) for (const id of draft.ids) expect(id >= known[0] && id <= known[1]).toBe(true);
      let end = 0;
      for (const span of draft.spans) {
        expect(span.start).toBeGreaterThanOrEqual(end);
        end = span.end;
      }
      const after = draft.ids.map((id, i) => (draft.unjudged.includes(i) ? id : 1 + (numbers.next().value % known[1])));
      const made = alignedEdits(
        tokenizer,
        draft,
        after,
        after.map(() => 1),
      );
      expect(applyEdits(text, made.edits)).toBe(made.text);
      for (const { start, end } of made.edits)
        for (const left of draft.unread) expect(left.end <= start || left.start >= end).toBe(true);
    }),
    { numRuns: 60 },
  );
});
