/** Filling in a template: what is asked of a model, and what comes back. Here nothing computes, so that one template can
 *  be decoded alone (`VisionLanguageModel.fill`) or in a batch with other requests (`fillRequest`, `readForm`). */
import { type DecodeOptions, decodeOptions } from "../../diffusion/decode-options.js";
import { type DescribeOptions, decodingNumbers, promptIds, type Reader } from "../request.js";
import { parseTemplate, type Template } from "../template/fill-template.js";
import { type FilledText, type Form, formOf } from "../template/template-form.js";

/** What of a description's options applies. `steps` fill the blanks of the whole template, default one token each;
 *  `revise` rewrites blanks only. */
export type FillOptions = Pick<
  DescribeOptions,
  | "prompt"
  | "messages"
  | "system"
  | "conversation"
  | "imageJoin"
  | "steps"
  | "tokensPerStep"
  | "threshold"
  | "temperature"
  | "cfgScale"
  | "remasking"
  | "revise"
  | "reviseTopk"
  | "reviseStart"
  | "seed"
  | "autoOrient"
  | "maxPixels"
  | "videoFrames"
  | "signal"
>;

export interface Filling extends FilledText {
  /** Of the whole template. */
  tokenIds: number[];
  /** Forward passes. */
  steps: number;
  seconds: number;
}

/** What is asked where there is a template and no picture to describe. */
export const DEFAULT_FILL_PROMPT = "Please write a short text.";

export interface FillRequest {
  /** Ids of the prompt, with -200 for each picture. */
  ids: number[];
  decode: Partial<DecodeOptions>;
  form: Form;
}

/** @param pictures of the prompt
 *  @throws UserError when the template, or the options with it, make no sense */
export function fillRequest(
  model: Reader,
  pictures: number,
  template: string | Template,
  options: FillOptions = {},
): FillRequest {
  const { tokenizer } = model;
  const form = formOf(tokenizer, typeof template === "string" ? parseTemplate(template) : template);
  const asked = pictures === 0 ? { prompt: DEFAULT_FILL_PROMPT, ...options } : options;
  const blanks = form.ids.length - form.fixed.length;
  const numbers = decodingNumbers({ ...options, genLength: blanks });
  const decode: Partial<DecodeOptions> = {
    ...numbers,
    steps: options.threshold === undefined ? numbers.steps : form.ids.length,
    genLength: form.ids.length,
    blockLength: form.ids.length,
    draft: form.ids,
    fixed: form.fixed,
    banned: form.banned,
    // The text ends with the template.
    suffix: [tokenizer.special.eot],
  };
  decodeOptions(decode);
  return { ids: promptIds(model, pictures, asked), decode, form };
}
