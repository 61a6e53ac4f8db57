// @ts-check
/** What a package exports, and which types its declarations name that it does not export: whoever uses the package meets
 *  those in signatures, and cannot write them down. Read from the compiled .d.ts files as text: the compiler gives each
 *  statement a line of its own at the left margin, and its members four spaces. */
import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";

/** @typedef {{ file: string, name: string }} Place A declaration: where it stands, and what it is called there. */
/** @typedef {{ imported: Map<string, Place>, exported: Map<string, Place>, text: string }} Declarations */

/** A line that begins a statement, its comment included; the others go on with the one before. */
const STATEMENT = /^(?=(?:export|declare|import|interface|type|class|\/\*\*|\/\/))/m;

const EXPORT = /^export (?:declare )?(?:abstract )?(?:class|interface|type|function|const|enum) (\w+)/gm;

/** @param {string} index path of the package's index.d.ts
 *  @returns the exported names; and `unexported`, sorted, each as "Type in Name": a type in the signature of an export */
export function publicNames(index) {
  /** @type {Map<string, Declarations>} */
  const read = new Map();
  const declarationsOf = (/** @type {string} */ file) => {
    const known = read.get(file) ?? parse(file);
    read.set(file, known);
    return known;
  };
  const key = (/** @type {Place} */ { file, name }) => `${file} ${name}`;
  /** @param {Place} place @returns {Place} where it is declared, whoever passes it on */
  const origin = (place) => {
    const further = declarationsOf(place.file).exported.get(place.name);
    return further === undefined || key(further) === key(place) ? place : origin(further);
  };

  const exported = [...declarationsOf(index).exported].map(([name, place]) => ({ name, place: origin(place) }));
  const isPublic = new Set(exported.map(({ place }) => key(place)));
  const unexported = exported.flatMap(({ name, place }) => {
    const { imported, text } = declarationsOf(place.file);
    const signature = signatureOf(text, place.name);
    const named = [...signature.matchAll(/import\("(\.[^"]+)"\)\.(\w+)/g)].map(([, from = "", type = ""]) =>
      origin({ file: resolved(place.file, from), name: type }),
    );
    for (const [type] of signature.replaceAll(/import\("[^"]+"\)\.\w+/g, "").matchAll(/(?<![.\w])[A-Z]\w*/g)) {
      const from = imported.get(type);
      if (from !== undefined) named.push(origin(from));
      else if (isDeclared(text, type)) named.push({ file: place.file, name: type });
    }
    return named.filter((type) => !isPublic.has(key(type))).map((type) => `${type.name} in ${name}`);
  });
  return { names: exported.map(({ name }) => name), unexported: [...new Set(unexported)].sort() };
}

/** @param {string} file @returns {Declarations} */
function parse(file) {
  const text = readFileSync(file, "utf8");
  const [imported, exported] = [new Map(), new Map()];
  for (const [, verb, list = "", from = ""] of text.matchAll(
    /^(import|export) (?:type )?\{([^}]*)\} from "(\.[^"]+)";/gm,
  ))
    for (const item of list.split(",")) {
      const [, name, alias] = /^\s*(?:type )?(\w+)(?: as (\w+))?\s*$/.exec(item) ?? [];
      if (name === undefined) continue;
      (verb === "import" ? imported : exported).set(alias ?? name, { file: resolved(file, from), name });
    }
  for (const [, as, from = ""] of text.matchAll(/^export \*(?: as (\w+))? from "(\.[^"]+)";/gm)) {
    const of = resolved(file, from);
    const all = parse(of);
    for (const [, name = ""] of all.text.matchAll(EXPORT)) all.exported.set(name, { file: of, name });
    for (const [name, place] of all.exported) exported.set(as === undefined ? name : `${as}.${name}`, place);
  }
  return { imported, exported, text };
}

const resolved = (/** @type {string} */ file, /** @type {string} */ from) =>
  join(dirname(file), from.replace(/\.js$/, ".d.ts"));

const declares = (/** @type {string} */ name) =>
  new RegExp(`^(?:export )?(?:declare )?(?:abstract )?(?:class|interface|type|function|const|enum) ${name}\\b`);

const isDeclared = (/** @type {string} */ text, /** @type {string} */ name) =>
  text.split(STATEMENT).some((statement) => declares(name).test(statement));

/** What a user sees of a declaration's types: neither comments nor texts, nor members that are marked as internal, nor
 *  the values that a type was computed of.
 * @param {string} text @param {string} name */
function signatureOf(text, name) {
  return text
    .split(STATEMENT)
    .filter((statement) => declares(name).test(statement))
    .join("")
    .replaceAll(/^ {4}\/\*\*(?:(?!\*\/)[\s\S])*@internal[\s\S]*?\*\/\n.*\n(?: {5,}.*\n| {4}\}.*\n)*/gm, "")
    .replaceAll(/\/\*[\s\S]*?\*\/|"[^"\n]*"(?!\))|typeof \w+/g, "");
}
