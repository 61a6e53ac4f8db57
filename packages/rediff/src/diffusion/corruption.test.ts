import { Generator, rand, randint, scope } from "@rediff/torch";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  type CorruptionOptions,
  corrupt,
  type ExpandedSample,
  originalCorruption,
  ourCorruption,
  PositionRole,
  replacementLimit,
} from "./corruption.js";
import { drawsFrom, type RecordedDraw } from "./random-draws.js";

const MASK = 90;
const options: CorruptionOptions = {
  objective: "rediff",
  maskId: MASK,
  replacementLimit: 50,
  maskLike: new Set([MASK]),
  rules: ourCorruption,
};

/** Labels equal to the ids where `learnt`. */
function sample(ids: number[], learnt: boolean[], revise: boolean[] = ids.map(() => false)): ExpandedSample {
  return { ids, labels: ids.map((id, i) => (learnt[i] ? id : -100)), revise, flawed: revise.includes(true) };
}

/** t, masking, corruption, replacements for one sample. */
const draws = (t: number, masking: number[], corruption?: number[], replacements?: number[]): RecordedDraw[] => {
  const row = [1, masking.length];
  return [
    { kind: "rand", shape: [1], values: [t] },
    { kind: "rand", shape: row, values: masking },
    ...(corruption === undefined
      ? []
      : ([
          { kind: "rand", shape: row, values: corruption },
          { kind: "randint", shape: row, values: replacements ?? masking.map((_, i) => 10 + i) },
        ] as const)),
  ];
};

const corruptedOf = (one: ExpandedSample, recorded: RecordedDraw[], changed: Partial<CorruptionOptions> = {}) => {
  const [found] = corrupt([one], drawsFrom(recorded), { ...options, ...changed });
  if (found === undefined) throw new Error("no sample");
  return { ids: found.ids, roles: [...found.roles], probability: found.probability };
};

const { none, masked, corrupted, clean, revised } = PositionRole;

describe("corrupt", () => {
  test("an ordinary sample of ReDiff: masked below p, corrupted below 0.05, else clean; prompts stay", () => {
    const one = sample([1, 2, 3, 4, 5], [false, true, true, true, true]);
    const found = corruptedOf(one, draws(0.5, [0, 0.49, 0.51, 0.51, 0.51], [0, 0, 0.049, 0.051, 0], [9, 9, 9, 9, 7]));
    expect(found.ids).toEqual([1, MASK, 9, 4, 7]);
    expect(found.roles).toEqual([none, masked, corrupted, clean, corrupted]);
  });

  test("a range of probabilities other than LLaDA-V's", () => {
    const one = sample([1, 2, 3], [false, true, true]);
    const masks = (t: number, maskRange?: readonly [number, number]) =>
      corruptedOf(one, draws(t, [0, 0.4, 0.9]), { objective: "llada_v", maskRange });
    expect(masks(0).ids).toEqual([1, 2, 3]);
    expect(masks(0, [0.5, 1])).toMatchObject({ ids: [1, MASK, 3], probability: 0.5 });
    expect(masks(0, [1, 1])).toMatchObject({ ids: [1, MASK, MASK], probability: 1 });
  });

  test("LLaDA-V's objective draws less, and leaves what is not masked without a role", () => {
    const one = sample([1, 2, 3], [false, true, true]);
    const found = corruptedOf(one, draws(0.5, [0, 0.49, 0.51]), { objective: "llada_v" });
    expect(found).toMatchObject({ ids: [1, MASK, 3], roles: [none, masked, none] });
  });

  test("draws equal to the limit are not below it", () => {
    const [p, rate] = [Math.fround(0.001), Math.fround(0.05)];
    const found = corruptedOf(sample([1, 2], [true, true]), draws(0, [p, 0.5], [rate, rate]));
    expect(found.roles).toEqual([clean, clean]);
  });

  test("p = 0.999 t + 0.001 in float32", () => {
    const t = Math.fround(0.1234567);
    const { probability } = corruptedOf(sample([1], [true]), draws(t, [0.5], [0.5]));
    expect(Math.fround(probability)).toBe(probability);
    expect(probability).toBeCloseTo(0.999 * t + 0.001, 7);
  });

  test("a sample with wrong phrases keeps its text, whatever was drawn", () => {
    const one = sample([1, 2, 3, 4], [true, true, true, true], [false, true, true, false]);
    expect(corruptedOf(one, draws(1, [0, 0, 0, 0], [0, 0, 0, 0]))).toMatchObject({
      ids: [1, 2, 3, 4],
      roles: [none, revised, revised, none],
    });
  });

  test("a sample with wrong phrases, the whole answer learnt: masked, revised and kept, nothing corrupted", () => {
    const labels = [1, 22, 33, 4, -100];
    const one = { ...sample([1, 2, 3, 4, 5], [], [false, true, true, false, false]), labels };
    const recorded = draws(0.5, [0, 0, 0.9, 0.9, 0], [0, 0, 0, 0, 0]);
    const whole = { reviseRows: "answer" } as const;
    expect(corruptedOf(one, recorded, whole)).toMatchObject({
      ids: [MASK, MASK, 3, 4, 5],
      roles: [masked, masked, revised, clean, none],
    });
    expect(corruptedOf(one, recorded, { ...whole, rules: originalCorruption }).roles).toEqual([
      none,
      revised,
      revised,
      none,
      none,
    ]);
  });

  test("of samples with wrong phrases some are seen whole; the others are masked as the rest of their draw says", () => {
    const one = { ...sample([1, 2, 3], [], [false, true, false]), labels: [1, 22, 3] };
    const half = { reviseRows: "answer", reviseMasked: 0.5 } as const;
    const found = (t: number, some: ExpandedSample = one) => corruptedOf(some, draws(t, [0, 0, 0], [0, 0, 0]), half);
    expect(found(0.5)).toMatchObject({ ids: [1, 2, 3], roles: [clean, revised, clean], probability: 0 });
    expect(found(0.25)).toMatchObject({ ids: [MASK, MASK, MASK], probability: Math.fround(0.5005) });
    expect(found(0.75, sample([1, 2, 3], [true, true, true])).ids).toEqual([MASK, MASK, MASK]); // right answers as ever
    const phrases = corruptedOf(one, draws(0.75, [0, 0, 0], [0, 0, 0]), { reviseMasked: 0.5 });
    expect(phrases.probability).toBe(Math.fround(0.75025)); // its weight under the original's weighting
  });

  test("wrong phrases without revision: the corrected text is learnt; under the original's rules nothing is masked", () => {
    const one = { ...sample([1, 2, 3], [true, true, true], [false, true, false]), labels: [1, 22, 3] };
    const plain = { objective: "llada_v" } as const;
    const found = corruptedOf(one, draws(0.5, [0.9, 0.9, 0]), plain);
    expect(found).toMatchObject({ ids: [1, 22, MASK], roles: [none, none, masked] });
    const original = corruptedOf(one, draws(0.5, [0, 0, 0]), { ...plain, rules: originalCorruption });
    expect(original).toMatchObject({ ids: [1, 2, 3], roles: [none, none, none] });
  });

  test("a sample whose wrong phrases were cut off takes no part; under the original's rules its text is learnt as if it were right", () => {
    const one = { ...sample([1, 2], [true, true]), flawed: true };
    const recorded = draws(0.5, [0, 0.9], [0.9, 0.9]);
    expect(corruptedOf(one, recorded)).toMatchObject({ ids: [1, 2], roles: [none, none] });
    expect(corruptedOf(one, recorded, { rules: originalCorruption })).toMatchObject({
      ids: [MASK, 2],
      roles: [masked, clean],
    });
  });

  test("a mask token in the text counts as masked where it has a label; under the original's rules everywhere", () => {
    const one = sample([MASK, MASK, 3], [false, true, true]);
    const recorded = draws(0.001, [0.9, 0.9, 0.9], [0.01, 0.01, 0.9]);
    expect(corruptedOf(one, recorded)).toMatchObject({ ids: [MASK, MASK, 3], roles: [none, masked, clean] });
    expect(corruptedOf(one, recorded, { rules: originalCorruption }).roles).toEqual([masked, masked, clean]);
    // Also another token that the model cannot tell from it.
    const like = { maskLike: new Set([MASK, 3]) };
    expect(corruptedOf(one, recorded, like).roles).toEqual([none, masked, masked]);
  });

  const ids = fc.array(fc.integer({ min: 1, max: 80 }), { minLength: 1, maxLength: 12 });
  const samples = fc.array(
    ids.chain((row) =>
      fc.record({
        ids: fc.constant(row),
        learnt: fc.array(fc.boolean(), { minLength: row.length, maxLength: row.length }),
        revise: fc.array(fc.boolean(), { minLength: row.length, maxLength: row.length }),
        isFlawed: fc.boolean(),
      }),
    ),
    { minLength: 1, maxLength: 4 },
  );
  const expanded = samples.map((list) =>
    list.map(({ ids, learnt, revise, isFlawed }) =>
      sample(
        ids,
        learnt,
        revise.map((wrong, i) => wrong && isFlawed && learnt[i] === true),
      ),
    ),
  );

  test("rows with a label are masked, corrupted or clean; no others; pictures and prompts never change", () => {
    fc.assert(
      fc.property(expanded, fc.integer(), fc.boolean(), (list, seed, isOriginal) => {
        const rules = isOriginal ? originalCorruption : ourCorruption;
        using generator = new Generator(seed);
        const log: RecordedDraw[] = [];
        const found = corrupt(list, drawsFrom(generator, log), { ...options, rules });
        for (const [s, { ids, roles, probability }] of found.entries()) {
          const { labels, revise, ids: before } = list[s] as ExpandedSample;
          expect(probability).toBeGreaterThan(0);
          expect(probability).toBeLessThanOrEqual(1);
          for (const [i, role] of roles.entries()) {
            const changed = ids[i] !== before[i];
            if (revise.includes(true)) expect(role).toBe(revise[i] ? revised : none);
            else expect(role !== none).toBe(labels[i] !== -100);
            if (role === masked) expect(ids[i]).toBe(MASK);
            else if (role !== corrupted) expect(changed).toBe(false);
            else expect(ids[i]).toSatisfy((id: number) => id >= 1 && id < options.replacementLimit);
          }
        }
        expect(corrupt(list, drawsFrom(log), { ...options, rules })).toEqual(found);
      }),
    );
  });
});

describe("draws", () => {
  test("come from a generator in the reference's order and shapes", () => {
    const list = [sample([1, 2, 3], [true, true, true]), sample([4], [true])];
    const log: RecordedDraw[] = [];
    using generator = new Generator(7);
    corrupt(list, drawsFrom(generator, log), options);
    using again = new Generator(7);
    const wanted = scope(() =>
      [rand([2], again), rand([2, 3], again), rand([2, 3], again), randint(1, 50, [2, 3], again)].map((t) =>
        t.toNumbers(),
      ),
    );
    expect(log.map(({ kind, shape }) => [kind, shape])).toEqual([
      ["rand", [2]],
      ["rand", [2, 3]],
      ["rand", [2, 3]],
      ["randint", [2, 3]],
    ]);
    expect(log.map(({ values }) => Array.from(values, Number))).toEqual(wanted);
  });

  test("replacements: all but the last thousand, or those before the special tokens of a small vocabulary", () => {
    expect(replacementLimit(126464, 126080)).toBe(125464);
    expect(replacementLimit(512, 470)).toBe(470);
  });
});
