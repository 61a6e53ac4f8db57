/** Random numbers for training: from a generator, or replayed from a record in the order in which they were drawn. */
import { Generator, rand, randint, scope } from "@rediff/torch";

/** Where random numbers come from. */
export interface Draws {
  /** float32, uniform in [0, 1), row-major */
  uniform(shape: readonly number[]): Float32Array;
  /** uniform in [low, high), row-major */
  integers(low: number, high: number, shape: readonly number[]): number[];
}

/** One draw as it happened. */
export interface RecordedDraw {
  kind: "rand" | "randint";
  shape: readonly number[];
  values: ArrayLike<number | bigint>;
}

/** A generator on the CPU, or what was recorded. */
export type DrawSource = Generator | readonly RecordedDraw[];

/** Reads a source. With `log`, every draw is appended to it. */
export function drawsFrom(source: DrawSource, log?: RecordedDraw[]): Draws {
  const draws = source instanceof Generator ? generated(source) : replayed(source);
  if (log === undefined) return draws;
  return {
    uniform(shape) {
      const values = draws.uniform(shape);
      log.push({ kind: "rand", shape: [...shape], values });
      return values;
    },
    integers(low, high, shape) {
      const values = draws.integers(low, high, shape);
      log.push({ kind: "randint", shape: [...shape], values });
      return values;
    },
  };
}

function generated(generator: Generator): Draws {
  return {
    uniform: (shape) => scope(() => rand(shape, generator).data("float32")),
    integers: (low, high, shape) => scope(() => randint(low, high, shape, generator).toNumbers()),
  };
}

function replayed(recorded: readonly RecordedDraw[]): Draws {
  let next = 0;
  const take = (kind: RecordedDraw["kind"], shape: readonly number[]): ArrayLike<number | bigint> => {
    const draw = recorded[next++];
    const wanted = `${kind} [${shape.join(", ")}]`;
    const found = draw === undefined ? "nothing" : `${draw.kind} [${draw.shape.join(", ")}]`;
    if (draw === undefined || found !== wanted)
      throw new Error(
        `recorded draw ${next - 1} is ${found}, but ${wanted} is needed: other samples, or another order`,
      );
    return draw.values;
  };
  return {
    uniform: (shape) => Float32Array.from(take("rand", shape), Number),
    integers: (_low, _high, shape) => Array.from(take("randint", shape), Number),
  };
}

/** The generator of one micro-batch, a pure function of its place in the run: a resumed run needs no random state. */
export function drawGenerator(seed: number, step: number, micro: number): Generator {
  return new Generator([seed, step, micro].reduce((state, value) => splitMix(state ^ BigInt(value)), 0n));
}

/** One round of SplitMix64: neighbouring places get unrelated seeds. */
function splitMix(value: bigint): bigint {
  let z = BigInt.asUintN(64, value + 0x9e3779b97f4a7c15n);
  z = BigInt.asUintN(64, (z ^ (z >> 30n)) * 0xbf58476d1ce4e5b9n);
  z = BigInt.asUintN(64, (z ^ (z >> 27n)) * 0x94d049bb133111ebn);
  return z ^ (z >> 31n);
}
