/** What a run has logged so far: the curve of its losses, its last step, its held-out losses. */
import { LossCurve } from "../curves/loss-curve.js";
import { type Speed, SpeedWindow } from "../logging/recent-speed.js";
import type { HeldOutLine, StepLine } from "./metrics-line.js";

export class RunHistory {
  readonly curve = new LossCurve();
  #last: StepLine | undefined;
  #heldOut: HeldOutLine[] = [];
  #notFinite = new Set<number>();
  #speeds = new SpeedWindow();
  #speed: Speed | undefined;
  #time: string | undefined;
  /** Lines that are none of a run's. */
  unreadable = 0;

  /** A step that was there already was taken again, after a checkpoint: all that was logged from it on goes. */
  add(line: StepLine | HeldOutLine): void {
    this.#time = line.time ?? this.#time;
    if (line.kind === "held-out") {
      this.#forgetHeldOut(line.step);
      this.#heldOut.push(line);
      return;
    }
    const { step, loss, samples, tokens = 0, seconds, waitSeconds = 0 } = line;
    if (this.#last !== undefined && step <= this.#last.step) {
      this.#forgetHeldOut(step);
      for (const old of this.#notFinite) if (old >= step) this.#notFinite.delete(old);
      this.#speeds = new SpeedWindow();
    }
    this.curve.add(step, loss);
    if (!Number.isFinite(loss)) this.#notFinite.add(step);
    this.#speed =
      samples === undefined || seconds === undefined
        ? undefined
        : this.#speeds.add({ samples, tokens, seconds, waitSeconds });
    this.#last = line;
  }

  /** The last step that was logged. */
  get last(): StepLine | undefined {
    return this.#last;
  }

  /** By step. */
  get heldOut(): readonly HeldOutLine[] {
    return this.#heldOut;
  }

  get bestHeldOut(): HeldOutLine | undefined {
    const finite = this.#heldOut.filter(({ loss }) => Number.isFinite(loss));
    return finite.reduce<HeldOutLine | undefined>(
      (best, line) => (best && best.loss <= line.loss ? best : line),
      undefined,
    );
  }

  /** Over the last half minute of steps. */
  get speed(): Speed | undefined {
    return this.#speed;
  }

  /** Steps whose loss was no finite number. */
  get notFinite(): number {
    return this.#notFinite.size;
  }

  /** When the last line was written, by the clock of the run. */
  get time(): string | undefined {
    return this.#time;
  }

  get isEmpty(): boolean {
    return this.#last === undefined && this.#heldOut.length === 0;
  }

  #forgetHeldOut(from: number): void {
    this.#heldOut = this.#heldOut.filter(({ step }) => step < from);
  }
}
