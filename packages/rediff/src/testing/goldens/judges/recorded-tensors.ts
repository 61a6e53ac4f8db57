/** What the adapters that run the engine share: recorded tensors as tensors, models by folder, comparison. */
import { type DType, fromBuffer, scope, type Tensor } from "@rediff/torch";
import { z } from "zod";
import { loadModelFolder } from "../../../checkpoint/load-model.js";
import type { Model } from "../../../models/llava/llava.js";
import { computing, type GoldenCase, type GoldenTensor, judging, type Outcome } from "../golden-case.js";

const DTYPES: Record<string, DType> = {
  U8: "uint8",
  BOOL: "bool",
  I32: "int32",
  I64: "int64",
  F32: "float32",
  F64: "float64",
};

/** A recorded tensor of a case, for the engine, where it computes. @throws when the case has none of that name */
export function recorded(tensors: Map<string, GoldenTensor>, name: string): Tensor {
  const found = tensors.get(name);
  if (found === undefined) throw new Error(`the case has no tensor ${name}`);
  const dtype = DTYPES[found.dtype];
  if (dtype === undefined) throw new Error(`tensor ${name} has dtype ${found.dtype}`);
  // A copy, because a view of a larger buffer need not be aligned.
  return scope(() => fromBuffer(found.data.slice(), found.shape, dtype).to(computing));
}

const models = new Map<string, Promise<Model>>();

/** The model of a checkpoint folder in float32, loaded once per run. */
export function goldenModel(folder: string): Promise<Model> {
  let model = models.get(folder);
  if (model === undefined) {
    model = loadModelFolder(folder, { device: computing.device, dtype: "float32" });
    models.set(folder, model);
  }
  return model;
}

const toleranceSchema = z.object({ atol: z.number().default(0), rtol: z.number().default(0) });

/** Collects comparisons of one case into an outcome: the largest difference, the first complaint. */
export class Verdict {
  #deviation = 0;
  #note: string | undefined;
  #compared = 0;
  readonly #tolerance: { atol: number; rtol: number };

  constructor(golden: Pick<GoldenCase, "tolerance">) {
    this.#tolerance = toleranceSchema.parse(golden.tolerance);
  }

  /** |got - wanted| <= atol + rtol |wanted| everywhere. NaN and infinities have to be equal. */
  close(
    name: string,
    got: ArrayLike<number | bigint>,
    wanted: ArrayLike<number | bigint>,
    tolerance = this.#tolerance,
  ): void {
    this.#compared++;
    if (got.length !== wanted.length) {
      this.fail(`${name}: ${got.length} elements, expected ${wanted.length}`);
      return;
    }
    for (let i = 0; i < got.length; i++) {
      const a = Number(got[i]);
      const b = Number(wanted[i]);
      if (Object.is(a, b) || a === b) continue;
      const difference = Math.abs(a - b);
      this.#deviation = Math.max(this.#deviation, Number.isNaN(difference) ? Number.POSITIVE_INFINITY : difference);
      if (!(difference <= judging.leeway * (tolerance.atol + tolerance.rtol * Math.abs(b))))
        this.fail(`${name}[${i}]: got ${a}, expected ${b}`, false);
    }
  }

  exact(name: string, got: ArrayLike<number | bigint>, wanted: ArrayLike<number | bigint>): void {
    this.close(name, got, wanted, { atol: 0, rtol: 0 });
  }

  tensor(name: string, got: Tensor, wanted: GoldenTensor | undefined, tolerance = this.#tolerance): void {
    if (wanted === undefined) return;
    const shape = `[${got.shape.join(", ")}]`;
    const expected = `[${wanted.shape.join(", ")}]`;
    if (shape !== expected) this.fail(`${name}: shape ${shape}, expected ${expected}`);
    else this.close(name, got.toNumbers(), wanted.data, tolerance);
  }

  fail(note: string, incomparable = true): void {
    this.#note ??= note;
    if (incomparable) this.#deviation = Number.POSITIVE_INFINITY;
  }

  outcome(): Outcome {
    if (this.#compared === 0 && this.#note === undefined) this.fail("nothing was compared");
    return this.#note === undefined
      ? { status: "passed", deviation: this.#deviation }
      : { status: "failed", deviation: this.#deviation, note: this.#note };
  }
}

/** Every fourth column, as large outputs are recorded. */
export function everyFourth(logits: Tensor): Tensor {
  return logits.slice(-1, 0, undefined, 4);
}
