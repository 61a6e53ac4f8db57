/** What CAPTURE needs and this project does not hold: a parser from sentences to scene graphs, a tagger, a sentence encoder. They
 *  are networks of others; a module of the user's brings them, whatever they run on. */
import { resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { z } from "zod";
import { UserError } from "../../errors.js";
import type { Similarity } from "./matching.js";
import type { SentenceGraph } from "./scene-graph.js";

export interface CaptureParts {
  /** For the result: which parser and encoder these are. */
  name: string;
  /** The graphs of a caption's sentences. The original: NLTK's sentences, flan-t5-base-VG-factual-sg, beam 5, 128 tokens. */
  parse(caption: string): Promise<readonly SentenceGraph[]>;
  /** Words of a caption that are tagged as nouns. Absent: every object stays, and the result says so. */
  nouns?(caption: string): Promise<ReadonlySet<string>>;
  /** Objects that are no things. Absent: none, and the result says so. */
  stopWords?: ReadonlySet<string>;
  /** Cosines of sentence embeddings; the original: all-mpnet-base-v2. Absent: no soft matching, and the result says so. */
  similarity?: Similarity;
}

const HINT =
  "Name a module that exports {name, parse, nouns, stopWords, similarity}; docs/judges.md says what each gives, and with which networks the published numbers were made.";

const moduleSchema = z.looseObject({ name: z.string(), parse: z.function() });

/** @param path a JavaScript module. @throws UserError where none is named, or what is named has no parser */
export async function loadCaptureParts(path: string | undefined): Promise<CaptureParts> {
  if (path === undefined)
    throw new UserError(
      "CAPTURE needs a scene graph parser and a sentence encoder, which do not come with rediff",
      HINT,
    );
  let module: unknown;
  try {
    module = await import(pathToFileURL(resolve(path)).href);
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new UserError(`${path}: cannot be loaded as a module (${why})`, HINT, { cause });
  }
  if (!moduleSchema.safeParse(module).success) throw new UserError(`${path}: exports no name and parse`, HINT);
  return module as CaptureParts;
}
