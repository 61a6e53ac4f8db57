/** From what a user asks to a complete request: the one place where anything is filled in. What comes out is what is
 *  decoded, what drafts and results record, what the server answers by, and what a trace says; nothing further down has
 *  a default of its own.
 *
 *  Nothing here computes with tensors: a request is resolved, and refused, before weights are loaded or pictures read. */
import { type DecodeOptions, decodeOptions } from "../diffusion/decode-options.js";
import { ruleOf, usualRule } from "../diffusion/rule-options.js";
import { OptionError, option as opt, wording } from "../errors.js";
import type { Quantization } from "../models/quantization.js";
import { type AlignedText, alignText, type UnreadText, unreadOf } from "../text/alignment/aligned-text.js";
import { alignKnown } from "../text/alignment/known-words.js";
import {
  type ChatMessage,
  defaultSystemText,
  type PromptTemplate,
  placeImages,
  renderPrompt,
} from "../text/chat-template.js";
import { encodeConversation } from "../text/conversation-prompt.js";
import { DEFAULT_QUESTION } from "../text/default-question.js";
import { isUsers, settlePictures, wordsOf } from "../text/image-markers.js";
import { encodePrompt, type ImageJoin, imageToken } from "../text/image-tokens.js";
import { specialIds } from "../text/special-ids.js";
import type { Tokenizer } from "../text/tokenizer.js";
import { DEFAULT_MAX_PIXELS } from "../vision/picture/decode-picture.js";
import { refineWithFast, withFast } from "./limits/fast-preset.js";
import { assertTemplate, assertTexts, assertTokens } from "./limits/text-room.js";
import { type AskableModel, modelDefaults } from "./model-facts.js";
import {
  type Asked,
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
export interface CompleteRequest {
  /** With a marker for each picture. */
  messages: readonly ChatMessage[];
  system: string;
  conversation: PromptTemplate;
  imageJoin: ImageJoin;
  visuals: VisualHandling;
  /** The prompt's, with -200 for each picture. */
  ids: number[];
  /** Spellings of special tokens in what was typed are those tokens. */
  specialTokens: boolean;
  /** What of the question the model cannot read. Offsets count the question's text, without its pictures. */
  unread: readonly UnreadText[];
  /** Of the model that is asked: its weights are rounded, what it says is approximate. */
  quantization?: Quantization;
  /** What is asked for under this name (fast-preset.ts). */
  fast?: true;
  decode: DecodeOptions;
}

export interface DescribeRequest extends CompleteRequest {
  kind: "describe";
  /** Looked for in the text. */
  stop: readonly string[];
  /** What of the draft the model cannot read: masks. */
  draftUnread: readonly UnreadText[];
  /** What of the suffix it cannot read. */
  suffixUnread: readonly UnreadText[];
}

export interface RefineRequest extends CompleteRequest {
  kind: "refine";
  draft: AlignedText;
  rounds: number;
  /** The decoder's own threshold is another one. */
  threshold: number;
  keep: number;
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

export function resolveDescribe(model: AskableModel, pictures: number, asked: DescribeOptions): DescribeRequest {
  const options = withFast(asked);
  checkOptions(options);
  assertTexts(model.facts, { kind: "describe", options });
  const { tokenizer, facts } = model;
  const numbers = decodingNumbers(options, options.genLength ?? modelDefaults(facts).genLength);
  const { suffix, draft, compat } = options;
  const unreadIn = (text: string | undefined, { length }: readonly number[]) =>
    text === undefined || compat || length > facts.reach ? [] : unreadOf(tokenizer, text);
  const encode = takesSpecialTokens(options) ? tokenizer.encode : tokenizer.encodeText;
  // The model writes what it cannot read.
  const begun = (text: string) =>
    encode(text).map((id) => (id === tokenizer.unknown && !compat ? tokenizer.special.mask : id));
  const decode = decodeOptions({
    ...usualRules(model, options),
    ...numbers,
    stop: stopSequences(tokenizer, options),
    suffix: suffix === undefined ? [] : encode(suffix),
    draft: draft === undefined ? [] : begun(draft),
  });
  return {
    kind: "describe",
    ...prompt(model, pictures, options, DEFAULT_QUESTION),
    decode,
    stop: compat ? [] : [...(options.stop ?? [])],
    draftUnread: unreadIn(draft, decode.draft),
    suffixUnread: unreadIn(suffix, decode.suffix),
  };
}

export function resolveRefine(
  model: AskableModel,
  pictures: number,
  draft: string,
  asked: RefineOptions,
): RefineRequest {
  const options = refineWithFast(asked);
  checkRefineOptions(options);
  assertTexts(model.facts, { kind: "refine", draft, options });
  const { tokenizer, facts } = model;
  const defaults = modelDefaults(facts);
  const { rounds = 8, threshold = defaults.refineThreshold, keep = defaults.refineKeep, ...rest } = options;
  const aligned = alignDraft(model, draft, rest.compat);
  const [word] = aligned.unread;
  if (rest.compat && aligned.fixed.length > 0)
    throw new OptionError(
      "compat",
      wording`${opt("compat")} cannot keep what the model cannot read: ${JSON.stringify(word?.text)}`,
      "Leave it out of the draft.",
    );
  return {
    kind: "refine",
    ...prompt(model, pictures, rest, DEFAULT_QUESTION),
    draft: aligned,
    rounds,
    threshold,
    keep,
    decode: decodeOptions({
      ...decodingNumbers(rest, aligned.ids.length),
      steps: 1,
      draft: aligned.ids,
      fixed: [...aligned.unjudged],
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
  asked: FillOptions,
): FillRequest {
  const options = withFast(asked);
  checkOptions(options);
  assertTexts(model.facts, { kind: "fill", template, options });
  const { tokenizer } = model;
  const parts = typeof template === "string" ? parseTemplate(template) : template;
  assertTemplate(model, parts);
  const form = formOf(tokenizer, parts);
  const { length } = form.ids;
  const numbers = decodingNumbers(options, length - form.fixed.length);
  const usual = usualRules(model, options);
  // One for each token of a blank.
  const isScheduled = ruleOf({ ...usual, ...numbers }) === "schedule";
  return {
    kind: "fill",
    ...prompt(model, pictures, options, pictures === 0 ? DEFAULT_FILL_PROMPT : DEFAULT_QUESTION),
    // Nobody typed the usual question.
    ...(options.prompt === undefined && options.messages === undefined && { unread: [] }),
    form,
    decode: decodeOptions({
      ...usual,
      ...numbers,
      ...(numbers.steps === undefined && isScheduled && { steps: length - form.fixed.length }),
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

/** The model's, where nothing is asked for; the original has none. */
function usualRules({ facts }: AskableModel, options: DescribeOptions) {
  if (options.compat) return {};
  const { reviseRest, confidenceAmong, decoding } = modelDefaults(facts);
  const rule = usualRule(decoding, options);
  // The joint rule has an end of its own.
  return { ...rule, confidenceAmong, reviseRest: reviseRest && ruleOf({ ...rule, ...options }) !== "joint" };
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

/** Whether spellings of special tokens in what was typed are those tokens. */
const takesSpecialTokens = ({ compat, specialTokens }: DescribeOptions): boolean => specialTokens ?? compat ?? false;

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
  const specialTokens = takesSpecialTokens(options);
  const isOriginal = options.compat === true && specialTokens;
  const messages = isOriginal ? originalPictures(given, pictures) : settlePictures(given, pictures);
  const answered = [...messages, { role: "assistant", content: null }];
  const ids = isOriginal
    ? originalIds(tokenizer, answered, { template: conversation, system, join: imageJoin, pictures })
    : encodeConversation(tokenizer, answered, { template: conversation, system, join: imageJoin, specialTokens });
  // One that is refused for its length is not looked through: that takes far longer than counting its tokens.
  const unread = ids.length >= facts.reach ? [] : unreadQuestion(tokenizer, messages);
  const { quantization } = facts;
  return {
    ...{ messages, system, conversation, imageJoin, ids, specialTokens, unread },
    visuals: visualHandling(options),
    ...(quantization && { quantization }),
    ...(options.fast && { fast: true }),
  };
}

/** Words of the question that the model cannot read: it answers without them. */
function unreadQuestion(tokenizer: Tokenizer, messages: readonly ChatMessage[]): readonly UnreadText[] {
  const question = messages.findLast(isUsers);
  return question === undefined ? [] : unreadOf(tokenizer, wordsOf(question));
}

/** All of the text as the original encodes it: every `<image>` is a picture, every special token itself. */
function originalIds(
  tokenizer: Tokenizer,
  messages: readonly ChatMessage[],
  { template, system, join, pictures }: { template: PromptTemplate; system: string; join: ImageJoin; pictures: number },
): number[] {
  return encodePrompt(tokenizer, renderPrompt(tokenizer, messages, { template, system }), { join, images: pictures });
}

/** Pictures go before the first question, unless a message places them. */
function originalPictures(messages: readonly ChatMessage[], pictures: number): readonly ChatMessage[] {
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

/** Words that the model was not trained on are left out, unless it is to do as the original. */
function alignDraft(model: AskableModel, draft: string, compat = false): AlignedText {
  const { tokenizer, facts } = model;
  const { knownTokens } = facts.defaults;
  assertTokens(model, "draft", [draft]);
  const aligned =
    knownTokens === undefined || compat
      ? alignText(tokenizer, draft, { words: true })
      : alignKnown(tokenizer, draft, knownTokens);
  if (aligned.ids.length === 0) throw new OptionError("draft", "the draft is empty", "Give the text to be repaired.");
  return aligned;
}
