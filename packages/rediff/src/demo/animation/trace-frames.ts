/** From a trace as `rediff caption --trace` writes it to the pictures of an animation: what stands at every position after
 *  each step, what is new there and what was replaced. */
import { z } from "zod";
import { UserError } from "../../errors.js";

const lineSchema = z.object({
  image: z.string(),
  type: z.literal("step"),
  step: z.int(),
  tokens: z.array(z.int()),
  revised: z.array(z.object({ position: z.int(), from: z.int(), to: z.int() })),
  changes: z.array(z.object({ position: z.int(), token: z.string(), id: z.int(), kind: z.enum(["fill", "revise"]) })),
});
type Line = z.infer<typeof lineSchema>;

export interface FrameToken {
  /** Undefined for a mask. */
  text: string | undefined;
  mark: "kept" | "new" | "replaced";
  /** What a replaced one was. */
  was?: string;
  /** It ends the answer, or lies behind what does. */
  isBehind: boolean;
}

export interface AnimationFrames {
  image: string;
  /** From the empty canvas to the last step. */
  frames: readonly (readonly FrameToken[])[];
}

const END = "<|eot_id|>";

/** @param text of a trace file
 *  @param image of its answers; without one the first
 *  @throws UserError where there is no such answer */
export function traceFrames(text: string, image?: string): AnimationFrames {
  const lines = text.split("\n").flatMap((line) => (line.trim() === "" ? [] : stepsOf(line)));
  const chosen = image ?? lines[0]?.image;
  const steps = lines.filter((line) => line.image === chosen);
  const [first] = steps;
  if (first === undefined || chosen === undefined)
    throw new UserError(
      image === undefined ? "the trace has no step" : `the trace has no answer about ${image}`,
      "Make one with rediff caption IMAGE --trace FILE; a trace names pictures as they were given.",
    );
  const written = new Set(first.changes.map(({ position }) => position));
  const mask = first.tokens.find((_, position) => !written.has(position));
  const names = new Map(steps.flatMap(({ changes }) => changes.map(({ id, token }) => [id, token.trim()] as const)));
  const empty: FrameToken[] = first.tokens.map(() => ({ text: undefined, mark: "kept", isBehind: false }));
  const frames = [empty, ...steps.map((step) => frameOf(step, mask, names))];
  const seen = Math.max(...frames.map(lengthOf));
  return { image: chosen, frames: frames.map((frame) => frame.slice(0, seen)) };
}

function stepsOf(line: string): Line[] {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    throw new UserError("the trace has a line that is no JSON", "Give a file of rediff caption --trace.");
  }
  const { data } = lineSchema.safeParse(value);
  return data === undefined ? [] : [data];
}

function frameOf({ tokens, changes, revised }: Line, mask: number | undefined, names: ReadonlyMap<number, string>) {
  const kinds = new Map(changes.map(({ position, kind }) => [position, kind]));
  const before = new Map(revised.map(({ position, from }) => [position, from]));
  const name = (id: number) => names.get(id) ?? "";
  const end = tokens.findIndex((id) => name(id) === END);
  return tokens.map((id, position): FrameToken => {
    const kind = id === mask ? undefined : kinds.get(position);
    const from = before.get(position);
    const was = kind === "revise" && from !== undefined ? name(from) : undefined;
    return {
      text: id === mask ? undefined : name(id),
      mark: kind === undefined ? "kept" : kind === "fill" ? "new" : "replaced",
      ...(was !== undefined && was !== "" && { was: was === END ? "end" : was }),
      isBehind: end >= 0 && position >= end,
    };
  });
}

/** Positions up to the last word; ends that are written far behind are nothing to see. */
function lengthOf(frame: readonly FrameToken[]): number {
  return 1 + frame.findLastIndex(({ text, isBehind }) => text !== undefined && text !== END && !isBehind);
}
