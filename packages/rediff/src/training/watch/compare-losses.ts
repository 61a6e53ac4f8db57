/** Two runs at the same steps: the means of their losses over the same stretches, and their held-out losses where both were
 *  measured after the same step. */
import { meanBetween } from "../curves/loss-curve.js";
import type { RunHistory } from "./run-history.js";

export interface ComparedRow {
  /** The last step of the stretch, which begins behind the row before. */
  step: number;
  /** By run; undefined where it logged nothing there. */
  losses: (number | undefined)[];
}

export interface Comparison {
  training: ComparedRow[];
  heldOut: ComparedRow[];
}

/** @param rows of each table at most */
export function compareLosses(histories: readonly RunHistory[], rows: number): Comparison {
  const [first, last] = commonSteps(histories);
  const each = (last - first) / rows;
  const ends = each > 0 ? Array.from({ length: rows }, (_, i) => Math.round(first + (i + 1) * each)) : [last];
  const training = [...new Set(ends)].map((step, i, all) => ({
    step,
    losses: histories.map(({ curve }) => meanBetween(curve.points, all[i - 1] ?? Number.NEGATIVE_INFINITY, step)),
  }));
  return { training: training.filter(isCompared), heldOut: thinned(heldOutRows(histories), rows) };
}

/** What all of them have: of what only one took there is nothing to compare. */
function commonSteps(histories: readonly RunHistory[]): [number, number] {
  const points = histories.map(({ curve }) => curve.points);
  const firsts = points.map((each) => each[0]?.step ?? Number.POSITIVE_INFINITY);
  const lasts = points.map((each) => each.at(-1)?.step ?? Number.NEGATIVE_INFINITY);
  return [Math.min(...firsts), Math.min(...lasts)];
}

function heldOutRows(histories: readonly RunHistory[]): ComparedRow[] {
  const steps = new Set(histories.flatMap(({ heldOut }) => heldOut.map(({ step }) => step)));
  return [...steps]
    .sort((a, b) => a - b)
    .map((step) => ({
      step,
      losses: histories.map(
        ({ heldOut }) => heldOut.find((line) => line.step === step && Number.isFinite(line.loss))?.loss,
      ),
    }))
    .filter(isCompared);
}

/** The last ones, and of those before some. */
function thinned(rows: readonly ComparedRow[], most: number): ComparedRow[] {
  const each = Math.ceil(rows.length / most);
  return rows.filter((_, i) => (rows.length - 1 - i) % each === 0);
}

const isCompared = ({ losses }: ComparedRow): boolean => losses.filter((loss) => loss !== undefined).length > 1;
