/** Messages to the text that the model reads.
 *
 *  Two templates: `llava_llada`, the tokenizer's own chat template after a system message, and `llada_plain` of the
 *  projector's pretraining, where a picture is followed by its caption and nothing else.
 *
 *  As in the reference, the chat template is asked for the header of the next answer even when the last message is an
 *  answer, empty messages are left out, and LLaDA's template trims each content. Departures: no path of a tokenizer is
 *  built in; `trim` cuts U+FEFF and keeps U+001C..U+001F and U+0085, where Python's does the opposite. */
import { OptionError, option, UserError, wording } from "../errors.js";
import { renderBounded } from "./bounds/bounded-template.js";
import { imageToken } from "./image-tokens.js";
import { stripPython } from "./python-strip.js";
import type { Tokenizer } from "./tokenizer.js";

/** An empty or null content is an answer that is still to come. */
export type ChatMessage = { role: string; content: string | null };

export type PromptTemplate = "llava_llada" | "llada_plain";
export const promptTemplates = ["llava_llada", "llada_plain"] as const satisfies readonly PromptTemplate[];

/** What LLaDA-V and ReDiff were trained with; other texts work, but are not what the weights know. */
export const defaultSystemText =
  "You are a helpful language and vision assistant. You are able to understand the visual content that the user " +
  "provides, and assist the user with a variety of tasks using natural language.";

/** The prompt, `<image>` still as text, ready for `encodePrompt`. */
export function renderPrompt(
  tokenizer: Tokenizer,
  messages: readonly ChatMessage[],
  options: { template?: PromptTemplate; system?: string } = {},
): string {
  const { template = "llava_llada", system = defaultSystemText } = options;
  if (template === "llada_plain") return renderPlain(messages);
  return renderChat(tokenizer, [{ role: "system", content: system }, ...messages]);
}

/** A question with its pictures: as it is when it places them itself, else all of them before it, as the reference's
 *  evaluation does. */
export function placeImages(question: string, count: number): string {
  if (count === 0 || question.includes(imageToken)) return question;
  return `${Array(count).fill(imageToken).join(" ")}\n${question}`;
}

/** The content of the reference's (text, images) messages: one `<image>` at the start of a conversation's first
 *  message however many pictures there are, one for each picture before later ones, without a separator. */
export function pairContent(text: string, imageCount: number, isFirst: boolean): string {
  if (!isFirst) return imageToken.repeat(imageCount) + text;
  return text.startsWith(imageToken) ? text : `${imageToken}\n${stripPython(text.replaceAll(imageToken, ""))}`;
}

function renderChat(tokenizer: Tokenizer, messages: readonly ChatMessage[]): string {
  if (tokenizer.chatTemplate === undefined) {
    throw new OptionError(
      "conversation",
      `${tokenizer.folder}: the tokenizer has no chat template`,
      wording`Add chat_template to its tokenizer_config.json, or use ${option("conversation")} llada_plain`,
    );
  }
  // The system message stays even when it is empty; only what the user and the model say is left out.
  const present = messages.filter(({ content }, index) => index === 0 || content);
  try {
    return renderBounded(tokenizer.chatTemplate, {
      ...tokenizer.specialTokens,
      messages: present.map(({ role, content }) => ({ role, content: content ?? "" })),
      add_generation_prompt: true,
    });
  } catch (cause) {
    const why = (cause instanceof Error ? cause.message : String(cause)).replace(/\s+/g, " ").slice(0, 300);
    throw new UserError(`${tokenizer.folder}: its chat template cannot be rendered (${why})`, undefined, { cause });
  }
}

/** The question's words are dropped, as in training; an answer that is there becomes the caption. */
function renderPlain(messages: readonly ChatMessage[]): string {
  const [question, answer] = messages.filter(({ content }) => content);
  const turns = [question, answer].filter((turn) => turn !== undefined).map(({ role }) => role);
  const isPair = messages.length <= 2 && (turns.join() === "user" || turns.join() === "user,assistant");
  if (!isPair || question?.content?.includes(imageToken) !== true) {
    throw new OptionError(
      "conversation",
      `template llada_plain takes one user message with ${imageToken} and at most one answer, got ${describe(messages)}`,
      wording`Use ${option("conversation")} llava_llada for conversations`,
    );
  }
  return answer?.content ? `${imageToken}${answer.content}\n` : imageToken;
}

function describe(messages: readonly ChatMessage[]): string {
  return messages.length === 0 ? "none" : messages.map(({ role }) => role).join(", ");
}
