/** The objects of the scene world: names, and the artwork that all five icon sets have under one key.
 *
 *  A name is one word, or a colour or kind and a noun: names that share a word ("red apple", "green apple"; "dog",
 *  "hot dog") are what parallel decoding mixes up. The order counts: a world takes the first so many names, so a small
 *  world's names are a part of every larger one's, and a checkpoint can grow with its world. */

export interface ObjectName {
  /** As captions say it, singular: "red apple". */
  name: string;
  plural: string;
  /** The last word: "apple". */
  noun: string;
  /** Of nouns that come in several colours; it is the name's first word. */
  color: string | undefined;
  /** Key in every icon set. */
  icon: string;
}

/** name, key of the icon, irregular plural of the noun */
const entries: readonly (readonly [name: string, icon: string, plural?: string])[] = [
  ["red apple", "red-apple"],
  ["green apple", "green-apple"],
  ["dog", "dog-face"],
  ["cat", "cat-face"],
  ["rocket", "rocket"],
  ["mushroom", "mushroom"],
  ["umbrella", "umbrella"],
  ["red heart", "red-heart"],
  ["blue heart", "blue-heart"],
  ["police car", "police-car"],
  ["penguin", "penguin"],
  ["sunflower", "sunflower"],
  ["banana", "banana"],
  ["fire engine", "fire-engine"],
  ["soccer ball", "soccer-ball"],
  ["hot dog", "hot-dog"],
  ["hot pepper", "hot-pepper"],
  ["yellow heart", "yellow-heart"],
  ["crab", "crab"],
  ["frog", "frog"],
  ["panda", "panda"],
  ["carrot", "carrot"],
  ["owl", "owl"],
  ["cactus", "cactus", "cactuses"],
  ["airplane", "airplane"],
  ["guitar", "guitar"],
  ["crown", "crown"],
  ["basketball", "basketball"],
  ["blue book", "blue-book"],
  ["green book", "green-book"],
  ["strawberry", "strawberry", "strawberries"],
  ["pig", "pig-face"],
  ["fox", "fox", "foxes"],
  ["sailboat", "sailboat"],
  ["eggplant", "eggplant"],
  ["hamburger", "hamburger"],
  ["balloon", "balloon"],
  ["ladybug", "lady-beetle"],
  ["castle", "castle"],
  ["racing car", "racing-car"],
  ["elephant", "elephant"],
  ["star", "star"],
  ["key", "key"],
  ["house", "house"],
];

/** Nouns of which there are several colours: there the first word is a fact of its own. */
const coloredNouns: ReadonlySet<string> = new Set(["apple", "heart", "book"]);

export const objectNames: readonly ObjectName[] = entries.map(([name, icon, irregular]) => {
  const words = name.split(" ");
  const noun = words.at(-1) ?? name;
  const plural = [...words.slice(0, -1), irregular ?? `${noun}s`].join(" ");
  return { name, plural, noun, color: coloredNouns.has(noun) ? words[0] : undefined, icon };
});

const byName: ReadonlyMap<string, ObjectName> = new Map(objectNames.map((entry) => [entry.name, entry]));

export function findName(name: string): ObjectName | undefined {
  return byName.get(name);
}

/** "an" before a vowel; none of the world's words begins with a silent h or a spoken y. */
export function article(next: string): "a" | "an" {
  return /^[aeiou]/.test(next) ? "an" : "a";
}
