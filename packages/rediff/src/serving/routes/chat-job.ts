/** From OpenAI's messages to a job for the model. */
import type { ModelFacts } from "../../inference/model-facts.js";
import type { ChatMessage } from "../../text/chat-template.js";
import { placeImages } from "../../text/chat-template.js";
import { imageToken } from "../../text/image-tokens.js";
import type { Job } from "../engine/protocol.js";
import { ApiError } from "../http/error-object.js";
import { type MediaOptions, type MediaSource, pictureSource, videoSource } from "../media/load-media.js";
import type { ServedModel } from "../route-context.js";
import type { ChatBody, ChatPart } from "../schemas/chat-body.js";
import { present } from "../schemas/fields.js";

export interface ChatRequest {
  job: Job<"describe">;
  media: MediaSource[];
}

export function chatRequest(body: ChatBody, model: ServedModel, facts: ModelFacts, options: MediaOptions): ChatRequest {
  const media: MediaSource[] = [];
  const system: string[] = [];
  const messages: ChatMessage[] = [];
  for (const [i, message] of body.messages.entries()) {
    const param = `messages[${i}]`;
    if (message.role === "system" || message.role === "developer") {
      if (messages.length > 0)
        throw new ApiError(400, `${param}: not supported: a ${message.role} message after the conversation has begun`, {
          param: `${param}.role`,
          code: "unsupported_parameter",
        });
      system.push(textOf(message.content));
    } else if (message.role === "assistant") {
      messages.push({ role: "assistant", content: textOf(message.content ?? "") });
    } else messages.push({ role: "user", content: userContent(message.content, `${param}.content`, media, options) });
  }
  if (!messages.some(({ role }) => role === "user"))
    throw new ApiError(400, "messages: there is no user message", { param: "messages", code: "invalid_value" });
  return {
    media,
    job: {
      text: body.stream ?? false,
      trace: body.diffusion_trace ?? false,
      asked: {
        kind: "describe",
        options: {
          messages,
          maxPixels: options.maxPixels,
          stop: stopsOf(body),
          ...(system.length > 0 && { system: system.join("\n\n") }),
          ...diffusionOptions(body, facts),
          ...present({ genLength: lengthOf(body, model, facts), blockLength: body.block_length }),
        },
      },
    },
  };
}

/** Fields that chat and fill have in common. */
export function diffusionOptions(
  body: Pick<
    ChatBody,
    | "steps"
    | "tokens_per_step"
    | "threshold"
    | "temperature"
    | "cfg_scale"
    | "remasking"
    | "revise"
    | "revise_topk"
    | "revise_start"
    | "seed"
    | "image_join"
  >,
  facts: ModelFacts,
) {
  const { steps, tokens_per_step: tokensPerStep, threshold, temperature, remasking, revise, seed } = body;
  if (steps && steps > facts.maxPositions)
    throw new ApiError(400, `steps: more than the model's ${facts.maxPositions} positions`, { param: "steps" });
  const { cfg_scale: cfgScale, revise_topk: reviseTopk, revise_start: reviseStart, image_join: imageJoin } = body;
  return present({
    steps,
    tokensPerStep,
    threshold,
    temperature,
    cfgScale,
    remasking,
    revise,
    reviseTopk,
    reviseStart,
    seed,
    imageJoin,
  });
}

/** undefined where the model's own holds. */
function lengthOf(body: ChatBody, model: ServedModel, facts: ModelFacts): number | undefined {
  const { max_tokens: old, max_completion_tokens: current } = body;
  if (old && current && old !== current)
    throw new ApiError(400, "max_tokens and max_completion_tokens differ; give one of them", { param: "max_tokens" });
  const given = current ?? old;
  if (given && given >= facts.maxPositions)
    throw new ApiError(400, `max_tokens: ${given} tokens do not fit into the model's ${facts.maxPositions} positions`, {
      param: current ? "max_completion_tokens" : "max_tokens",
      code: "context_length_exceeded",
    });
  return given ?? model.genLength;
}

const stopsOf = ({ stop }: ChatBody): string[] => (typeof stop === "string" ? [stop] : (stop ?? []));

function textOf(content: string | readonly { text: string }[]): string {
  return typeof content === "string" ? content : content.map(({ text }) => text).join("\n");
}

/** Pictures come before the text, as in training, unless the message sets them between its texts or places them itself
 *  with `<image>`. */
function userContent(
  content: string | readonly ChatPart[],
  param: string,
  media: MediaSource[],
  options: MediaOptions,
): string {
  if (typeof content === "string") return content;
  for (const [i, part] of content.entries()) {
    if (part.type === "image_url")
      media.push(pictureSource(part.image_url.url, `${param}[${i}].image_url.url`, options));
    if (part.type === "video_url") media.push(videoSource(part.video_url.url, `${param}[${i}].video_url.url`));
  }
  const texts = content.flatMap((part) => (part.type === "text" ? [part.text] : []));
  const all = texts.join("\n");
  if (all.includes(imageToken) || !isInterleaved(content)) return placeImages(all, content.length - texts.length);
  return content.map((part) => (part.type === "text" ? part.text : imageToken)).join("\n");
}

/** A picture stands between two texts. */
function isInterleaved(content: readonly ChatPart[]): boolean {
  const isText = content.map(({ type }) => type === "text");
  const [first, last] = [isText.indexOf(true), isText.lastIndexOf(true)];
  return first >= 0 && isText.slice(first, last).includes(false);
}
