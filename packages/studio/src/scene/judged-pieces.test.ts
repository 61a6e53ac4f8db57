import fc from "fast-check";
import { expect, test } from "vitest";
import { judgeWords } from "../../../rediff/src/scenes/scoring/word-verdicts.js";
import { stickerCatalog } from "../../../rediff/src/scenes/world/catalog.js";
import type { Facts } from "../../../rediff/src/scenes/world/facts.js";
import { galleryScenes } from "../gallery/gallery.js";
import { piecesOf, verdictOf } from "./judged-pieces.js";
import { randomScene } from "./scene.js";
import { factsOfScene, sceneOfFacts } from "./scene-facts.js";

const catalog = stickerCatalog();
const facts: Facts = {
  objects: [
    { name: "dog", count: 1, position: "top left", size: "small" },
    { name: "red apple", count: 2, position: "bottom right" },
  ],
  background: "blue",
};

test("pieces are the text, whatever it is", () => {
  const words = fc.constantFrom(
    "a",
    "Dog",
    "dogs",
    "is",
    "at the top left",
    ".",
    "\n",
    "  ",
    "zebra",
    "\u{1f600}",
    "blue",
  );
  fc.assert(
    fc.property(fc.array(words, { maxLength: 20 }), (parts) => {
      const text = parts.join(" ");
      const pieces = piecesOf(text, judgeWords(text, facts));
      expect(pieces.map((piece) => piece.text).join("")).toBe(text);
    }),
  );
});

test("a verdict counts what is wrong, in words", () => {
  expect(
    verdictOf("A dog is at the top left. Two red apples are at the bottom right. The background is blue.", facts),
  ).toEqual({ exact: true, said: "without an error" });
  expect(verdictOf("A dog is at the top right. Dog the dog. The background is blue.", facts).said).toBe(
    "3 wrong words, 1 sentence outside the captions' grammar, 1 fact not said",
  );
});

test("a composed scene is facts and the other way round", () => {
  const seeded = fc.integer().map((seed) => {
    let state = seed >>> 0;
    return randomScene(catalog, () => {
      state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
      return state / 2 ** 32;
    });
  });
  fc.assert(
    fc.property(seeded, (scene) => {
      const truth = factsOfScene(scene, catalog);
      expect(factsOfScene(sceneOfFacts(truth, scene.style, catalog), catalog)).toEqual(truth);
    }),
  );
  expect(galleryScenes(catalog)).toHaveLength(12);
  expect(() =>
    sceneOfFacts({ objects: [{ name: "zebra", count: 1, position: "top left" }], background: "blue" }, "noto", catalog),
  ).toThrow(/no zebra at the top left/);
});
