/** A request as work for the decoder: its prompt and options, what to report after a forward pass, what comes out. */
import type { Tensor } from "@rediff/torch";
import type { DecodeOptions } from "../../diffusion/decode-options.js";
import type { AddOptions, Decoding } from "../../diffusion/decoder.js";
import { promptEmbeddings } from "../../models/llava/model.js";
import type {
  Beginning,
  DescribeJob,
  FillJob,
  Job,
  JobResult,
  Progress,
  RefineJob,
} from "../../serving/engine/protocol.js";
import { imagePlaceholder } from "../../text/image-tokens.js";
import type { Visual } from "../../vision/tiles/tiles.js";
import { decoding as decodingOptions, promptIds } from "../request.js";
import { SettledText, settledEnd } from "../stable-prefix.js";
import { readForm } from "../template/template-form.js";
import { tokenTexts, traceStep } from "../trace.js";
import type { VisionLanguageModel } from "../vision-language-model.js";
import { fillRequest } from "./fill.js";
import { refineRequest } from "./refine.js";

export interface Task {
  /** [P, D]; whoever begins the task frees it. */
  prompt: Tensor;
  beginning: Beginning;
  decode: Partial<DecodeOptions>;
  extra: AddOptions;
  /** Called after each forward pass. @returns what the client is to hear, and whether it is over before its length */
  watch(decoding: Decoding, seconds: number): { progress: Omit<Progress, "id"> | undefined; over: boolean };
  /** @param seconds from the pictures' encoding on */
  finish(decoding: Decoding, seconds: number): { result: JobResult; progress: Omit<Progress, "id"> | undefined };
}

/** Encodes the pictures. @throws UserError when the options do not fit together or the prompt is too long */
export function taskOf(model: VisionLanguageModel, job: Job, visuals: readonly Visual[]): Task {
  switch (job.kind) {
    case "describe":
      return describeTask(model, job, visuals);
    case "refine":
      return refineTask(model, job, visuals);
    case "fill":
      return fillTask(model, job, visuals);
  }
}

function encode(
  { model }: VisionLanguageModel,
  ids: readonly number[],
  visuals: readonly Visual[],
  decode: Partial<DecodeOptions>,
): Pick<Task, "prompt" | "beginning" | "decode"> {
  const { genLength = 128, suffix = [], steps = genLength } = decode;
  const prompt = promptEmbeddings(model, ids, visuals, genLength + suffix.length);
  const text = ids.filter((id) => id !== imagePlaceholder).length;
  const promptTokens = prompt.size(0);
  return { prompt, decode, beginning: { promptTokens, imageTokens: promptTokens - text, genLength, steps } };
}

function describeTask(model: VisionLanguageModel, job: DescribeJob, visuals: readonly Visual[]): Task {
  const { tokenizer } = model.model;
  const eot = tokenizer.token(tokenizer.special.eot) ?? "";
  const stops = job.options.stop ?? [];
  const options = { ...job.options, stop: [eot, ...stops] };
  const decode = decodingOptions(model.model, options);
  const settled = new SettledText(tokenizer, stops);
  const textOf = tokenTexts(tokenizer);
  // Decoding tokens to text takes longer than a small model's step: only where somebody looks at it.
  const isRead = job.text || stops.length > 0;
  let edits = 0;
  return {
    ...encode(model, promptIds(model.model, visuals.length, options), visuals, decode),
    extra: {},
    watch(decoding, seconds) {
      const { step, canvas } = decoding;
      if (step === undefined) return { progress: undefined, over: false };
      edits += step.revised.length;
      const text = isRead ? settled.advance(step.tokens, settledEnd(decoding)) : "";
      const trace = job.trace ? traceStep(step, canvas.maskId, textOf, seconds) : undefined;
      const isHeard = trace !== undefined || (job.text && text !== "");
      return {
        progress: isHeard ? { ...(job.text && text !== "" && { text }), ...(trace && { trace }) } : undefined,
        over: settled.stopped,
      };
    },
    finish({ step, result }, seconds) {
      const tokens = result?.tokens ?? [];
      const rest = settled.finish(tokens);
      return {
        progress: job.text && rest !== "" ? { text: rest } : undefined,
        result: {
          kind: "describe",
          text: settled.text,
          tokens: result === undefined ? settled.tokens : tokens.length,
          steps: result?.steps ?? (step?.step ?? -1) + 1,
          seconds,
          stopped: settled.stopped || (result?.stopped ?? false),
          edits,
        },
      };
    },
  };
}

function refineTask(model: VisionLanguageModel, job: RefineJob, visuals: readonly Visual[]): Task {
  const { ids, decode, loop, watch, read } = refineRequest(model.model, visuals.length, job.draft, job.options);
  return {
    ...encode(model, ids, visuals, decode),
    extra: { loop },
    watch({ step }) {
      watch(step);
      return { progress: undefined, over: false };
    },
    finish: (decoding, seconds) => ({
      progress: undefined,
      result: { kind: "refine", ...read(decoding), rounds: decoding.result?.steps ?? 0, seconds },
    }),
  };
}

function fillTask(model: VisionLanguageModel, job: FillJob, visuals: readonly Visual[]): Task {
  const { tokenizer } = model.model;
  const { ids, decode, form } = fillRequest(model.model, visuals.length, job.template, job.options);
  const textOf = tokenTexts(tokenizer);
  const encoded = encode(model, ids, visuals, decode);
  const given = form.fixed.map((position) => {
    const id = form.ids[position] as number;
    return { position, token: textOf(id, position), id };
  });
  return {
    ...encoded,
    beginning: { ...encoded.beginning, given },
    extra: {},
    watch({ step, canvas }, seconds) {
      const isHeard = job.trace && step !== undefined;
      return {
        progress: isHeard ? { trace: traceStep(step, canvas.maskId, textOf, seconds) } : undefined,
        over: false,
      };
    },
    finish({ canvas, result }, seconds) {
      const { text, blanks } = readForm(tokenizer, form, [...canvas.answer()]);
      const tokens = form.ids.length - form.fixed.length;
      return {
        progress: undefined,
        result: { kind: "fill", text, blanks, tokens, steps: result?.steps ?? 0, seconds },
      };
    },
  };
}
