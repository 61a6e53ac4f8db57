/** A conversation to the ids that the model reads, such that what people typed stays text.
 *
 *  Contents go through the chat template as strings, so what must not be taken for more than text is put between signs
 *  that no content has, and is encoded by itself afterwards: `<image>` as a word, and the spellings of special tokens.
 *  All else is encoded as if there were no such signs, the template's own special tokens among it. */
import { UserError } from "../errors.js";
import { type ChatMessage, type PromptTemplate, renderPrompt } from "./chat-template.js";
import { isUsers, splitMarkers } from "./image-markers.js";
import { type ImageJoin, imageToken, joinChunks } from "./image-tokens.js";
import type { Tokenizer } from "./tokenizer.js";

export interface ConversationOptions {
  template: PromptTemplate;
  system: string;
  join: ImageJoin;
  /** Spellings of special tokens are those tokens, also in what was typed. */
  specialTokens: boolean;
}

/** @param messages with the places of their pictures settled
 *  @returns ids with -200 for each picture */
export function encodeConversation(
  tokenizer: Tokenizer,
  messages: readonly ChatMessage[],
  { template, system, join, specialTokens }: ConversationOptions,
): number[] {
  const signs = unusedSigns([system, ...messages.map(({ content }) => content ?? "")]);
  const needsCare = (text: string) =>
    text.includes(imageToken) || (!specialTokens && spellsSpecialToken(tokenizer, text));
  const guarded = (text: string) => (needsCare(text) ? guard(text, signs) : text);
  const rendered = renderPrompt(
    tokenizer,
    messages.map((message) => {
      if (message.content === null) return message;
      const parts = isUsers(message) ? splitMarkers(message.content) : [message.content];
      return { ...message, content: parts.map((part) => (part === null ? imageToken : guarded(part))).join("") };
    }),
    { template, system: guarded(system) },
  );
  const typed = (text: string) => (specialTokens ? tokenizer.encode(text) : tokenizer.encodeText(text));
  const cut = new RegExp(`(${signs.open}|${signs.close})`, "u");
  const chunks = rendered.split(imageToken).map((chunk) => {
    const pieces = chunk.split(cut);
    // A template that drops one of the signs must not make special tokens of what was typed: the other is enough.
    return pieces.flatMap((piece, i) => {
      if (i % 2 === 1) return [];
      const isTyped = pieces[i - 1] === signs.open || pieces[i + 1] === signs.close;
      return isTyped ? typed(piece.replaceAll(signs.word, imageToken)) : tokenizer.encode(piece);
    });
  });
  return joinChunks(tokenizer, chunks, join);
}

/** Whether encoding a text as it is would make special tokens of some of it. */
export const spellsSpecialToken = (tokenizer: Tokenizer, text: string): boolean =>
  specialTokensIn(tokenizer, text).length > 0;

/** Special tokens that a text spells, each once. */
export function specialTokensIn({ stages }: Tokenizer, text: string): string[] {
  const normalized = stages.normalize(text);
  return [...stages.controls].filter(
    (control) => text.includes(control) || (normalized !== text && normalized.includes(stages.normalize(control))),
  );
}

interface Signs {
  open: string;
  close: string;
  /** Stands for the word `<image>`. */
  word: string;
}

/** Characters of private use that none of the texts has. */
function unusedSigns(texts: readonly string[]): Signs {
  const used = new Set(texts.flatMap((text) => text.match(/\p{Co}/gu) ?? []));
  const free: string[] = [];
  for (let code = 0xe000; code <= 0x10fffd && free.length < 3; code++) {
    const sign = String.fromCodePoint(code);
    if (!used.has(sign)) free.push(sign);
    if (code === 0xf8ff) code = 0xeffff;
    if (code === 0xffffd) code = 0xfffff;
  }
  const [open, close, word] = free;
  if (open === undefined || close === undefined || word === undefined)
    throw new UserError("the text has every character of private use", "Leave some of them out.");
  return { open, close, word };
}

/** White space at the ends stays outside, where the template trims it. */
function guard(text: string, { open, close, word }: Signs): string {
  const inside = text.trim();
  if (inside === "") return text;
  const start = text.length - text.trimStart().length;
  const hidden = inside.replaceAll(imageToken, word);
  return `${text.slice(0, start)}${open}${hidden}${close}${text.slice(start + inside.length)}`;
}
