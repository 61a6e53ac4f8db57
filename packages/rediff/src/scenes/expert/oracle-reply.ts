/** The oracle in an expert's place: it knows the picture by its bytes, reads question and prediction as `rediff data
 *  correct` sends them, and replies in the expert's format: `right`, or a JSON list of org and target. */
import { createHash } from "node:crypto";
import { z } from "zod";
import { splitWords } from "../language/words.js";
import { readScenes } from "../records/scene-records.js";
import type { Facts } from "../world/facts.js";
import { nearestCaption, type OracleOptions } from "./oracle.js";
import { revisePairs } from "./word-edits.js";

/** Facts by the hash of the picture file. */
export type Truth = ReadonlyMap<string, Facts>;

export async function readTruth(file: string): Promise<Truth> {
  const truth = new Map<string, Facts>();
  for await (const { record, facts } of readScenes(file)) truth.set(record.sha256, facts);
  return truth;
}

/** What is said when no true caption has as many words as the prediction: no valid reply, so that it is not used. */
export const noCorrection = "There is no true description with as many words as the prediction.";

/** @param question its words are in the prompt, where no `org` may occur */
export function correctDraft(draft: string, facts: Facts, question = "", options: OracleOptions = {}): string {
  const words = splitWords(draft);
  const nearest = nearestCaption(words, facts, options);
  if (nearest === undefined) return noCorrection;
  const pairs = revisePairs(words, nearest.words, splitWords(question));
  return pairs.length === 0 ? "right" : JSON.stringify(pairs);
}

const partSchema = z.union([
  z.looseObject({ type: z.literal("text"), text: z.string() }),
  z.looseObject({ type: z.literal("image_url"), image_url: z.looseObject({ url: z.string() }) }),
]);
export const requestSchema = z.looseObject({
  model: z.string().optional(),
  messages: z.array(z.looseObject({ role: z.string(), content: z.union([z.string(), z.array(partSchema)]) })).min(1),
  stream: z.boolean().nullish(),
});
export type ChatRequest = z.infer<typeof requestSchema>;

/** A request that cannot be answered, in OpenAI's words. */
export class RequestError extends Error {
  constructor(
    message: string,
    readonly code: string,
  ) {
    super(message);
  }
}

/** @throws RequestError when picture or prediction are missing, or the picture is none of the truth's */
export function answerRequest(request: ChatRequest, truth: Truth, options: OracleOptions = {}): string {
  if (request.stream) throw new RequestError("streaming is not supported", "unsupported_value");
  const user = request.messages.findLast(({ role }) => role === "user");
  const parts =
    typeof user?.content === "string" ? [{ type: "text" as const, text: user.content }] : (user?.content ?? []);
  const text = parts.flatMap((part) => (part.type === "text" ? [part.text] : [])).join("\n");
  const url = parts.flatMap((part) => (part.type === "image_url" ? [part.image_url.url] : []))[0];
  if (url === undefined) throw new RequestError("the request has no picture", "missing_image");
  const facts = truth.get(createHash("sha256").update(decodeDataUrl(url)).digest("hex"));
  if (facts === undefined)
    throw new RequestError("the picture is none of the scenes that are known here", "unknown_image");
  const { question, prediction } = parseText(text);
  return correctDraft(prediction, facts, question, options);
}

function decodeDataUrl(url: string): Buffer {
  const match = /^data:[^,]*;base64,/.exec(url);
  if (match === null) throw new RequestError("the picture is no base64 data URL", "invalid_image_url");
  return Buffer.from(url.slice(match[0].length), "base64");
}

/** "Question: ...\nAnswer: ...\nPrediction: ..."; the last Prediction counts, and it reaches to the end. */
function parseText(text: string): { question: string; prediction: string } {
  const match = /(?:^|[\s\S]*\n)Prediction:([\s\S]*)$/.exec(text);
  if (match === null)
    throw new RequestError('the text has no line that begins with "Prediction:"', "missing_prediction");
  const question = /^Question:(.*)$/m.exec(text)?.[1] ?? "";
  return { question: question.trim(), prediction: (match[1] ?? "").trim() };
}
