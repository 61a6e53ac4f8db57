// @ts-check
/** Captions and references from a few templates, drawn by a seed: the same thing in other words and another order, with words
 *  lost, said twice, or with other endings. */

/** @typedef {{ candidate: string, references: string[] }} Caption */

/** What can stand for one thing. */
const things = {
  who: [
    "man person guy gentleman",
    "woman lady girl female",
    "dog puppy hound animal",
    "cat kitten feline",
    "child kid boy",
  ],
  many: ["people crowd folks", "cars automobiles vehicles", "trees bushes", "policemen officers cops", "buses coaches"],
  what: [
    "bicycle bike cycle",
    "couch sofa settee",
    "street road streets",
    "tree trees forest",
    "television tv",
    "beach shore",
  ],
};
const phrases = {
  does: [
    ["is riding", "rides", "riding"],
    ["is sitting on", "sits on", "seated on"],
    ["runs across", "is running through"],
    ["holds", "is holding", "carrying"],
    ["looks at", "is looking at", "stares at"],
    ["stands next to", "standing near", "is close to"],
    ["has been parked in front of", "is in front of"],
  ],
  how: [
    ["red", "crimson"],
    ["small", "little", "tiny"],
    ["old", "aged"],
    ["black-and-white", "black and white"],
    [""],
    [""],
  ],
  end: [
    ["in the morning", "this morning"],
    ["with its mouth open", "mouth opened"],
    ["at 10:30 a.m.", "at half past ten"],
    ["in the U.S.", "in the United States"],
    ["in 1,250 pieces", "in 1250 pieces"],
    ["", "."],
    ["...", "!"],
    ["as well as possible", "as good as it can be"],
    ["it's Dr. Smith's", "it is Smith's"],
  ],
};
const endings = ["s", "ed", "ing", "ly", ",", ".", "'s", "er", "-like"];

/** @param {number} count @param {number} seed @returns {Caption[]} */
export function drawCaptions(count, seed) {
  let state = Math.imul(seed + 1, 2654435761) >>> 0 || 1;
  const random = () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    state >>>= 0;
    return state / 2 ** 32;
  };
  /** @template T @param {readonly T[]} list */
  const pick = (list) => /** @type {T} */ (list[Math.floor(random() * list.length)]);
  const { who, many, what } = Object.fromEntries(
    Object.entries(things).map(([kind, lines]) => [kind, lines.map((line) => line.split(" "))]),
  );
  const topic = () => ({
    who: pick([...(who ?? []), ...(many ?? [])]),
    does: pick(phrases.does),
    what: pick(what ?? []),
    hows: [pick(phrases.how), pick(phrases.how)],
    end: pick(phrases.end),
  });
  /** @param {ReturnType<typeof topic>} about */
  const say = ({ who: subject, does, what: object, hows: [one = [], other = []], end }) =>
    [
      pick(["a", "the", "two"]),
      pick(one),
      pick(subject),
      pick(does),
      pick(["a", "the"]),
      pick(other),
      pick(object),
      pick(end),
    ]
      .filter((word) => word !== "")
      .join(" ");
  /** @param {string} text */
  const spoil = (text) => {
    const words = text.split(" ");
    for (let left = Math.floor(random() * 4); left > 0; left--) {
      const [a, b] = [Math.floor(random() * words.length), Math.floor(random() * words.length)];
      const way = random();
      if (way < 0.35) [words[a], words[b]] = [words[b] ?? "", words[a] ?? ""];
      else if (way < 0.6) words.splice(a, 1);
      else if (way < 0.8) words.splice(a, 0, words[b] ?? "the");
      else words[a] = `${words[a] ?? ""}${pick(endings)}`;
      if (words.length === 0) words.push("a");
    }
    return words.join(" ");
  };
  return Array.from({ length: count }, () => {
    const [first, second] = [topic(), random() < 0.4 ? topic() : undefined];
    const line = () => spoil(second === undefined ? say(first) : `${say(first)}${pick([" and ", ", "])}${say(second)}`);
    const candidate = random() < 0.03 ? "" : random() < 0.1 ? spoil(say(topic())) : line();
    return { candidate, references: Array.from({ length: 1 + Math.floor(random() * 5) }, line) };
  });
}
