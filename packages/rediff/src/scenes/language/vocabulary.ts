/** Every word of the world: captions in all wordings, the questions, and the words of the chat template. */
import { columns, numberWords, relations, rows, sizes } from "../world/facts.js";
import { objectNames } from "../world/object-names.js";
import { backgroundColors } from "../world/world.js";
import { forms, prepositions, relationPhrases } from "./grammar.js";
import { capital, splitWords } from "./words.js";

/** Words of questions that captions do not have, and a few that users' questions may. */
const questionWords = splitWords(
  "please describe the image in detail. list the objects. where are what is nothing? how many color of this show " +
    "no not none yes any which do does it",
);
export const signs = [".", ",", "?", "!"];
/** Roles of the chat template, and the word that the search for phrases puts before them. */
export const templateWords = ["system", "user", "assistant", "dummy"];

/** In lower case, signs among them; new names come last. */
export function vocabulary(): string[] {
  const literals = forms.flatMap(({ slots }) => slots.flatMap((slot) => (typeof slot === "string" ? [] : slot)));
  const between = relations.flatMap(relationPhrases).flat();
  const grammar = [...literals, ...between, "and", "a", "an", "is", "are", "corner", ...prepositions];
  const facts = [...numberWords, ...sizes, ...rows, ...columns, ...backgroundColors];
  const names = objectNames.flatMap(({ name, plural }) => [...name.split(" "), ...plural.split(" ")]);
  return [...new Set([...signs, ...questionWords, ...grammar, ...facts, ...names])];
}

/** What begins sentences of captions, questions and answers: these words have a capital form, too. */
export function sentenceStarts(): string[] {
  const captions = forms.flatMap(({ opens, slots: [first] }) => {
    if (!opens || first === undefined) return [];
    if (typeof first !== "string") return [...first];
    return first === "PP" ? [...prepositions] : first === "THE" ? ["the"] : ["a", "an", ...numberWords];
  });
  const names = objectNames.flatMap(({ name, plural }) => [name.split(" ")[0] ?? "", plural.split(" ")[0] ?? ""]);
  const asked = splitWords("what where how is are list show please describe do does which");
  const answers = [...splitWords("yes no none nothing"), ...backgroundColors];
  return [...new Set([...captions, ...asked, ...answers, ...names])].map(capital);
}
