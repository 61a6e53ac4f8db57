/** The body of /v1/chat/completions. Fields of OpenAI's that could not be honoured are refused; those that do not touch
 *  the answer (user, metadata, store, ...) are accepted and do nothing. */
import { z } from "zod";
import {
  answerLength,
  asStored,
  blockLength,
  diffusionFields,
  diffusionTrace,
  either,
  imageJoin,
  modelName,
  seed,
  temperature,
  text,
  url,
} from "./fields.js";
import {
  imageDetail,
  NOT_SUPPORTED,
  neutralFields,
  neutralInMessages,
  neutralInParts,
  neutralInStreamOptions,
} from "./neutral-fields.js";

/** @param takes what else could stand there */
const parts = <const T extends readonly [z.core.$ZodTypeDiscriminable, ...z.core.$ZodTypeDiscriminable[]]>(
  takes: string,
  types: T,
) =>
  z
    .array(
      z.discriminatedUnion("type", types, {
        error: ({ code }) => (code === "invalid_union" ? `${NOT_SUPPORTED}: a part is ${takes}` : undefined),
      }),
    )
    .min(1)
    .max(1000);

const textPart = z.strictObject({ type: z.literal("text"), text, ...neutralInParts });
const imagePart = z.strictObject({
  type: z.literal("image_url"),
  image_url: z.strictObject({ url, detail: imageDetail }, { error: expectedObject('{"url": "data:image/..."}') }),
  ...neutralInParts,
});
const videoPart = z.strictObject({
  type: z.literal("video_url"),
  video_url: z.strictObject(
    { url: z.string().min(1).meta({ description: "data: URL" }) },
    { error: expectedObject('{"url": "data:video/..."}') },
  ),
  ...neutralInParts,
});
const plainContent = either("a string or a list of text parts", text, parts("text", [textPart]));

const systemMessage = z.strictObject({
  role: z.enum(["system", "developer"]),
  content: plainContent,
  ...neutralInMessages,
});
const userMessage = z.strictObject({
  role: z.literal("user"),
  content: either(
    "a string or a list of parts (text, image_url, video_url)",
    text,
    parts("text, image_url or video_url", [textPart, imagePart, videoPart]),
  ),
  ...neutralInMessages,
});
const assistantMessage = z.strictObject({
  role: z.literal("assistant"),
  content: plainContent.nullish(),
  ...neutralInMessages,
});
export const chatMessage = z.discriminatedUnion("role", [systemMessage, userMessage, assistantMessage], {
  error: ({ code }) =>
    code === "invalid_union" ? `${NOT_SUPPORTED}: a role is system, developer, user or assistant` : undefined,
});

const stopText = z.string().min(1).max(500);

export const chatBody = z.strictObject({
  model: modelName,
  messages: z.array(chatMessage).min(1).max(1000),
  stream: z.boolean().nullish(),
  stream_options: z.strictObject({ include_usage: z.boolean().nullish(), ...neutralInStreamOptions }).nullish(),
  stop: either(
    "a string or a list of at most 4 strings",
    stopText,
    z.array(stopText).max(4, { error: "expected at most 4 stop texts" }),
  ).nullish(),
  seed,
  temperature,
  max_tokens: answerLength.meta({
    description: "the answer's length in tokens: all of them are decoded; cut to what the model has room for",
  }),
  max_completion_tokens: answerLength.meta({ description: "another name of max_tokens" }),
  block_length: blockLength.meta({ description: "tokens of a block, decoded left to right; default all" }),
  ...diffusionFields,
  image_join: imageJoin,
  as_stored: asStored,
  diffusion_trace: diffusionTrace,
  ...neutralFields,
});

function expectedObject(example: string) {
  return ({ code }: { code: string }) => (code === "invalid_type" ? `expected ${example}` : undefined);
}

export type ChatBody = z.output<typeof chatBody>;
export type ChatPart = z.output<typeof textPart> | z.output<typeof imagePart> | z.output<typeof videoPart>;
