import { mkdirSync, writeFileSync } from "node:fs";
import { torchVersion } from "@rediff/torch";
import { beforeEach, describe, expect, test } from "vitest";
import { folderOfEachTest } from "../../testing/folders.js";
import { parseRecipe } from "../recipe/recipe-file.js";
import { type DTypeChoice, defaultDtype, namesBfloat16, settleDtype } from "./default-dtype.js";

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
  test("is float32 on a CPU without bfloat16 products, bfloat16 on any other device", () => {
    expect(defaultDtype("cpu", () => false)).toEqual({
      dtype: "float32",
      because: "this CPU does not multiply matrices in bfloat16",
    });
    expect(defaultDtype("cpu", () => true).dtype).toBe("bfloat16");
    expect(defaultDtype("cuda:1", () => false).dtype).toBe("bfloat16");
    expect(defaultDtype("mps", () => false).dtype).toBe("bfloat16");
  });

  test.each([
    ["flags\t\t: fpu avx2 avx512f avx512bw", false],
    ["processor: 0\nflags\t\t: fpu avx2 avx512f avx512_bf16 amx_tile", true],
    ["flags : avx2 amx_bf16", true],
    ["Features\t: fp asimd sve i8mm bf16", true],
    ["Features\t: fp asimd", false],
    ["bugs: avx512_bf16", false],
    ["", false],
  ])("as /proc/cpuinfo has it: %j", (text, wanted) => expect(namesBfloat16(text)).toBe(wanted));
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
