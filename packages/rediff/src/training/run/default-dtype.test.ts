import { mkdirSync, writeFileSync } from "node:fs";
import { torchVersion } from "@rediff/torch";
import { beforeEach, describe, expect, test } from "vitest";
import { folderOfEachTest } from "../../testing/folders.js";
import { parseRecipe } from "../recipe/recipe-file.js";
import { type DTypeChoice, defaultDtype, settleDtype } from "./default-dtype.js";

const { at } = folderOfEachTest();
let notes: string[];
beforeEach(() => {
  notes = [];
});

const recipe = (dtype = "") => parseRecipe(`model: m\ndata: d.json\noutput: ${at("out")}\n${dtype}`, "test.yaml");
const choice = (dtype: DTypeChoice["dtype"]) => (): DTypeChoice => ({ dtype, because: "so it is here" });
const settle = (dtype: DTypeChoice["dtype"], text?: string) =>
  settleDtype(recipe(text), (line) => notes.push(line), choice(dtype)).dtype;

describe("the default", () => {
  test("is bfloat16 on a CPU that is faster in it, and on any other device; float32 on other CPUs", () => {
    expect(defaultDtype("cpu", () => 0.144)).toEqual({
      dtype: "float32",
      because: "this CPU multiplies matrices in bfloat16 at 0.14 times the rate of float32",
    });
    expect(defaultDtype("cpu", () => 1.93)).toEqual({
      dtype: "bfloat16",
      because: "this CPU multiplies matrices in bfloat16 at 1.9 times the rate of float32",
    });
    expect(defaultDtype("cpu", () => 1.1).dtype).toBe("float32");
    expect(defaultDtype("cuda:1", () => 0).dtype).toBe("bfloat16");
    expect(defaultDtype("mps", () => 0).dtype).toBe("bfloat16");
    expect(
      defaultDtype(
        "cuda",
        () => 0,
        () => ({ major: 7, minor: 5 }),
      ),
    ).toEqual({ dtype: "float32", because: "cuda does not multiply bfloat16 (compute capability 7.5)" });
  });
});

describe("a run", () => {
  test("says what it takes when the recipe does not, and nothing when it does", () => {
    expect(settle("float32")).toBe("float32");
    expect(notes).toEqual(["dtype float32: so it is here (dtype in the recipe decides otherwise)"]);
    notes.length = 0;
    expect(settle("float32", "dtype: bfloat16")).toBe("bfloat16");
    expect(notes).toEqual([]);
  });

  test.each(["out", "out/checkpoint-3"])(
    "that goes on keeps the dtype of %s, whatever this machine's default",
    (place) => {
      mkdirSync(at(place), { recursive: true });
      const state = { version: 1, step: 3, epoch: 0, position: 6, totals: {}, versions: { torch: torchVersion } };
      writeFileSync(at(place, "training.json"), JSON.stringify({ ...state, recipe: recipe("dtype: bfloat16") }));
      expect(settle("float32")).toBe("bfloat16");
      expect(notes).toEqual([`dtype bfloat16, as in ${at(place)}; a new run would take float32 here: so it is here`]);
      notes.length = 0;
      expect(settle("bfloat16")).toBe("bfloat16");
      expect(notes).toEqual([`dtype bfloat16, as in ${at(place)}`]);
    },
  );
});
