/** `<image>` in what users write: the place of a picture, or a word like any other.
 *
 *  It is a place where the user's turns have as many of them as there are pictures, and a word everywhere else: in system
 *  texts and in earlier answers always. `\<image>` is the word in any case; of two backslashes directly before it one
 *  stays and the marker is one. */
import type { ChatMessage } from "./chat-template.js";
import { imageToken } from "./image-tokens.js";

/** Each `<image>` of a text, and the backslashes directly before it. Counted backwards from it: a pattern that begins with
 *  them would try every backslash of a run as a beginning, which takes minutes for a megabyte of them. */
function* markers(text: string): Generator<{ start: number; slashes: number; end: number }> {
  let end = 0;
  for (let at = text.indexOf(imageToken); at >= 0; at = text.indexOf(imageToken, end)) {
    let start = at;
    while (start > end && text[start - 1] === "\\") start--;
    end = at + imageToken.length;
    yield { start, slashes: at - start, end };
  }
}

/** A text in parts; null stands for a picture. */
export function splitMarkers(content: string): (string | null)[] {
  const parts: (string | null)[] = [];
  let text = "";
  let at = 0;
  for (const { start, slashes, end } of markers(content)) {
    text += content.slice(at, start) + "\\".repeat(slashes >> 1);
    at = end;
    if (slashes % 2 === 1) text += imageToken;
    else {
      parts.push(text, null);
      text = "";
    }
  }
  return [...parts, text + content.slice(at)].filter((part) => part !== "");
}

/** The text such that all of its `<image>` are words. */
export function escapeMarkers(text: string): string {
  let escaped = "";
  let at = 0;
  for (const { start, slashes, end } of markers(text)) {
    escaped += text.slice(at, start) + "\\".repeat(2 * slashes + 1) + imageToken;
    at = end;
  }
  return escaped + text.slice(at);
}

/** A question with its pictures where it has a place for each, else with all of them before it. */
export function placePictures(question: string, pictures: number): string {
  if (markersIn(question) === pictures) return question;
  return before(asWords(question), pictures);
}

/** Messages whose `<image>` are the places of all pictures, in the user's turns; words are escaped there. */
export function settlePictures(messages: readonly ChatMessage[], pictures: number): ChatMessage[] {
  const asked = messages.reduce((sum, message) => sum + (isUsers(message) ? markersIn(message.content ?? "") : 0), 0);
  if (asked === pictures) return [...messages];
  const first = messages.findIndex(isUsers);
  return messages.map((message, i) => {
    if (!isUsers(message) || message.content === null) return message;
    const content = asWords(message.content);
    return { ...message, content: i === first ? before(content, pictures) : content };
  });
}

export const isUsers = ({ role }: ChatMessage): boolean => role === "user";

/** What a settled message says, without its pictures and the space that parts each from the text. */
export function wordsOf(message: ChatMessage): string {
  const content = message.content ?? "";
  if (!isUsers(message)) return content;
  const parts = splitMarkers(content);
  return parts.map((part, i) => (i > 0 && parts[i - 1] === null ? part?.replace(/^[ \n]/, "") : part) ?? "").join("");
}

const markersIn = (content: string): number => splitMarkers(content).filter((part) => part === null).length;

const asWords = (content: string): string =>
  escapeMarkers(
    splitMarkers(content)
      .map((part) => part ?? imageToken)
      .join(""),
  );

const before = (content: string, pictures: number): string =>
  pictures === 0 ? content : `${Array(pictures).fill(imageToken).join(" ")}\n${content}`;
