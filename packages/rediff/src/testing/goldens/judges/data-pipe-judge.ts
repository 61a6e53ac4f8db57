/** ReDiff's data pipeline against what the original's scripts wrote and printed. */
import { z } from "zod";
import { readOriginalReply } from "../../../pipeline/correction/original-reply.js";
import { Selection } from "../../../pipeline/correction/select-records.js";
import { originalSelection } from "../../../pipeline/correction/selection-rules.js";
import { expertText } from "../../../pipeline/expert/expert-prompt.js";
import { isRecord, type JsonRecord } from "../../../pipeline/formats/exact-json.js";
import { selectVicrit } from "../../../pipeline/prepare/vicrit.js";
import { loadTokenizer, type Tokenizer } from "../../../text/tokenizer.js";
import { compareExact } from "../compare.js";
import type { GoldenCase, Outcome } from "../golden-case.js";

export async function run(golden: GoldenCase): Promise<Outcome> {
  const { referenceFunction } = golden;
  if (referenceFunction.includes("data_pipeline_gpt.py")) return checkExpertText(golden);
  const tokenizer = await loadTokenizer(golden.checkpoint);
  if (referenceFunction.includes("process.py")) return checkSelection(golden, tokenizer);
  if (referenceFunction.includes("preprocess_vicrit.py")) return checkVicrit(golden, tokenizer);
  return { status: "failed", deviation: Number.NaN, note: `unknown function "${referenceFunction}"` };
}

/** Only the user's text: the system prompt of this project has words of its own, so the sum of the original's cannot be
 *  met and is left alone. */
function checkExpertText({ inputs, outputs }: GoldenCase): Outcome {
  const { ques, ans, pred } = z.strictObject({ ques: z.string(), ans: z.string(), pred: z.string() }).parse(inputs);
  const { prompt } = z
    .strictObject({ prompt: z.string(), system_prompt_sha256: z.string(), system_prompt_chars: z.number() })
    .parse(outputs);
  return compareExact(expertText({ question: ques, answer: ans, prediction: pred }), prompt);
}

const item = z.record(z.string(), z.unknown());

async function checkSelection({ outputs }: GoldenCase, tokenizer: Tokenizer): Promise<Outcome> {
  const ran = { records: z.array(z.unknown()).nullable(), script_error: z.string().nullable() };
  const expected = z
    .strictObject({
      rows: z.array(z.strictObject({ item, stdout: z.string(), ...ran })),
      // Of the long run only the last lines of the output are recorded.
      full: z.strictObject({ items: z.array(item), stdout_tail: z.array(z.string()), ...ran }),
    })
    .parse(outputs);
  const rows = await Promise.all(
    expected.rows.map(async (row) => ({ item: row.item, ...like(row, await runScript(tokenizer, [row.item])) })),
  );
  const { stdout, ...rest } = like(expected.full, await runScript(tokenizer, expected.full.items));
  const stdout_tail = stdout.trimEnd().split("\n").slice(-expected.full.stdout_tail.length);
  const full = { items: expected.full.items, stdout_tail, ...rest };
  return compareExact({ rows, full }, expected);
}

interface Ran {
  records: unknown[] | null;
  stdout: string;
  script_error: string | null;
}

/** Where the script ends before it writes anything, a recording may say "no records" in two ways. */
function like(expected: Pick<Ran, "records">, ran: Ran): Ran {
  return ran.records?.length === 0 && expected.records === null ? { ...ran, records: null } : ran;
}

/** What the script would write, print and die of. */
async function runScript(tokenizer: Tokenizer, items: readonly JsonRecord[]): Promise<Ran> {
  const count = (text: string) => tokenizer.encode(text).length;
  const selection = new Selection(tokenizer, originalSelection);
  const records: unknown[] = [];
  let stdout = `anno len: ${items.length}\n`;
  for (const [index, value] of items.entries()) {
    const read = readOriginalReply(value.revise, count);
    if (read.kind === "not_iterable")
      return { records: [], stdout, script_error: notIterable(read.value, value.revise) };
    if (read.kind === "unreadable") stdout += `${pythonPrint(withoutMarks(value.revise))}\n`;
    if (read.kind === "pairs")
      for (const { pair, reason } of read.dropped) if (reason === "no_tokens") stdout += `${pythonPrint(pair)}\n`;
    const where = async () => `item ${index}`;
    const record = await selection.take({ value, index, file: "", where });
    if (record !== undefined) records.push(record);
  }
  stdout += `${records.length}\n`;
  const { total, kept } = selection.report.pairs;
  if (total === 0) return { records, stdout, script_error: "ZeroDivisionError: division by zero" };
  stdout += `revise_total: ${total} revise_equal: ${kept} equal_ratio: ${pythonFloat(kept / total)}\n`;
  return { records, stdout, script_error: null };
}

/** The script prints what it could not read after it has taken out the marks, if it came that far. */
const withoutMarks = (reply: unknown): unknown =>
  typeof reply === "string" ? reply.replaceAll("```", "").replaceAll("json", "") : reply;

function notIterable(value: unknown, reply: unknown): string {
  const isFloat = typeof reply === "string" && /[.eEIN]/.test(reply);
  const type =
    value === null ? (isFloat ? "float" : "NoneType") : typeof value === "boolean" ? "bool" : isFloat ? "float" : "int";
  return `TypeError: '${type}' object is not iterable`;
}

const pythonFloat = (value: number): string => (Number.isInteger(value) ? `${value}.0` : String(value));

/** print(value): texts as they are, the rest as repr. */
const pythonPrint = (value: unknown): string => (typeof value === "string" ? value : pythonRepr(value));

function pythonRepr(value: unknown): string {
  if (value === null || value === undefined) return "None";
  if (typeof value === "boolean") return value ? "True" : "False";
  if (typeof value === "string") return pythonQuote(value);
  if (Array.isArray(value)) return `[${value.map(pythonRepr).join(", ")}]`;
  if (!isRecord(value)) return String(value);
  const entries = Object.entries(value).map(([key, element]) => `${pythonQuote(key)}: ${pythonRepr(element)}`);
  return `{${entries.join(", ")}}`;
}

function pythonQuote(text: string): string {
  const quote = text.includes("'") && !text.includes('"') ? '"' : "'";
  const escaped = [...text].map((char) => {
    const known = { "\\": "\\\\", "\n": "\\n", "\r": "\\r", "\t": "\\t" }[char];
    if (known !== undefined) return known;
    if (char === quote) return `\\${char}`;
    const code = char.charCodeAt(0);
    return code < 32 || code === 127 ? `\\x${code.toString(16).padStart(2, "0")}` : char;
  });
  return `${quote}${escaped.join("")}${quote}`;
}

async function checkVicrit({ inputs, outputs }: GoldenCase, tokenizer: Tokenizer): Promise<Outcome> {
  const { items } = z.strictObject({ items: z.array(item) }).parse(inputs);
  const expected = z
    .strictObject({ records: z.array(z.unknown()), script_error: z.string().nullable() })
    .parse(outputs);
  const records = items
    .map((value) => selectVicrit(value, tokenizer))
    .flatMap((selected) => ("record" in selected ? [selected.record] : []));
  return compareExact({ records, script_error: null }, expected);
}
