/** From OpenAI's messages to a job for the model. */
import { inSnakeCase, type Spelling } from "../../errors.js";
import { assertContents } from "../../inference/limits/text-room.js";
import { modelDefaults } from "../../inference/model-facts.js";
import type { ChatMessage } from "../../text/chat-template.js";
import { escapeMarkers, placePictures } from "../../text/image-markers.js";
import { imageToken } from "../../text/image-tokens.js";
import { type Asked, type Asking, modelFor } from "../bodies/asking.js";
import { ApiError } from "../http/error-object.js";
import { assertMedia, type MediaOptions, type MediaSource, pictureSource, videoSource } from "../media/load-media.js";
import type { ChatBody, ChatPart } from "../schemas/chat-body.js";
import { present } from "../schemas/fields.js";
import { NOT_SUPPORTED } from "../schemas/neutral-fields.js";
import type { ServedModel } from "../served-model.js";

export interface ChatAsked extends Asked<"describe"> {
  fields: ChatFields;
  /** Of the answer, whether there is room for it or not. */
  askedLength: number;
  /** That any answer may have. */
  longest: number | undefined;
  includeUsage: boolean;
}

export function chatAsked(body: ChatBody, asking: Asking): ChatAsked {
  const { place, model, facts } = modelFor(body.model, asking);
  const { media: options } = asking;
  assertSampling(body);
  assertContents(
    facts,
    body.messages.map(({ content }) => textsOf(content)),
  );
  const { maxAnswer: longest } = model;
  const usualLength = Math.min(model.genLength ?? modelDefaults(facts).genLength, longest ?? Number.POSITIVE_INFINITY);
  // Nobody asked for the model's own length, so where it is longer than allowed there is nothing to warn of.
  const genLength = lengthOf(body, model) ?? (longest === undefined ? undefined : usualLength);
  assertSteps(body, Math.max(facts.maxPositions, genLength ?? 0));
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
  assertMedia(media, facts, options);
  return {
    model: place,
    media,
    fields: chatFields(body),
    askedLength: genLength ?? usualLength,
    longest,
    includeUsage: body.stream_options?.include_usage ?? false,
    job: {
      text: body.stream ?? false,
      trace: body.diffusion_trace ?? false,
      usualLength,
      longest,
      asked: {
        kind: "describe",
        options: {
          messages,
          maxPixels: options.maxPixels,
          stop: stopsOf(body),
          ...(system.length > 0 && { system: system.join("\n\n") }),
          ...diffusionOptions(body, model),
          ...present({ genLength, blockLength: body.block_length }),
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
    | "rule"
    | "threshold"
    | "factor"
    | "entropy_bound"
    | "edit_threshold"
    | "post_edit_steps"
    | "temperature"
    | "cfg_scale"
    | "remasking"
    | "revise"
    | "revise_topk"
    | "revise_start"
    | "revise_rest"
    | "confidence_among"
    | "cache"
    | "refresh_every"
    | "refresh_changed"
    | "certify"
    | "fast"
    | "seed"
    | "image_join"
    | "as_stored"
  >,
  model: Pick<ServedModel, "fast">,
) {
  const { steps, tokens_per_step: tokensPerStep, threshold, temperature, remasking, revise, seed } = body;
  const { cfg_scale: cfgScale, revise_topk: reviseTopk, revise_start: reviseStart, image_join: imageJoin } = body;
  const { rule, factor, entropy_bound: entropyBound, edit_threshold: editThreshold } = body;
  const { post_edit_steps: postEditSteps } = body;
  const { as_stored: asStored, revise_rest: reviseRest, confidence_among: confidenceAmong } = body;
  return present({
    steps,
    tokensPerStep,
    rule,
    threshold,
    factor,
    entropyBound,
    editThreshold,
    postEditSteps,
    temperature,
    cfgScale,
    remasking,
    revise,
    reviseTopk,
    reviseStart,
    reviseRest,
    confidenceAmong,
    ...cacheOptionsOf(body, model),
    seed,
    imageJoin,
    asStored,
  });
}

/** Fields by which a request has a way of its own, beside which a server's `--fast` does not hold. */
const OWN_WAY = [
  ...(["steps", "tokens_per_step", "rule", "threshold", "factor", "entropy_bound", "edit_threshold"] as const),
  ...([
    "post_edit_steps",
    "remasking",
    "revise_start",
    "cache",
    "refresh_every",
    "refresh_changed",
    "certify",
  ] as const),
];

/** Fields of all three. */
export function cacheOptionsOf(
  body: Pick<ChatBody, "cache" | "refresh_every" | "refresh_changed" | "certify" | "fast"> &
    Partial<Pick<ChatBody, (typeof OWN_WAY)[number]>>,
  model: Pick<ServedModel, "fast">,
) {
  const { cache, refresh_every: refreshEvery, refresh_changed: refreshChanged, certify } = body;
  const isUsual = OWN_WAY.every((field) => (body[field] ?? undefined) === undefined);
  const fast = body.fast ?? (isUsual ? model.fast : undefined);
  return present({ cache, refreshEvery, refreshChanged, certify, fast });
}

/** More steps than tokens do nothing but take time. @param most that an answer could need */
export function assertSteps({ steps }: Pick<ChatBody, "steps">, most: number): void {
  if (!steps || steps <= most) return;
  throw new ApiError(400, `steps: ${steps} are more than an answer has tokens (${most})`, {
    param: "steps",
    code: "invalid_value",
  });
}

/** undefined where the model's own holds. What does not fit is cut where the prompt's length is known. */
function lengthOf(body: ChatBody, model: ServedModel): number | undefined {
  const { max_tokens: old, max_completion_tokens: current } = body;
  if (old && current && old !== current)
    throw new ApiError(400, "max_tokens and max_completion_tokens differ; give one of them", {
      param: "max_tokens",
      code: "invalid_value",
    });
  return current ?? old ?? model.genLength;
}

/** At temperature 0 the likeliest token is taken, which no cut of the distribution leaves out; above, there is none.
 *  Who leaves the temperature out expects OpenAI's, which is 1. */
function assertSampling({ temperature, top_p, top_k, min_p }: ChatBody): void {
  if (temperature === 0) return;
  const cuts = { top_p: (top_p ?? 1) < 1, top_k: (top_k ?? 0) > 0, min_p: (min_p ?? 0) > 0 };
  for (const [param, isCut] of Object.entries(cuts))
    if (isCut)
      throw new ApiError(
        400,
        `${param}: ${NOT_SUPPORTED}: tokens are drawn from the whole distribution. Leave it out, and lower the temperature for surer words; with temperature 0 it may be sent, and changes nothing`,
        { param, code: "unsupported_parameter" },
      );
}

/** What a request calls options of the library, as far as it is up to the request. */
export interface ChatFields {
  genLength: "max_tokens" | "max_completion_tokens";
  /** Messages before the conversation. */
  systems: number;
}

const chatFields = ({ max_completion_tokens: current, messages }: ChatBody): ChatFields => ({
  genLength: current ? "max_completion_tokens" : "max_tokens",
  systems: messages.filter(({ role }) => role === "system" || role === "developer").length,
});

/** The fields of chat by the library's names for them. */
export function chatSpelling({ genLength, systems }: ChatFields): Spelling {
  const fields: Record<string, string> = {
    genLength,
    prompt: "messages",
    // They come first, and are one text in the library.
    system: systems === 1 ? "messages[0].content" : "messages",
  };
  return (option) => {
    const [, place] = /^messages\[(\d+)\]\.content$/.exec(option) ?? [];
    if (place !== undefined) return `messages[${Number(place) + systems}].content`;
    return fields[option] ?? inSnakeCase(option);
  };
}

const stopsOf = ({ stop }: ChatBody): string[] => (typeof stop === "string" ? [stop] : (stop ?? []));

function textOf(content: string | readonly { text: string }[]): string {
  if (typeof content === "string") return content;
  return content.flatMap(({ text }) => (text === "" ? [] : [text])).join("\n");
}

function textsOf(content: ChatBody["messages"][number]["content"]): string[] {
  if (typeof content === "string") return [content];
  return (content ?? []).flatMap((part) => (part.type === "text" ? [part.text] : []));
}

/** Pictures come before the text, as in training, unless the message sets them between its texts. An `<image>` of a text
 *  is a word. Empty texts, which clients send beside a picture, are none. */
function userContent(
  given: string | readonly ChatPart[],
  param: string,
  media: MediaSource[],
  options: MediaOptions,
): string {
  if (typeof given === "string") return escapeMarkers(given);
  for (const [i, part] of given.entries()) {
    if (part.type === "image_url")
      media.push(pictureSource(part.image_url.url, `${param}[${i}].image_url.url`, options));
    if (part.type === "video_url") media.push(videoSource(part.video_url.url, `${param}[${i}].video_url.url`, options));
  }
  const content = given.filter((part) => part.type !== "text" || part.text !== "");
  const texts = content.flatMap((part) => (part.type === "text" ? [part.text] : []));
  if (!isInterleaved(content)) return placePictures(escapeMarkers(texts.join("\n")), content.length - texts.length);
  return content.map((part) => (part.type === "text" ? escapeMarkers(part.text) : imageToken)).join("\n");
}

/** A picture stands between two texts. */
function isInterleaved(content: readonly ChatPart[]): boolean {
  const isText = content.map(({ type }) => type === "text");
  const [first, last] = [isText.indexOf(true), isText.lastIndexOf(true)];
  return first >= 0 && isText.slice(first, last).includes(false);
}
