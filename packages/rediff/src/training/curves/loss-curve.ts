/** The losses of a run by step, in bounded memory: of a long run neighbours are put together. */

/** The mean loss of the steps since the point before. */
export interface LossPoint {
  step: number;
  loss: number;
}

/** More than any terminal shows. */
const MOST_POINTS = 8192;
/** A loss jumps from step to step; the mean over such a share of the run shows where it goes. */
const WINDOW_SHARE = 1 / 25;
/** Of runs that log every hundredth step. */
const LEAST_POINTS = 5;

export class LossCurve {
  #points: LossPoint[] = [];
  /** Steps that were added for a point. */
  #each = 1;
  #waiting: number[] = [];
  #last = Number.NEGATIVE_INFINITY;

  /** Steps come in their order; one that comes again takes the place of those that were there from it on. */
  add(step: number, loss: number): void {
    if (step <= this.#last) this.cutFrom(step);
    this.#last = step;
    if (!Number.isFinite(loss)) return;
    this.#waiting.push(loss);
    if (this.#waiting.length < this.#each) return;
    this.#points.push({ step, loss: mean(this.#waiting) });
    this.#waiting = [];
    if (this.#points.length >= MOST_POINTS) this.#halve();
  }

  /** Forgets what is at this step or after it. */
  cutFrom(step: number): void {
    this.#waiting = [];
    while ((this.#points.at(-1)?.step ?? Number.NEGATIVE_INFINITY) >= step) this.#points.pop();
  }

  get points(): readonly LossPoint[] {
    return this.#points;
  }

  #halve(): void {
    const halved: LossPoint[] = [];
    for (let i = 0; i + 1 < this.#points.length; i += 2) {
      const [one, two] = [this.#points[i], this.#points[i + 1]];
      if (one !== undefined && two !== undefined) halved.push({ step: two.step, loss: (one.loss + two.loss) / 2 });
    }
    this.#points = halved;
    this.#each *= 2;
  }
}

const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;

/** Each point as the mean of those of the steps before it, over a twenty-fifth of the run, and of five at least. */
export function smoothed(points: readonly LossPoint[]): LossPoint[] {
  const [first, last] = [points[0], points.at(-1)];
  if (first === undefined || last === undefined) return [];
  const window = (last.step - first.step) * WINDOW_SHARE;
  let [from, sum] = [0, 0];
  return points.map(({ step, loss }, i) => {
    sum += loss;
    for (
      let old = points[from];
      old !== undefined && i - from >= LEAST_POINTS && old.step <= step - window;
      old = points[++from]
    )
      sum -= old.loss;
    return { step, loss: sum / (i - from + 1) };
  });
}

/** The mean loss of the steps after `from`, up to `to`; undefined where there are none. */
export function meanBetween(points: readonly LossPoint[], from: number, to: number): number | undefined {
  const inside = points.filter(({ step }) => step > from && step <= to);
  return inside.length === 0 ? undefined : mean(inside.map(({ loss }) => loss));
}
