/** Lists of texts that a data set keeps as Python writes them: ['a', "it's", 'caf\xe9']. */
import { UserError } from "../../errors.js";

/** @throws UserError where the text is no list of texts and numbers */
export function parsePythonList(text: string): string[] {
  const reader = { text, at: 0 };
  skipSpace(reader);
  const close = { "[": "]", "(": ")" }[text.charAt(reader.at)];
  if (close === undefined) throw broken(reader, "[");
  reader.at++;
  const values: string[] = [];
  for (;;) {
    skipSpace(reader);
    if (text.charAt(reader.at) === close) break;
    values.push(readValue(reader));
    skipSpace(reader);
    if (text.charAt(reader.at) === ",") reader.at++;
    else if (text.charAt(reader.at) !== close) throw broken(reader, `a comma or ${close}`);
  }
  reader.at++;
  skipSpace(reader);
  if (reader.at < text.length) throw broken(reader, "the end");
  return values;
}

interface Reader {
  readonly text: string;
  at: number;
}

function skipSpace(reader: Reader): void {
  while (/\s/.test(reader.text.charAt(reader.at))) reader.at++;
}

/** Texts side by side are one, as in Python. */
function readValue(reader: Reader): string {
  const bare = /[-+.\w]+/y;
  bare.lastIndex = reader.at;
  const start = /[bBuUrR]?(["'])/y;
  start.lastIndex = reader.at;
  if (!start.test(reader.text)) {
    const word = bare.exec(reader.text)?.[0];
    if (word === undefined) throw broken(reader, "a text in quotes");
    reader.at += word.length;
    return word;
  }
  let value = "";
  do {
    value += readText(reader);
    skipSpace(reader);
    start.lastIndex = reader.at;
  } while (start.test(reader.text));
  return value;
}

function readText(reader: Reader): string {
  const isRaw = /[rR]/.test(reader.text.charAt(reader.at));
  if (/[bBuUrR]/.test(reader.text.charAt(reader.at))) reader.at++;
  const quote = reader.text.charAt(reader.at++);
  let value = "";
  while (reader.text.charAt(reader.at) !== quote) {
    if (reader.at >= reader.text.length) throw broken(reader, quote);
    value += !isRaw && reader.text.charAt(reader.at) === "\\" ? readEscape(reader) : reader.text.charAt(reader.at++);
  }
  reader.at++;
  return value;
}

const shortEscapes: Readonly<Record<string, string>> = {
  ...{ n: "\n", t: "\t", r: "\r", a: "\x07", b: "\b", f: "\f", v: "\v" },
  ...{ "\\": "\\", "'": "'", '"': '"', "\n": "" },
};

function readEscape(reader: Reader): string {
  const coded = /\\(?:x([\da-fA-F]{2})|u([\da-fA-F]{4})|U([\da-fA-F]{8}))/y;
  coded.lastIndex = reader.at;
  const match = coded.exec(reader.text);
  if (match !== null) {
    const code = Number.parseInt(match[1] ?? match[2] ?? match[3] ?? "0", 16);
    if (code > 0x10ffff) throw broken(reader, "a character");
    reader.at += match[0].length;
    return String.fromCodePoint(code);
  }
  const octal = /\\([0-7]{1,3})/y;
  octal.lastIndex = reader.at;
  const digits = octal.exec(reader.text)?.[1];
  if (digits !== undefined) {
    reader.at += 1 + digits.length;
    return String.fromCharCode(Number.parseInt(digits, 8));
  }
  const next = reader.text.charAt(reader.at + 1);
  reader.at += 2;
  return shortEscapes[next] ?? `\\${next}`;
}

function broken({ text, at }: Reader, expected: string): UserError {
  return new UserError(
    `${text.slice(0, 60)}: no list as Python writes it: expected ${expected} at character ${at + 1}`,
  );
}
