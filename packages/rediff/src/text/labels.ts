/** A conversation of the training data to ids and labels.
 *
 *  Here, unlike at inference, content is not trimmed and no token after a picture is lost. Labels: the whole of an
 *  assistant turn, its header included, and in every turn the structural tokens (BOS, both header tokens, end of turn),
 *  which are therefore masked and predicted in prompts too, as in the reference. */
import { z } from "zod";
import { UserError } from "../errors.js";
import { defaultSystemText } from "./chat-template.js";
import { spellsSpecialToken } from "./conversation-prompt.js";
import { encodePrompt, ignoredLabel, imagePlaceholder, imageToken, joinChunks } from "./image-tokens.js";
import { stripPython } from "./python-strip.js";
import type { Tokenizer } from "./tokenizer.js";

export type Turn = { role: string; content: string };
/** Two lists of one length; labels are ids, or -100 where nothing is learnt. */
export type Labelled = { ids: number[]; labels: number[] };

/** What special tokens' spellings in a conversation are: words like any others, or those tokens, as in the original. */
export type SpeltTokens = "text" | "tokens";

const roles: Record<string, string> = { human: "user", gpt: "assistant" };

/** Accepts `{from, value}` and `{role, content}`; of a turn that has both, `{role, content}` counts. The reference takes
 *  the second form in some places only. */
export const turnSchema = z
  .looseObject({
    from: z.string().optional(),
    value: z.string().optional(),
    role: z.string().optional(),
    content: z.string().optional(),
  })
  .transform((turn, context): Turn => {
    const [role, content] =
      turn.role !== undefined && turn.content !== undefined ? [turn.role, turn.content] : [turn.from, turn.value];
    if (role === undefined || content === undefined) {
      context.addIssue({ code: "custom", message: "a turn needs from and value, or role and content" });
      return z.NEVER;
    }
    return { role: roles[role] ?? role, content };
  });

/** The turns of a sample with pictures: a turn's only `<image>` moves to its start, on a line of its own; turns with
 *  several stay as they are. The marker of one noisy data set is deleted. */
export function placeTrainingImages(turns: readonly Turn[]): Turn[] {
  return turns.map(({ role, content }) => {
    const single = content.split(imageToken).length === 2;
    const moved =
      single && !content.startsWith(imageToken)
        ? stripPython(`${imageToken}\n${stripPython(content.replace(imageToken, ""))}`)
        : content;
    return { role, content: moved.replaceAll("QA_GT_caption_based_noisy", "") };
  });
}

/** Template `llava_llada`. Turns as they come from `placeTrainingImages`, or as in the data for a sample without
 *  pictures, whose `<image>` is then plain text. A first turn by the assistant is dropped. */
export function labelConversation(
  tokenizer: Tokenizer,
  turns: readonly Turn[],
  options: { hasImage: boolean; system?: string; spelt?: SpeltTokens },
): Labelled {
  const { hasImage, system = defaultSystemText, spelt = "tokens" } = options;
  const { bos, startHeader, endHeader, eot } = tokenizer.special;
  const structural = new Set([bos, startHeader, endHeader, eot]);
  // The reference adds <image> to a copy of the vocabulary and later swaps the ids, but not the labels. Nobody reads
  // a label there: the positions of the picture take its place.
  const imageLabel = tokenizer.tokenId(imageToken) ?? tokenizer.length;

  const ids = [bos];
  const labels = [bos];
  for (const { role, content } of [{ role: "system", content: system }, ...withoutFirstAnswer(turns)]) {
    const learnt = role !== "user" && role !== "system";
    for (const id of encodeTurn(tokenizer, { role, content }, hasImage, spelt)) {
      ids.push(id);
      const target = id === imagePlaceholder ? imageLabel : id;
      labels.push(learnt || structural.has(id) ? target : ignoredLabel);
    }
  }
  return { ids, labels };
}

/** A message with its header and end. */
function encodeTurn(tokenizer: Tokenizer, { role, content }: Turn, hasImage: boolean, spelt: SpeltTokens): number[] {
  const head = `<|start_header_id|>${role}<|end_header_id|>`;
  if (spelt === "text" && spellsSpecialToken(tokenizer, content)) {
    const said = encodeWords(tokenizer, `\n\n${content}`, hasImage);
    return [...tokenizer.encode(head), ...said, tokenizer.special.eot];
  }
  const text = `${head}\n\n${content}<|eot_id|>`;
  return hasImage ? encodePrompt(tokenizer, text, { join: "correct" }) : tokenizer.encode(text);
}

/** A text without any special token, pictures apart. */
function encodeWords(tokenizer: Tokenizer, text: string, hasImage: boolean): number[] {
  const chunks = hasImage ? text.split(imageToken) : [text];
  return joinChunks(
    tokenizer,
    chunks.map((chunk) => tokenizer.encodeText(chunk)),
    "correct",
  );
}

/** Template `llada_plain`: picture, caption, newline; everything after the picture is learnt. No BOS, no headers. */
export function labelCaption(tokenizer: Tokenizer, turns: readonly Turn[], spelt: SpeltTokens = "tokens"): Labelled {
  const [question, answer] = turns;
  if (turns.length !== 2 || question === undefined || answer === undefined || !question.content.includes(imageToken)) {
    throw new UserError(
      `template llada_plain needs two turns, the first with ${imageToken}, got ${turns.length}`,
      "Train on conversations with template llava_llada",
    );
  }
  const text = `${imageToken}${answer.content}\n`;
  const ids =
    spelt === "text" && spellsSpecialToken(tokenizer, answer.content)
      ? encodeWords(tokenizer, text, true)
      : encodePrompt(tokenizer, text, { join: "correct" });
  return { ids, labels: [ignoredLabel, ...ids.slice(1)] };
}

function withoutFirstAnswer(turns: readonly Turn[]): readonly Turn[] {
  const first = turns[0];
  if (first === undefined || first.role === "user") return turns;
  if (first.role === "assistant") return turns.slice(1);
  throw new UserError(
    `a conversation starts with the role "${first.role}", expected human (user) or gpt (assistant)`,
    "Leave system turns out: the template writes its own",
  );
}
