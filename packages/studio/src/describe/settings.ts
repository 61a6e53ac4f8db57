/** What decoding is asked to do, and how a request says it. */
import type { RequestFields } from "../server/api.js";

export interface Settings {
  prompt: string;
  /** How many tokens a pass writes: a number of them, all that are sure enough, or by a rule with its usual number
   *  (docs/decoding.md). */
  pace: "tokens" | "threshold" | "factor" | "entropy";
  tokensPerStep: number;
  threshold: number;
  genLength: number | undefined;
  blockLength: number | undefined;
  seed: number | undefined;
  temperature: number;
  remasking: "low_confidence" | "random";
  cfgScale: number;
  /** Share of what a step would rewrite; 1 is all. */
  reviseTopk: number;
  /** Share of the steps that revise, the last ones; 1 is all. */
  reviseStart: number;
  imageJoin: "model" | "legacy" | "correct";
  /** What is kept of earlier passes: approximate. */
  cache: "none" | "refresh";
}

/** How many tokens a step writes, as a request says it. */
function paceFields({ pace, tokensPerStep, threshold }: Settings): RequestFields {
  switch (pace) {
    case "tokens":
      return { tokens_per_step: tokensPerStep };
    case "threshold":
      return { threshold };
    case "factor":
    case "entropy":
      return { rule: pace };
  }
}

export const DEFAULT_PROMPT = "Please describe the image in detail.";

export function defaultSettings(): Settings {
  return {
    prompt: DEFAULT_PROMPT,
    pace: "tokens",
    tokensPerStep: 4,
    threshold: 0.9,
    genLength: undefined,
    blockLength: undefined,
    seed: undefined,
    temperature: 0,
    remasking: "low_confidence",
    cfgScale: 0,
    reviseTopk: 1,
    reviseStart: 1,
    imageJoin: "model",
    cache: "none",
  };
}

/** Only what differs from the server's defaults is said, so that a setting that a model lacks does no harm unused. */
export function fieldsOf(settings: Settings, revise: boolean): RequestFields {
  const { genLength, blockLength, seed, temperature, remasking, cfgScale, cache } = settings;
  return {
    revise,
    ...paceFields(settings),
    max_tokens: genLength,
    block_length: blockLength,
    seed,
    temperature: temperature === 0 ? undefined : temperature,
    remasking: remasking === "low_confidence" ? undefined : remasking,
    cfg_scale: cfgScale === 0 ? undefined : cfgScale,
    cache: cache === "none" ? undefined : cache,
    revise_topk: revise && settings.reviseTopk < 1 ? settings.reviseTopk : undefined,
    revise_start: revise && settings.reviseStart < 1 ? settings.reviseStart : undefined,
    image_join: settings.imageJoin === "model" ? undefined : settings.imageJoin,
  };
}

/** Why these settings cannot be sent. */
export function settingsProblem({ prompt, genLength, blockLength }: Settings): string | undefined {
  if (prompt.trim() === "") return "Write a question for the model first.";
  if (genLength !== undefined && blockLength !== undefined && genLength % blockLength !== 0) {
    return `The answer's length (${genLength}) has to be a multiple of the block length (${blockLength}).`;
  }
  return undefined;
}
