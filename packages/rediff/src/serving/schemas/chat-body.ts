/** The body of /v1/chat/completions. Fields of OpenAI's that could not be honoured are refused; those that do not touch
 *  the answer (user, metadata, store, ...) are accepted and do nothing. */
import { z } from "zod";
import {
  diffusionFields,
  diffusionTrace,
  genLength,
  imageJoin,
  modelName,
  only,
  seed,
  temperature,
  text,
  url,
} from "./fields.js";

const textPart = z.strictObject({ type: z.literal("text"), text });
const imagePart = z.strictObject({
  type: z.literal("image_url"),
  image_url: z.strictObject({
    url,
    detail: z.enum(["auto", "low", "high"]).nullish().meta({ description: "no effect" }),
  }),
});
const videoPart = z.strictObject({
  type: z.literal("video_url"),
  video_url: z.strictObject({ url: z.string().min(1).meta({ description: "data: URL" }) }),
});

const speakerName = z.string().max(500).nullish().meta({ description: "no effect" });
const plainContent = z.union([text, z.array(textPart).min(1).max(1000)]);

const systemMessage = z.strictObject({
  role: z.enum(["system", "developer"]),
  content: plainContent,
  name: speakerName,
});
const userMessage = z.strictObject({
  role: z.literal("user"),
  content: z.union([
    text,
    z
      .array(z.discriminatedUnion("type", [textPart, imagePart, videoPart]))
      .min(1)
      .max(1000),
  ]),
  name: speakerName,
});
const assistantMessage = z.strictObject({
  role: z.literal("assistant"),
  content: plainContent.nullish(),
  name: speakerName,
  refusal: z.null({ error: "not supported" }).nullish(),
  annotations: z.array(z.unknown()).max(0, { error: "not supported" }).nullish(),
  tool_calls: z.array(z.unknown()).max(0, { error: "not supported" }).nullish(),
  audio: z.null({ error: "not supported" }).nullish(),
  function_call: z.null({ error: "not supported" }).nullish(),
});

export const chatMessage = z.discriminatedUnion("role", [systemMessage, userMessage, assistantMessage]);

const stopText = z.string().min(1).max(500);
const empty = (what: string) =>
  z
    .array(z.unknown())
    .max(0, { error: `not supported: the model knows no ${what}` })
    .nullish();

export const chatBody = z.strictObject({
  model: modelName,
  messages: z.array(chatMessage).min(1).max(1000),
  stream: z.boolean().nullish(),
  stream_options: z
    .strictObject({ include_usage: z.boolean().nullish(), include_obfuscation: z.boolean().nullish() })
    .nullish(),
  stop: z.union([stopText, z.array(stopText).max(4)]).nullish(),
  seed,
  temperature,
  max_tokens: genLength.meta({ description: "the answer's length in tokens: all of them are decoded" }),
  max_completion_tokens: genLength.meta({ description: "another name of max_tokens" }),
  block_length: genLength.meta({ description: "tokens of a block, decoded left to right; default all" }),
  ...diffusionFields,
  image_join: imageJoin,
  diffusion_trace: diffusionTrace,

  n: only(1),
  top_p: only(1),
  frequency_penalty: only(0),
  presence_penalty: only(0),
  logprobs: only(false),
  top_logprobs: only(0),
  logit_bias: z.strictObject({}, { error: "not supported" }).nullish(),
  response_format: z.strictObject({ type: z.literal("text", { error: 'not supported, other than "text"' }) }).nullish(),
  modalities: z.array(z.literal("text", { error: 'not supported, other than "text"' })).nullish(),
  tools: empty("tools"),
  functions: empty("functions"),
  tool_choice: only("none", "auto"),
  function_call: only("none", "auto"),

  user: z.string().nullish().meta({ description: "no effect" }),
  safety_identifier: z.string().nullish().meta({ description: "no effect" }),
  prompt_cache_key: z.string().nullish().meta({ description: "no effect" }),
  metadata: z.record(z.string(), z.string()).nullish().meta({ description: "no effect" }),
  store: z.boolean().nullish().meta({ description: "no effect: nothing is stored" }),
  parallel_tool_calls: z.boolean().nullish().meta({ description: "no effect" }),
  service_tier: z.enum(["auto", "default"]).nullish().meta({ description: "no effect" }),
});

export type ChatBody = z.output<typeof chatBody>;
export type ChatPart = z.output<typeof textPart> | z.output<typeof imagePart> | z.output<typeof videoPart>;
