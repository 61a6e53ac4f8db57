/** What the results of `--output` say of themselves: the model, the question, and every option as it was used, so that
 *  they can be had again, and a run that goes on goes on with the same. */
import type { AskableModel } from "../../inference/model-facts.js";
import type { DescribeOptions } from "../../inference/request.js";
import type { RequestRecord } from "../../inference/trace-format.js";

/** What made a result: the same again has the same result. */
export interface ResultOrigin {
  /** As it was named. */
  model: string;
  /** Of the weights' content. */
  checkpoint: string;
  prompt: string;
  options: Omit<RequestRecord, "kind" | "messages"> & Computing;
}

/** What changes results besides the request: with it the same question may have another answer. */
export interface Computing {
  dtype: string;
  /** As it was named; null for the model's own. */
  vision_tower: string | null;
}

/** @param name as the model was named; the embedded one has none
 *  @param base of an adapter, in place of the one that it names */
export async function originOf(
  name: string | undefined,
  model: AskableModel,
  options: DescribeOptions,
  { base, computing }: { base: string | undefined; computing: Computing },
): Promise<ResultOrigin> {
  const [{ fingerprint }, { resolveDescribe }, { requestRecord }] = await Promise.all([
    import("./fingerprint.js"),
    import("../../inference/resolve.js"),
    import("../../inference/request-record.js"),
  ]);
  const { messages: _, prompt = "", ...rest } = options;
  // Of the question itself nothing but its text is told, and the number of pictures is each result's own.
  const { kind: __, messages: ___, ...record } = requestRecord(resolveDescribe(model, 1, rest));
  return {
    model: name ?? "embedded",
    checkpoint: await fingerprint(model.facts.folder, base),
    prompt,
    options: { ...record, ...computing },
  };
}

/** The first thing in which results differ from those that are to come, in words; undefined when they go together. The
 *  name of the model does not matter where its weights are the same. */
export function difference(
  before: { checkpoint?: string; prompt?: string; options?: Record<string, unknown> },
  now: ResultOrigin,
): string | undefined {
  const say = (key: string, was: unknown, is: unknown) =>
    `was made with ${key} ${was === undefined ? "unknown" : JSON.stringify(was)}, now it is ${JSON.stringify(is)}`;
  for (const key of ["checkpoint", "prompt"] as const)
    if (before[key] !== now[key]) return say(key === "checkpoint" ? "a model of" : key, before[key], now[key]);
  const was: Record<string, unknown> = { ...before.options };
  const is: Record<string, unknown> = { ...now.options };
  for (const key of new Set([...Object.keys(is), ...Object.keys(was)]))
    if (JSON.stringify(was[key]) !== JSON.stringify(is[key])) return say(key, was[key], is[key]);
  return undefined;
}
