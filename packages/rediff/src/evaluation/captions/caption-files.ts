/** Captions and what they are judged by, from the files in which the suites and this project keep them. Pictures are told by the
 *  name of their file without folder and ending, since some lists leave the ending out. */
import { readdirSync } from "node:fs";
import { basename, extname, join } from "node:path";
import { z } from "zod";
import { UserError } from "../../errors.js";
import { infoOf } from "../../files/regular-file.js";
import { readUtf8 } from "../../files/utf8-text.js";
import { issueText } from "../../options/issue-text.js";
import { parseShallowJson } from "../../options/shallow-json.js";

/** "photos/cat.jpg" is "cat". Names with a dot in them keep what no picture's file ends in. */
export const stemOf = (image: string): string =>
  basename(image).replace(/\.(?:jpe?g|png|webp|bmp|gif|tiff?|heic)$/i, "");

const byName = z.record(z.string(), z.string().nullable());
const record = z.looseObject({ image: z.string(), text: z.string().nullable() });

/** `{"cat.jpg": "A cat."}`, or the lines that `rediff caption` writes: `{"image": "cat.jpg", "text": "A cat."}`.
 *  @returns by stem. @throws UserError for another file, or two captions of one picture */
export async function readCaptions(path: string): Promise<Map<string, string | null>> {
  const text = await readUtf8(path);
  const whole = byName.safeParse(tryParse(text));
  const isMap = whole.success && !record.safeParse(whole.data).success;
  const pairs = isMap
    ? Object.entries(whole.data)
    : linesOf(path, text, record).map((it) => [it.image, it.text] as const);
  const captions = new Map<string, string | null>();
  for (const [image, caption] of pairs) {
    const stem = stemOf(image);
    if (captions.has(stem)) throw new UserError(`${path}: two captions of ${stem}`, "Keep one of them.");
    captions.set(stem, caption);
  }
  return captions;
}

/** JSON lines, or a folder with a JSON file for each picture, named like it.
 *  @throws UserError naming the line and the field */
export async function readDocuments<Schema extends z.ZodType>(
  path: string,
  schema: Schema,
): Promise<z.infer<Schema>[]> {
  if (infoOf(path)?.isDirectory() !== true) return linesOf(path, await readUtf8(path), schema);
  const names = readdirSync(path)
    .filter((name) => extname(name) === ".json")
    .sort();
  return Promise.all(
    names.map(async (name) => {
      const value = tryParse(await readUtf8(join(path, name)));
      const named = typeof value === "object" && value !== null ? { image: basename(name, ".json"), ...value } : value;
      return checked(join(path, name), named, schema);
    }),
  );
}

function linesOf<Schema extends z.ZodType>(path: string, text: string, schema: Schema): z.infer<Schema>[] {
  return text
    .split("\n")
    .flatMap((line, i) => (line.trim() === "" ? [] : [checked(`${path}: line ${i + 1}`, tryParse(line), schema)]));
}

function checked<Schema extends z.ZodType>(where: string, value: unknown, schema: Schema): z.infer<Schema> {
  if (value === undefined) throw new UserError(`${where}: is not JSON`);
  const parsed = schema.safeParse(value, { reportInput: true });
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  throw new UserError(`${where}: ${issue === undefined ? "" : `${issue.path.join(".")}: ${issueText(issue)}`}`);
}

function tryParse(text: string): unknown {
  try {
    return parseShallowJson(text);
  } catch {
    return undefined;
  }
}
