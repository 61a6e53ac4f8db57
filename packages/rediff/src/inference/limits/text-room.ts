/** Text that can never fit is refused by its length, before anything is made of it: tokenizing a megabyte takes seconds,
 *  and what a server does for one client, others wait for. Needs a model's facts only, so every border can ask. */
import { OptionError } from "../../errors.js";
import type { ChatMessage } from "../../text/chat-template.js";
import { isUsers, splitMarkers } from "../../text/image-markers.js";
import { imageToken } from "../../text/image-tokens.js";
import type { AskableModel, ModelFacts } from "../model-facts.js";
import type { Asked, DescribeOptions } from "../request.js";
import { parseTemplate, type Template } from "../template/fill-template.js";

type Facts = Pick<ModelFacts, "reach" | "longestToken">;

/** Bytes for each position where a vocabulary sets no bound: a word that it does not have is one token however long it is,
 *  and white space none. Ordinary text has ten. */
const BYTES_OF_POSITION = 256;

/** How many times its room a message may have with the white space at its ends, which chat templates cut off. */
const PADDED = 8;

/** UTF-16 units of a template that is parsed before its turn has come, so that what is wrong with it is told at once. */
const SHORT_TEMPLATE = 1 << 16;

/** A text, by the option that it came in. */
interface GivenText {
  option: string;
  /** In messages. */
  what: string;
  bytes: number;
}

/** UTF-8 bytes of the longest text that a model takes. */
export const textRoom = ({ reach, longestToken }: Facts): number => reach * (longestToken ?? BYTES_OF_POSITION);

/** UTF-16 units of all texts of a request together. */
export function textLength(asked: Asked): number {
  const { prompt = "", messages = [], system = "" } = asked.options;
  const rest =
    asked.kind === "describe"
      ? [asked.options.draft, asked.options.suffix, ...(asked.options.stop ?? [])]
      : [asked.kind === "refine" ? asked.draft : templateText(asked.template)];
  return [prompt, system, ...messages.map(({ content }) => content), ...rest].reduce(
    (sum, text) => sum + (text?.length ?? 0),
    0,
  );
}

const templateText = (template: string | Template): string =>
  typeof template === "string" ? template : JSON.stringify(template);

/** @throws OptionError that names the text which can never fit, or "messages" when only all of them together cannot */
export function assertTexts(facts: Facts, asked: Asked): void {
  const room = textRoom(facts);
  const refuseAbove = (most: number) => (text: GivenText) => {
    if (text.bytes > most) throw tooLong(facts, text, most);
  };
  const talk = conversationTexts(facts, asked.options);
  const others: GivenText[] = [];
  if (asked.kind === "describe") {
    const { draft, suffix, stop = [] } = asked.options;
    others.push(...named("draft", draft), ...named("suffix", suffix), ...stop.flatMap((text) => named("stop", text)));
  } else if (asked.kind === "refine") others.push(...named("draft", asked.draft));
  else if (typeof asked.template === "string") {
    // Backslashes go by halves, and a blank takes up to nine characters. What is between blanks is judged by itself.
    named("template", asked.template).forEach(refuseAbove(2 * room + 9 * facts.reach));
    if (asked.template.length <= SHORT_TEMPLATE) assertBlanks(facts, parseTemplate(asked.template));
  }
  [...talk, ...others].forEach(refuseAbove(room));
  const bytes = talk.reduce((sum, text) => sum + text.bytes, 0);
  const option = asked.options.messages === undefined ? "prompt" : "messages";
  refuseAbove(room)({ option, what: "conversation", bytes });
}

/** @throws OptionError when a template's blanks, or its fixed texts, have more tokens than the model has positions */
export function assertTemplate(model: AskableModel, template: Template): void {
  const { texts, blanks } = assertBlanks(model.facts, template);
  assertTokens(model, "template", texts, blanks);
}

/** The same without counting tokens. */
function assertBlanks(facts: Facts, template: Template): { texts: string[]; blanks: number } {
  const texts = template.flatMap((part) => (part.kind === "text" ? [part.text] : []));
  const blanks = template.reduce((sum, part) => sum + (part.kind === "blank" ? part.tokens : 0), 0);
  if (blanks >= facts.reach)
    throw new OptionError(
      "template",
      `blanks of ${blanks} tokens do not fit into the model's ${facts.reach} positions`,
      "Use fewer or shorter blanks",
      { problem: "context_length" },
    );
  const bytes = texts.reduce((sum, text) => sum + Buffer.byteLength(text), 0);
  const room = textRoom(facts);
  if (bytes > room) throw tooLong(facts, { option: "template", what: "template", bytes }, room);
  return { texts, blanks };
}

/** Counts the tokens of texts, which takes a fraction of the time that aligning them with their characters does.
 *  @param others tokens beside them
 *  @throws OptionError when they are certainly more than the model has positions */
export function assertTokens(
  { facts, tokenizer }: AskableModel,
  option: "draft" | "template",
  texts: readonly string[],
  others = 0,
): void {
  // White space may be left out, and what is unknown becomes one with its neighbours.
  const blank = new Map<number, boolean>();
  const isBlank = (id: number) => {
    const known = blank.get(id) ?? tokenizer.decode([id]).trim() === "";
    blank.set(id, known);
    return known;
  };
  let tokens = others;
  for (const text of texts) {
    for (const id of tokenizer.encodeText(text)) if (id !== tokenizer.unknown && !isBlank(id)) tokens++;
    if (tokens > facts.reach)
      throw new OptionError(
        option,
        `the ${option} has more tokens than the model's ${facts.reach} positions`,
        `Use a shorter ${option}`,
        { problem: "context_length" },
      );
  }
}

function named(option: string, text: string | undefined): GivenText[] {
  if (text === undefined) return [];
  return [{ option, what: option === "stop" ? "stop text" : option, bytes: Buffer.byteLength(text) }];
}

/** A conversation as clients send it, before anything is made of its texts: `<image>` is a word in them.
 *  @param contents of the messages, each in its parts
 *  @throws OptionError that names the message, or "messages" when only all of them together are too long */
export function assertContents(facts: Facts, contents: readonly (readonly string[])[]): void {
  const room = textRoom(facts);
  let sum = 0;
  for (const [i, parts] of contents.entries()) {
    const text = { option: `messages[${i}].content`, what: "message" };
    const bytes = paddedBytes(facts, text, parts.join("\n"), (content) => content.trim());
    if (bytes > room) throw tooLong(facts, { ...text, bytes }, room);
    sum += bytes;
  }
  if (sum > room) throw tooLong(facts, { option: "messages", what: "conversation", bytes: sum }, room);
}

/** The same of a question that is one text. */
export function assertQuestion(facts: Facts, prompt: string | null | undefined): void {
  const text = { option: "prompt", what: "prompt" };
  const bytes = paddedBytes(facts, text, prompt ?? "", (content) => content.trim());
  if (bytes > textRoom(facts)) throw tooLong(facts, { ...text, bytes }, textRoom(facts));
}

/** Bytes of what is read of a text, looked at closely only where it matters. @throws OptionError when it is mostly padding */
function paddedBytes(
  facts: Facts,
  text: Omit<GivenText, "bytes">,
  content: string,
  read: (content: string) => string,
): number {
  const room = textRoom(facts);
  const bytes = Buffer.byteLength(content);
  if (bytes > PADDED * room) throw tooLong(facts, { ...text, bytes }, PADDED * room);
  return bytes > room ? Buffer.byteLength(read(content)) : bytes;
}

/** What chat templates leave: white space at a content's ends goes, and so do escapes. */
function conversationTexts(facts: Facts, options: DescribeOptions): GivenText[] {
  const { prompt, messages, system, conversation } = options;
  const given: readonly ChatMessage[] = messages ?? (prompt === undefined ? [] : [{ role: "user", content: prompt }]);
  const size = (text: Omit<GivenText, "bytes">, message: ChatMessage) => ({
    ...text,
    bytes: paddedBytes(facts, text, message.content ?? "", () => written(message).trim()),
  });
  // This template drops the question's words.
  const isRead = (message: ChatMessage) => conversation !== "llada_plain" || !isUsers(message);
  const talk = given.flatMap((message, i) => {
    const text =
      messages === undefined
        ? { option: "prompt", what: "prompt" }
        : { option: `messages[${i}].content`, what: "message" };
    return isRead(message) ? [size(text, message)] : [];
  });
  if (system === undefined || conversation === "llada_plain") return talk;
  return [size({ option: "system", what: "system text" }, { role: "system", content: system }), ...talk];
}

/** A marker is the word, or a picture, which has more positions than that. */
function written(message: ChatMessage): string {
  const content = message.content ?? "";
  if (!isUsers(message)) return content;
  return splitMarkers(content)
    .map((part) => part ?? imageToken)
    .join("");
}

function tooLong({ reach, longestToken }: Facts, { option, what, bytes }: GivenText, most: number): OptionError {
  const limit =
    longestToken === undefined
      ? `more than the ${most} that are read for ${reach} positions`
      : `more than the model's ${reach} positions can hold (${most})`;
  return new OptionError(option, `the ${what} has ${bytes} bytes of text, ${limit}`, "Use a shorter text", {
    problem: "context_length",
  });
}
