/** Denoise and refine: fill the masks of each block over its steps; with `revise`, rewrite what was written before.
 *  LLaDA-V section 3 (denoising), ReDiff section 3 (refining); `generate_with_embeds` of the reference, step by step.
 *
 *  A coroutine without tensors: it yields the positions it wants predicted and gets tokens and confidences back. So the
 *  loop reads on its own, is tested with made-up models, and many of them share one forward pass. Where the original goes
 *  another way, the way is a rule (rules.ts); where no quirk of the original bites, the tokens are the same.
 *
 *  What the reference lacks: `fixed` positions of a draft, rules that go by confidence instead of quotas (fill-rules.ts),
 *  and revising when all is written, in the steps that are left (`reviseRest`) or block by block (the rule joint). */
import type { Block, Canvas } from "./canvas.js";
import type { DecodeOptions } from "./decode-options.js";
import {
  type DecodeLoop,
  type DecodeStep,
  type Guess,
  predictionOf,
  type Query,
  queryAbout,
  writeStep,
} from "./decode-step.js";
import { masksToFill, tokensToReplace } from "./fill-rules.js";
import { countsSteps } from "./rule-options.js";
import type { DecodingRules, TopkOfRow } from "./rules.js";
import type { Stop } from "./stop.js";
import { reviseCount, transferSchedule } from "./transfer-schedule.js";

export interface DecodeContext {
  canvas: Canvas;
  options: DecodeOptions;
  rules: DecodingRules;
  topkOfRow: TopkOfRow;
  /** Told after every step. */
  onStep: (step: DecodeStep) => void;
}

/** One denoising of the canvas. Yields once per forward pass. */
export function* denoise(context: DecodeContext): DecodeLoop {
  const { canvas, options, rules } = context;
  const { promptLength, answerEnd } = canvas;
  const blocks = canvas.blocks(options.blockLength);
  const stepsPerBlock = options.steps / blocks.length;
  const firstRevision = stepsPerBlock - Math.ceil(stepsPerBlock * options.reviseStart);
  const stop = rules.stop(canvas, options.stop);
  const isDone = (): boolean => !canvas.hasMask(promptLength, stop.position ?? answerEnd);
  const written = (): Block => ({ ...block, start: promptLength, end: stop.position ?? answerEnd });
  let isStale = false; // in any step
  const take = ({ guess }: DecodeStep): void => {
    isStale ||= guess.stale === true;
  };
  let step = 0;
  let block = blocks[0] as Block; // there is one: an answer has a token at least

  for (block of blocks) {
    if (stop.position !== undefined && stop.position <= block.start) break;
    const begun = step;
    const schedule = countsSteps(options)
      ? transferSchedule(canvas.masked(block.start, block.end).length, stepsPerBlock)
      : new Array<number>(stepsPerBlock).fill(1);
    for (const [i, quota] of schedule.entries()) {
      if (isDone() || !canvas.hasMask(block.start, block.end)) break;
      const revising = options.revise && i >= firstRevision;
      take(yield* oneStep(context, { step: step++, block, quota, revising, stop }));
    }
    if (step > begun) step = yield* postEdit(context, { step, block, stop }, take);
  }

  // A revision can take the stop away when the schedule has no steps left for the masks behind it.
  const quota = Math.max(1, Math.ceil(options.blockLength / stepsPerBlock));
  const rest: Block = { ...block, end: answerEnd };
  for (let extra = 0; stop.lost && extra < options.genLength && !isDone(); extra++)
    take(yield* oneStep(context, { step: step++, block: rest, quota, revising: options.revise, stop }));

  const revisesRest = options.reviseRest && options.revise;
  for (let isSettled = step === 0; revisesRest && !isSettled && step < options.steps && isDone(); ) {
    const report = yield* oneStep(context, { step: step++, block: written(), quota: 0, revising: true, stop });
    take(report);
    isSettled = report.revised.length === 0;
  }

  let certified = isStale ? false : undefined;
  // Drawn tokens never settle, and without revision nothing is looked at again.
  if (isStale && options.revise && options.editThreshold !== 1 && options.temperature === 0)
    [certified, step] = yield* certify(context, step, {
      isDone,
      plan: (at, full) => ({ step: at, block: written(), quota: isDone() ? 0 : quota, revising: true, stop, full }),
    });

  const answer = canvas.ids.slice(promptLength, stop.position ?? answerEnd);
  return {
    tokens: [...answer, ...canvas.suffix()],
    steps: step,
    stopped: stop.position !== undefined,
    ...(certified !== undefined && { certified }),
  };
}

/** Steps behind the last one, at most, to certify what a cache helped to write. */
const MOST_CERTIFYING = 16;

/** Looks once more, without a cache, at what was written with its help. Where that changes something, the text is refined:
 *  with the cache while there is something to change, then without.
 *  @returns whether a full pass changed nothing, and the next step's number */
function* certify(
  context: DecodeContext,
  step: number,
  { plan, isDone }: { plan: (step: number, full: boolean) => StepPlan; isDone: () => boolean },
): Generator<Query, [certified: boolean, step: number], Guess> {
  const texts = new Set<string>();
  let full = true;
  for (let pass = 0; pass < MOST_CERTIFYING; pass++) {
    const report: DecodeStep = yield* oneStep(context, plan(step++, full));
    const { filled, revised, guess, tokens } = report;
    const isSettled = revised.length === 0 && filled.length === 0 && isDone();
    full = isSettled;
    if (guess.stale) continue;
    if (isSettled) return [true, step];
    if (texts.has(tokens.join())) break; // in circles
    texts.add(tokens.join());
  }
  return [false, step];
}

/** When a block is written: goes on replacing what lies before the end, until nothing changes (LLaDA2.1, section 3).
 *  @returns the next step's number */
function* postEdit(
  context: DecodeContext,
  { step: first, block, stop }: Pick<StepPlan, "step" | "block" | "stop">,
  take: (report: DecodeStep) => void,
): Generator<Query, number, Guess> {
  const { canvas, options } = context;
  const { editThreshold = 1, postEditSteps = 0 } = options;
  let step = first;
  for (let isSettled = editThreshold === 1; !isSettled && step < first + postEditSteps; ) {
    const written: Block = { ...block, end: Math.min(stop.position ?? block.end, block.end) };
    if (written.end <= written.start) break;
    // A model may have said the mask.
    const quota = canvas.hasMask(written.start, written.end) ? 1 : 0;
    const report = yield* oneStep(context, { step: step++, block: written, quota, revising: true, stop });
    take(report);
    isSettled = report.filled.length === 0 && report.revised.length === 0;
  }
  return step;
}

interface StepPlan {
  step: number;
  block: Block;
  quota: number;
  /** Whether what was written before is rewritten, too. */
  revising: boolean;
  stop: Stop;
  /** Whether a cache may not help. */
  full?: boolean;
}

/** Ask, fill the surest masks, rewrite what was written before, look for the stop. */
function* oneStep(context: DecodeContext, plan: StepPlan): Generator<Query, DecodeStep, Guess> {
  const { canvas, options, rules, topkOfRow, onStep } = context;
  const { step, block, quota, revising, stop, full = false } = plan;
  const reach = rules.reach(canvas, block, stop);
  const fillable = canvas.masked(reach.start, reach.end);
  const isRevised = revising && options.editThreshold !== 1; // nothing is surer than that
  const revisable = isRevised ? canvas.revisable(block.start, block.end) : []; // before this step fills more

  const query = { ...queryAbout(canvas, rules.asked(canvas, fillable, revisable), block), full };
  const guess = yield query;
  const said = predictionOf(query, guess);
  const { confidence } = said;
  const ranking = { confidence, length: canvas.length, topkOfRow };

  const filled = masksToFill(fillable, quota, { options, rules, ranking, said });
  const rewritten =
    options.reviseTopk === undefined
      ? tokensToReplace(revisable, options.editThreshold, confidence)
      : rules.choose(
          revisable.filter((position) => position < reach.end),
          reviseCount(revisable.length, options.reviseTopk),
          ranking,
        );
  const report = writeStep(canvas, { step, block: block.index, quota, query, guess, said, filled, rewritten });
  stop.look();
  onStep(report);
  return report;
}
