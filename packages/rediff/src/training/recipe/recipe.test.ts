/** Recipes: what is read from files and the command line, and what is said about mistakes. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect } from "vitest";
import { UserError } from "../../errors.js";
import { nearest } from "../../options/near-name.js";
import { test } from "../../testing/fixtures.js";
import { applyOverrides, parseOverride } from "./overrides.js";
import { recipeChanges, recipeKeys } from "./recipe.js";
import { parseRecipe, readRecipe } from "./recipe-file.js";

const NEEDED = "model: m\noutput: o\ndata: d.json\n";
const read = (text: string, overrides: string[] = []) =>
  parseRecipe(NEEDED + text, "r.yaml", overrides.map(parseOverride));

/** The one line that a mistake leads to. */
function complaint(text: string, overrides: string[] = [], base = NEEDED): string {
  try {
    parseRecipe(base + text, "r.yaml", overrides.map(parseOverride));
  } catch (error) {
    expect(error).toBeInstanceOf(UserError);
    return (error as UserError).line;
  }
  throw new Error(`nothing is wrong with: ${text}`);
}

describe("values", () => {
  test("defaults are the original's", () => {
    const recipe = read("");
    const unset = [recipe.mm_vision_tower_lr, recipe.lora, recipe.evaluate, recipe.device, recipe.dtype];
    expect(unset).toEqual(unset.map(() => undefined));
    expect(recipe).toMatchObject({
      model: "m",
      data: [{ json_path: "d.json", sampling_strategy: "all" }],
      template: "llava_llada",
      mm_tunable_parts: ["mm_vision_tower", "mm_mlp_adapter", "mm_language_model"],
      learning_rate: 1e-5,
      schedule: "cosine",
      warmup_ratio: 0.03,
      max_grad_norm: 1,
      betas: [0.9, 0.999],
      seed: 42,
      save: { every: 1000, keep: 2, adapter_only: false },
    });
  });

  test("data is a path, a list, or files with their own sampling", () => {
    expect(read("", ["data=[a.json, b.jsonl]"]).data.map((file) => file.json_path)).toEqual(["a.json", "b.jsonl"]);
    const mixed = read("sampling: first:10", ["data=[{json_path: a.json, sampling_strategy: 'random:5%'}, b.json]"]);
    expect(mixed.data.map((file) => file.sampling_strategy)).toEqual(["random:5%", "first:10"]);
  });

  test("tunable parts as the original writes them", () => {
    expect(read("mm_tunable_parts: mm_mlp_adapter, mm_vision_tower").mm_tunable_parts).toEqual([
      "mm_vision_tower",
      "mm_mlp_adapter",
    ]);
  });

  test("an empty folder is none", () => expect(read('video_folder: ""').video_folder).toBeUndefined());

  test("what was parsed can be saved and parsed again", () => {
    const recipe = read("lora: {rank: 8}\nevaluate: {data: [e.json]}\nema: {}\nmax_steps: 5");
    expect(parseRecipe(JSON.stringify(recipe), "training.json")).toEqual(recipe);
  });
});

describe("overrides", () => {
  test.each([
    ["learning_rate=1e-4", { learning_rate: 1e-4 }],
    ["save.every=7", { save: { every: 7, keep: 2, adapter_only: false } }],
    ["lora.rank=8", { lora: { rank: 8, alpha: 16, targets: "all-linear", dropout: 0 } }],
    ["lora={targets: [q_proj]}", { lora: { rank: 64, alpha: 16, targets: ["q_proj"], dropout: 0 } }],
    ["betas=[0.8,0.95]", { betas: [0.8, 0.95] }],
    ["drop_last=False", { drop_last: false }],
    ["max_steps=null", { max_steps: undefined }],
    ["data=part{a,b}.json", { data: [{ json_path: "part{a,b}.json", sampling_strategy: "all" }] }],
    ["data={a,b}.json", { data: [{ json_path: "{a,b}.json", sampling_strategy: "all" }] }],
    ["output=a: b", { output: "a: b" }],
    ["output=a=b", { output: "a=b" }],
    ["image_grid_pinpoints=(1x1),...,(2x2)", { image_grid_pinpoints: "(1x1),...,(2x2)" }],
  ])("%s", (override, wanted) => expect(read("max_steps: 9", [override])).toMatchObject(wanted));

  test("the last one wins, and the file is not changed", () => {
    const base = { save: { every: 1 } };
    const overrides = ["save.every=2", "save.keep=3", "save.every=4"].map(parseOverride);
    expect(applyOverrides(base, overrides)).toEqual({ save: { every: 4, keep: 3 } });
    expect(base).toEqual({ save: { every: 1 } });
  });

  test.each(["learning_rate", "=3", "a b=3", "a..b=1", "--seed=1"])("%s is refused", (text) => {
    expect(() => parseOverride(text)).toThrow(/is no key=value/);
  });

  test("numbers and words are what YAML makes of them", () => {
    fc.assert(
      fc.property(fc.oneof(fc.double({ noNaN: true, noDefaultInfinity: true }), fc.integer()), (number) => {
        expect(parseOverride(`k=${JSON.stringify(number)}`).value).toBe(Object.is(number, -0) ? 0 : number);
      }),
    );
  });
});

describe("mistakes", () => {
  test.each([
    ["learnin_rate: 1", "r.yaml:4: learnin_rate: there is no such key; did you mean learning_rate?"],
    [
      "per_device_train_batch_size: 2",
      "r.yaml:4: per_device_train_batch_size: there is no such key; here it is `batch_size`",
    ],
    ["xyzzy: 1", "r.yaml:4: xyzzy: there is no such key"],
    ["learning_rate: fast", 'r.yaml:4: learning_rate: expected a number, got "fast"'],
    ["\n\nlearning_rate: -1", "r.yaml:6: learning_rate: expected at least 0, got -1"],
    ["epochs: 0", "r.yaml:4: epochs: expected more than 0, got 0"],
    ["warmup_ratio: 3", "r.yaml:4: warmup_ratio: expected at most 1, got 3"],
    ["workers: 1.5", "r.yaml:4: workers: expected a whole number, got 1.5"],
    ["drop_last: maybe", 'r.yaml:4: drop_last: expected true or false, got "maybe"'],
    ["seed: null", "r.yaml:4: seed: expected a number, got null"],
    ["save:\n  keep: 3\n  evry: 3", "r.yaml:6: save.evry: there is no such key; did you mean save.every?"],
    ["save.every: 3", "r.yaml:4: save.every: in a file it is written save: {every: ...}"],
    ["save: 5", "r.yaml:4: save: expected keys with values, got 5"],
    ["objective: redif", 'r.yaml:4: objective: expected llada_v, rediff, got "redif"; did you mean rediff?'],
    ["betas: [0.9]", "r.yaml:4: betas: expected at least 2 of them, got [0.9]"],
    ["betas: [0.9, 1]", "r.yaml:4: betas: expected less than 1, got 1"],
    ["lora: {dropout: 0.1}", "r.yaml:4: lora.dropout: dropout is not supported; leave the key out, got 0.1"],
    [
      "lora: {targets: all}",
      'r.yaml:4: lora.targets: expected all-linear, or a list of q_proj, k_proj, v_proj, o_proj, gate_proj, up_proj, down_proj, got "all"',
    ],
    ["device: gpu", 'r.yaml:4: device: expected cpu, cuda, cuda:N or mps, got "gpu"'],
    ["sampling: half", 'r.yaml:4: sampling: expected all, first:N, end:N or random:N, N a number or P%, got "half"'],
    [
      "mm_tunable_parts: mm_vision",
      'r.yaml:4: mm_tunable_parts: expected mm_vision_tower, mm_mlp_adapter, mm_language_model, got "mm_vision"',
    ],
    [
      "image_aspect_ratio: wide",
      'r.yaml:4: image_aspect_ratio: image_aspect_ratio is "wide"; expected anyres, anyres_max_K, pad or square',
    ],
    ["a: [", "r.yaml:4: Flow sequence in block collection must be sufficiently indented and end with a ]"],
    ["seed: 1\nseed: 2", "r.yaml:5: seed: the key is there twice"],
    ["seed: *x", "r.yaml:4: Unresolved alias (the anchor must be set before the alias): x"],
  ])("%j", (text, wanted) => expect(complaint(text)).toBe(wanted));

  test.each(recipeKeys().filter((key) => key !== "save" && key !== "logging"))(
    "no number that is none, or infinite, is taken for %s",
    (key) => {
      const [first = "", inner] = key.split(".");
      for (const value of ["1e999", "-.inf", ".nan", "-1", "-1e300"])
        expect(complaint(inner === undefined ? `${first}: ${value}` : `${first}: {${inner}: ${value}}`)).toMatch(
          new RegExp(`r\\.yaml:\\d: ${key}`),
        );
    },
  );

  test.each([
    "workers",
    "batch_size",
    "gradient_accumulation_steps",
    "canvas",
    "lora.rank",
    "frames_upbound",
    "epochs",
  ])("%s has a bound, below what would stop the machine", (key) => {
    const [first = "", inner] = key.split(".");
    const text = inner === undefined ? `${first}: 1000000000` : `${first}: {${inner}: 1000000000}`;
    expect(complaint(text)).toMatch(new RegExp(`^r\\.yaml:4: ${key}: expected at most \\d+, got 1000000000$`));
  });

  test("on the command line", () => {
    expect(complaint("", ["save.evry=3"])).toBe(
      "command line: save.evry: there is no such key; did you mean save.every?",
    );
    expect(complaint("seed: 1", ["seed=x"])).toBe('command line: seed: expected a number, got "x"');
  });

  test("in data", () => {
    const base = "model: m\noutput: o\n";
    expect(complaint("data: [1]", [], base)).toBe("r.yaml:3: data: expected a text or keys with values, got 1");
    expect(complaint("data: []", [], base)).toBe("r.yaml:3: data: expected at least 1 of them, got []");
    expect(complaint("data:\n  - json_path: a\n    sampling_strategy: some", [], base)).toMatch(
      /^r\.yaml:3: data\.sampling_strategy: expected all, first:N/,
    );
  });

  test("all of them at once", () => {
    expect(complaint("seed: x", [], "")).toBe(
      'r.yaml: model: it is missing; r.yaml: output: it is missing; r.yaml: data: it is missing; r.yaml:1: seed: expected a number, got "x". Give it in the file, or on the command line as KEY=VALUE.',
    );
  });

  test("that single keys cannot show", () => {
    expect(complaint("conversation_mask: true\ntemplate: llada_plain")).toMatch(
      /^r\.yaml:4: conversation_mask: .*no turns/,
    );
    expect(complaint("", ["save.adapter_only=true"])).toMatch(/^command line: save\.adapter_only: it would lose/);
    expect(complaint("lora: {}\nmm_tunable_parts: mm_mlp_adapter")).toMatch(/^r\.yaml:4: lora: .*leaves out/);
    expect(complaint("force_sample: true")).toMatch(/frames_upbound/);
    for (const ours of ["revise_rows: answer", "revise_shorter: true", "revise_rows: answer\nrevise_masked: 0.5"])
      expect(complaint(`${ours}\ncompat: true`)).toMatch(/^r\.yaml:4: revise_\w+: the original has nothing like it/);
    expect(complaint("revise_masked: 0.5")).toMatch(/^r\.yaml:4: revise_masked: .*nothing is masked/);
  });

  test("other files", ({ folder }) => {
    expect(complaint("- a", [], "")).toBe('r.yaml: expected keys with values, got ["a"]');
    writeFileSync(join(folder, "data.json"), '[{"conversations": []}]');
    expect(() => readRecipe(join(folder, "data.json"))).toThrow(/data\.json: is data, expected a recipe/);
    expect(() => readRecipe(join(folder, "absent.yaml"))).toThrow(/absent\.yaml: no such file/);
    writeFileSync(join(folder, "r.yaml"), NEEDED);
    expect(readRecipe(join(folder, "r.yaml"), ["seed=3"]).seed).toBe(3);
  });

  test("whatever the file, it is a recipe or a UserError", () => {
    const keys = fc.constantFrom(...recipeKeys().filter((key) => !key.includes(".")), "other");
    const values = fc.jsonValue({ maxDepth: 3 });
    fc.assert(
      fc.property(fc.dictionary(keys, values, { maxKeys: 6 }), (content) => {
        try {
          const recipe = parseRecipe(JSON.stringify({ model: "m", output: "o", data: "d", ...content }), "r.yaml");
          expect(parseRecipe(JSON.stringify(recipe), "again")).toEqual(recipe);
        } catch (error) {
          expect(error).toBeInstanceOf(UserError);
          expect((error as UserError).line).not.toMatch(/undefined|Invalid input|\[object|\n/);
        }
      }),
      { numRuns: 300 },
    );
  });
});

test("nearest", () => {
  expect(nearest("sedd", ["seed", "save"])).toBe("seed");
  expect(nearest("nothing_like_it", ["seed", "save"])).toBeUndefined();
});

test("recipeChanges: what makes a resumed run another run", () => {
  const saved = read("");
  const current = read("learning_rate: 2.0e-5\nworkers: 9\nsave: {every: 3}\nmax_steps: 4");
  expect(recipeChanges(saved, current)).toEqual([
    "learning_rate: was 0.00001, is 0.00002",
    "max_steps: was not set, is 4",
  ]);
  expect(recipeChanges(saved, saved)).toEqual([]);
});

test("of very many mistakes the first are told", () => {
  const keys = Array.from({ length: 2000 }, (_, i) => `lerning_rate${i}: 1`).join("\n");
  expect(() => parseRecipe(`model: m\noutput: o\ndata: d.json\n${keys}`, "r.yaml")).toThrow(
    /^r\.yaml:4: lerning_rate0: there is no such key; .*; r\.yaml:15: lerning_rate11: [^;]*;[^;]*; and 1988 more$/s,
  );
});
