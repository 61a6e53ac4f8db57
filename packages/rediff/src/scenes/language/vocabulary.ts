/** Every word of the world: captions in all wordings, the questions, and the words of the chat template. */
import { columns, numberWords, rows, sizes } from "../world/facts.js";
import { objectNames } from "../world/object-names.js";
import { backgroundColors } from "../world/world.js";
import { forms, prepositions } from "./grammar.js";
import { splitWords } from "./words.js";

/** Words of questions that captions do not have, and a few that users' questions may. */
const questionWords = splitWords(
  "please describe the image in detail. list the objects. where are what is nothing? how many color of this show no not",
);
/** Roles of the chat template, and the word that the search for phrases puts before them. */
const templateWords = ["system", "user", "assistant", "dummy"];

/** In an order that new names leave as it is. */
export function vocabulary(): string[] {
  const literals = forms.flatMap(({ slots }) => slots.flatMap((slot) => (typeof slot === "string" ? [] : slot)));
  const grammar = [...literals, "and", "a", "an", "is", "are", "corner", ...prepositions];
  const facts = [...numberWords, ...sizes, ...rows, ...columns, ...backgroundColors];
  const names = objectNames.flatMap(({ name, plural }) => [...name.split(" "), ...plural.split(" ")]);
  return [...new Set([".", ",", "?", "!", "\n", ...templateWords, ...questionWords, ...grammar, ...facts, ...names])];
}
