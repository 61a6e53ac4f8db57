/** A chat completion as servers write it, read once: some leave out fields, some send an error with status 200. */
import { z } from "zod";
import { parseShallowJson } from "../../options/shallow-json.js";
import { errorOf, excerpt, headerOf } from "./expert-refusal.js";
import { type HttpReply, LostReply } from "./http-post.js";

export interface Usage {
  prompt_tokens: number;
  /** Those of thinking among them. */
  completion_tokens: number;
}

export interface ExpertAnswer {
  /** As it came; null for a refusal or an empty message. */
  text: string | null;
  refusal?: string;
  /** "stop"; "length" when it was cut off; "content_filter". */
  finishReason: string | null;
  /** The model that answered, by its own word. */
  model: string | null;
  requestId: string | null;
  /** Null where the server does not say. */
  usage: (Usage & { reasoning_tokens?: number }) | null;
}

const contentSchema = z.union([z.string(), z.array(z.looseObject({ text: z.string().optional() }))]);
const countSchema = z.number().min(0);
const answerSchema = z.looseObject({
  id: z.string().nullish(),
  model: z.string().nullish(),
  choices: z.tuple(
    [
      z.looseObject({
        message: z.looseObject({ content: contentSchema.nullish(), refusal: z.string().nullish() }),
        finish_reason: z.string().nullish(),
      }),
    ],
    z.unknown(),
  ),
  usage: z
    .looseObject({
      prompt_tokens: countSchema,
      completion_tokens: countSchema,
      completion_tokens_details: z.looseObject({ reasoning_tokens: countSchema.nullish() }).nullish(),
    })
    .nullish()
    .catch(null),
});

/** @throws LostReply where it is none */
export function readAnswer({ body, headers }: HttpReply): ExpertAnswer {
  let value: unknown;
  try {
    value = parseShallowJson(body);
  } catch {
    throw new LostReply(body === "" ? "the reply is empty" : `the reply is not JSON: ${excerpt(body)}`);
  }
  const parsed = answerSchema.safeParse(value);
  if (!parsed.success) {
    const told = errorOf(value);
    if (told.message !== undefined) throw new LostReply(`an error instead of an answer: ${told.message}`);
    const [issue] = parsed.error.issues;
    throw new LostReply(`the reply is no chat completion (${issue?.path.join(".")}: ${issue?.message})`);
  }
  const { id, model, choices, usage } = parsed.data;
  const [{ message, finish_reason }] = choices;
  // OpenRouter's word for a provider that failed in the middle.
  if (finish_reason === "error") throw new LostReply("the expert failed in the middle of its answer");
  const thinking = usage?.completion_tokens_details?.reasoning_tokens;
  return {
    text: textOf(message.content),
    ...(message.refusal && { refusal: message.refusal }),
    finishReason: finish_reason ?? null,
    model: model ?? null,
    requestId: headerOf(headers["x-request-id"]) ?? id ?? null,
    usage: usage
      ? {
          prompt_tokens: usage.prompt_tokens,
          completion_tokens: usage.completion_tokens,
          ...(typeof thinking === "number" && { reasoning_tokens: thinking }),
        }
      : null,
  };
}

function textOf(content: z.infer<typeof contentSchema> | null | undefined): string | null {
  if (content === null || content === undefined) return null;
  return typeof content === "string" ? content : content.map(({ text = "" }) => text).join("");
}
