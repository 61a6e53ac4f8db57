/** From what a user asks to a complete request: the one place where anything is filled in. What comes out is what is
 *  decoded, what drafts and results record, what the server answers by, and what a trace says; nothing further down has
 *  a default of its own.
 *
 *  Nothing here computes with tensors: a request is resolved, and refused, before weights are loaded or pictures read. */
import { type DecodeOptions, decodeOptions } from "../diffusion/decode-options.js";
import { OptionError } from "../errors.js";
import {
  type ChatMessage,
  defaultSystemText,
  type PromptTemplate,
  placeImages,
  renderPrompt,
} from "../text/chat-template.js";
import { DEFAULT_QUESTION } from "../text/default-question.js";
import { encodePrompt, type ImageJoin, imageToken } from "../text/image-tokens.js";
import { specialIds } from "../text/special-ids.js";
import type { Tokenizer } from "../text/tokenizer.js";
import { DEFAULT_MAX_PIXELS } from "../vision/picture/decode-picture.js";
import { type AskableModel, modelDefaults } from "./model-facts.js";
import {
  type Awaiting,
  checkOptions,
  checkRefineOptions,
  type DescribeOptions,
  decodingNumbers,
  type FillOptions,
  type RefineOptions,
} from "./request.js";
import { parseTemplate, type Template } from "./template/fill-template.js";
import { type Form, formOf } from "./template/template-form.js";

/** How files become what the tower sees. */
export interface VisualHandling {
  /** "asis" works on the file's own colour mode, as the original's demo does. */
  colors: "rgb" | "asis";
  grey16: "scale" | "clip";
  autoOrient: boolean;
  maxPixels: number;
  /** Taken from a video. */
  frames: number;
}

/** What all complete requests have. */
interface CompleteRequest {
  /** With a marker for each picture. */
  messages: readonly ChatMessage[];
  system: string;
  conversation: PromptTemplate;
  imageJoin: ImageJoin;
  visuals: VisualHandling;
  /** The prompt's, with -200 for each picture. */
  ids: number[];
  decode: DecodeOptions;
}

export interface DescribeRequest extends CompleteRequest {
  kind: "describe";
  /** Looked for in the text. */
  stop: readonly string[];
}

export interface RefineRequest extends CompleteRequest {
  kind: "refine";
  draft: string;
  rounds: number;
  /** The decoder's own threshold is another one. */
  threshold: number;
}

export interface FillRequest extends CompleteRequest {
  kind: "fill";
  form: Form;
}

export interface RequestOfKind {
  describe: DescribeRequest;
  refine: RefineRequest;
  fill: FillRequest;
}
export type RequestKind = keyof RequestOfKind;
export type ResolvedRequest = RequestOfKind[RequestKind];

/** What is asked, with what it is asked about. */
export interface AskedOfKind {
  describe: { kind: "describe"; options: Omit<DescribeOptions, Awaiting> };
  refine: { kind: "refine"; draft: string; options: Omit<RefineOptions, Awaiting> };
  fill: { kind: "fill"; template: string; options: Omit<FillOptions, Awaiting> };
}
export type Asked = AskedOfKind[RequestKind];

/** What is asked where there is a template and no picture to describe. */
const DEFAULT_FILL_PROMPT = "Please write a short text.";

/** @param pictures of the prompt, videos among them
 *  @throws UserError when the options do not fit together, or not with the model */
export function resolveRequest(model: AskableModel, pictures: number, asked: Asked): ResolvedRequest {
  switch (asked.kind) {
    case "describe":
      return resolveDescribe(model, pictures, asked.options);
    case "refine":
      return resolveRefine(model, pictures, asked.draft, asked.options);
    case "fill":
      return resolveFill(model, pictures, asked.template, asked.options);
  }
}

export function resolveDescribe(model: AskableModel, pictures: number, options: DescribeOptions): DescribeRequest {
  checkOptions(options);
  const { tokenizer, facts } = model;
  const numbers = decodingNumbers(options, options.genLength ?? modelDefaults(facts).genLength);
  const { suffix, draft, compat } = options;
  const decode = decodeOptions({
    ...numbers,
    stop: stopSequences(tokenizer, options),
    suffix: suffix === undefined ? [] : tokenizer.encode(suffix),
    draft: draft === undefined ? [] : tokenizer.encode(draft),
  });
  return {
    kind: "describe",
    ...prompt(model, pictures, options, DEFAULT_QUESTION),
    decode,
    stop: compat ? [] : [...(options.stop ?? [])],
  };
}

export function resolveRefine(
  model: AskableModel,
  pictures: number,
  draft: string,
  options: RefineOptions,
): RefineRequest {
  checkRefineOptions(options);
  const { tokenizer, facts } = model;
  const { rounds = 8, threshold = modelDefaults(facts).refineThreshold, ...rest } = options;
  const tokens = draftTokens(tokenizer, draft);
  return {
    kind: "refine",
    ...prompt(model, pictures, rest, DEFAULT_QUESTION),
    draft,
    rounds,
    threshold,
    decode: decodeOptions({
      ...decodingNumbers(rest, tokens.length),
      steps: 1,
      draft: tokens,
      suffix: [tokenizer.special.eot],
      // A text has none, however likely a model finds them; the reference's decoding forbids only some.
      banned: rest.compat ? [] : [{ ids: [...specialIds(tokenizer)] }],
      revise: true,
    }),
  };
}

export function resolveFill(
  model: AskableModel,
  pictures: number,
  template: string | Template,
  options: FillOptions,
): FillRequest {
  checkOptions(options);
  const { tokenizer } = model;
  const form = formOf(tokenizer, typeof template === "string" ? parseTemplate(template) : template);
  const { length } = form.ids;
  const numbers = decodingNumbers(options, length - form.fixed.length);
  return {
    kind: "fill",
    ...prompt(model, pictures, options, pictures === 0 ? DEFAULT_FILL_PROMPT : DEFAULT_QUESTION),
    form,
    decode: decodeOptions({
      ...numbers,
      ...(options.threshold !== undefined && { steps: length }),
      genLength: length,
      blockLength: length,
      draft: form.ids,
      fixed: form.fixed,
      banned: form.banned,
      // The text ends with the template.
      suffix: [tokenizer.special.eot],
    }),
  };
}

/** How pictures and videos are to be read and cut. A server needs it before its request's turn has come. */
export function visualHandling(options: DescribeOptions): VisualHandling {
  const {
    compat = false,
    asStored = compat,
    autoOrient = !asStored,
    maxPixels = DEFAULT_MAX_PIXELS,
    videoFrames = 32,
  } = options;
  return {
    colors: compat ? "asis" : "rgb",
    grey16: compat ? "clip" : "scale",
    autoOrient,
    maxPixels,
    frames: videoFrames,
  };
}

/** The conversation, and the ids of its text. */
function prompt(
  { tokenizer, facts }: AskableModel,
  pictures: number,
  options: DescribeOptions,
  question: string,
): Omit<CompleteRequest, "decode"> {
  const { system = defaultSystemText, conversation = "llava_llada" } = options;
  const imageJoin = options.imageJoin ?? modelDefaults(facts).imageJoin;
  const given = options.messages ?? [{ role: "user", content: options.prompt ?? question }];
  const messages = withPictures(given, pictures);
  const text = renderPrompt(tokenizer, [...messages, { role: "assistant", content: null }], {
    template: conversation,
    system,
  });
  const ids = encodePrompt(tokenizer, text, { join: imageJoin, images: pictures });
  return { messages, system, conversation, imageJoin, visuals: visualHandling(options), ids };
}

/** Pictures go before the first question, unless a message places them. */
function withPictures(messages: readonly ChatMessage[], pictures: number): readonly ChatMessage[] {
  if (messages.some(({ content }) => content?.includes(imageToken))) return messages;
  const first = messages.findIndex(({ role }) => role === "user");
  return messages.map((message, i) =>
    i === first ? { ...message, content: placeImages(message.content ?? "", pictures) } : message,
  );
}

/** The end of the turn; under `compat` the given texts in its place, as the original has it. */
function stopSequences(tokenizer: Tokenizer, { compat, stop }: DescribeOptions): number[][] {
  return compat && stop !== undefined ? stop.map((text) => tokenizer.encode(text)) : [[tokenizer.special.eot]];
}

function draftTokens(tokenizer: Tokenizer, draft: string): number[] {
  const tokens = tokenizer.encode(draft);
  if (tokens.length === 0) throw new OptionError("draft", "the draft is empty", "Give the text to be repaired.");
  if (tokenizer.decode(tokens) !== draft)
    throw new OptionError(
      "draft",
      "the draft cannot be written in the model's tokens without changing it",
      "Remove characters that its tokenizer normalises away.",
    );
  const special = tokens.find((id) => specialIds(tokenizer).has(id));
  if (special !== undefined)
    throw new OptionError("draft", `the draft contains the special token ${tokenizer.token(special)}`, "Remove it.");
  return tokens;
}
