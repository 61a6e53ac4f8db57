import { createHash } from "node:crypto";
import { appendFileSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import sharp from "sharp";
import { describe, expect, it } from "vitest";
import { parseRecord } from "../../data/records/parse-record.js";
import { folderOfEachTest } from "../../testing/folders.js";
import { applyPairs } from "../expert/word-edits.js";
import { parseCaption } from "../language/parse-caption.js";
import { joinWords, splitWords } from "../language/words.js";
import { loadArtwork } from "../picture/artwork.js";
import { encodePng } from "../picture/png.js";
import { scoreCaption } from "../scoring/score.js";
import { columns, type Facts, rows } from "../world/facts.js";
import { objectNames } from "../world/object-names.js";
import { heldOutStyle, makeWorld, styles, trainingStyles, worlds } from "../world/world.js";
import { writeConversations, writeCorrupted } from "./derive-records.js";
import { type GenerateOptions, generateScenes, makeScene } from "./generate-scenes.js";
import { readScenes, type Scene } from "./scene-records.js";

const scratch = folderOfEachTest();
const { at } = scratch;
const options = (changes: Partial<GenerateOptions> = {}): GenerateOptions => ({
  world: worlds.demo,
  seed: 7,
  split: "train",
  style: "train",
  size: 48,
  count: 6,
  folder: scratch.path,
  ...changes,
});
const lines = (name = "scenes.jsonl") => readFileSync(at(name), "utf8").trimEnd().split("\n");
const records = (name?: string) => lines(name).map((line) => JSON.parse(line) as Record<string, unknown>);
async function all(file: string): Promise<Scene[]> {
  const scenes: Scene[] = [];
  for await (const scene of readScenes(file)) scenes.push(scene);
  return scenes;
}

describe("generateScenes", () => {
  it("writes pictures, captions and their truth", async () => {
    expect(await generateScenes(options())).toEqual({ there: 0 });
    const scenes = await all(at("scenes.jsonl"));
    expect(scenes).toHaveLength(6);
    for (const { record, facts } of scenes) {
      const bytes = readFileSync(at(record.image));
      expect(createHash("sha256").update(bytes).digest("hex")).toBe(record.sha256);
      expect(await sharp(bytes).metadata()).toMatchObject({ width: 48, height: 48, channels: 3 });
      expect(trainingStyles).toContain(record.scene.style);
      expect(record.scene.split).toBe("train");
      const statements = parseCaption(splitWords(record.conversations[1]?.value ?? ""));
      expect(statements?.filter(({ about }) => about !== "relation")).toHaveLength(facts.objects.length + 1);
      // Training takes the line as it is.
      const sample = parseRecord(record, { file: "scenes.jsonl", index: 0 });
      expect(sample).toMatchObject({ images: [record.image], revise: [] });
      expect(sample.turns.map(({ role }) => role)).toEqual(["user", "assistant"]);
    }
  });

  it("writes whose artwork it is", async () => {
    await generateScenes(options({ count: 1, style: "openmoji" }));
    const text = readFileSync(at("LICENSES"), "utf8");
    expect(text).toContain("CC BY-SA 4.0");
    expect(text).not.toContain("Twemoji");
  });

  it("makes the same scenes whatever is made beside them", async () => {
    await generateScenes(options());
    const artwork = loadArtwork();
    const { record, png } = await makeScene(4, options(), artwork);
    expect(JSON.stringify(record)).toBe(lines()[4]);
    expect(readFileSync(at(record.image)).equals(png)).toBe(true);
    const other = at("other");
    await generateScenes(options({ folder: other, first: 3, count: 2 }));
    expect(lines("other/scenes.jsonl")).toEqual(lines().slice(3, 5));
  });

  it("shows the same facts in another style", async () => {
    const artwork = loadArtwork();
    const { record: one } = await makeScene(1, options(), artwork);
    const { record: other } = await makeScene(1, options({ style: "held-out" }), artwork);
    expect(other.scene.style).toBe(heldOutStyle);
    expect(other.id).not.toBe(one.id);
    const facts = ({ scene }: typeof one) => scene.objects.map(({ name, count, position }) => [name, count, position]);
    expect(facts(other)).toEqual(facts(one));
  });

  it("goes on after a kill, and does nothing when all is there", async () => {
    await generateScenes(options());
    const whole = lines();
    const file = at("scenes.jsonl");
    const torn = (whole[2]?.length ?? 0) - 5;
    truncateSync(file, whole.slice(0, 2).join("\n").length + 1 + torn);
    rmSync(at("pictures"), { recursive: true });
    const seen: number[] = [];
    expect(await generateScenes(options({ onProgress: (done) => seen.push(done) }))).toEqual({ there: 2 });
    expect(lines()).toEqual(whole);
    expect(seen).toEqual([2, 6]);
    expect(readdirSync(at("pictures"))).toHaveLength(4);
    expect(await generateScenes(options())).toEqual({ there: 6 });
    expect(await generateScenes(options({ count: 8 }))).toEqual({ there: 6 });
    expect(lines().slice(0, 6)).toEqual(whole);
  });

  it("stops when it is told to, with whole lines", async () => {
    const stop = new AbortController();
    const run = generateScenes(options({ count: 500, onProgress: () => stop.abort(), signal: stop.signal }));
    await expect(run).rejects.toThrow(/abort/i);
    expect((await all(at("scenes.jsonl"))).length).toBeLessThan(500);
  });

  it("refuses a folder with other scenes, and sizes that do not fit", async () => {
    await generateScenes(options({ count: 2 }));
    await expect(generateScenes(options({ seed: 8 }))).rejects.toThrow(/scenes\.jsonl:1 is not the scene/);
    appendFileSync(at("scenes.jsonl"), "{}\n");
    await expect(generateScenes(options())).rejects.toThrow(/scenes\.jsonl:3 is not the scene/);
    await expect(generateScenes(options({ size: 50 }))).rejects.toThrow("multiple of 8");
    await expect(generateScenes(options({ count: 0 }))).rejects.toThrow("0 scenes");
    expect(() => makeWorld("demo", { names: 1000 })).toThrow("names 1000");
    expect(() => makeWorld("demo", { grid: 4 as 2 })).toThrow("grid 4");
  });
});

describe("pictures", () => {
  it("have every name in every style, cut to what is visible", async () => {
    const artwork = loadArtwork();
    for (const style of styles) {
      for (const { name } of objectNames) {
        const { width, height, pixels } = await artwork.sprite(style, name, 24, 0);
        expect(Math.max(width, height)).toBe(24);
        const alpha = (x: number, y: number) => pixels[(y * width + x) * 4 + 3] ?? 0;
        const edges = [
          Array.from({ length: width }, (_, x) => alpha(x, 0)),
          Array.from({ length: width }, (_, x) => alpha(x, height - 1)),
          Array.from({ length: height }, (_, y) => alpha(0, y)),
          Array.from({ length: height }, (_, y) => alpha(width - 1, y)),
        ];
        for (const edge of edges) expect([style, name, Math.max(...edge) > 8]).toEqual([style, name, true]);
      }
    }
  });

  it("show each object inside its cell", async () => {
    const artwork = loadArtwork();
    for (let i = 0; i < 40; i++) {
      const { record } = await makeScene(i, options({ size: 144, split: "any" }), artwork);
      for (const { position, boxes, count } of record.scene.objects as unknown as {
        position: string;
        count: number;
        boxes: [number, number, number, number][];
      }[]) {
        expect(boxes).toHaveLength(count);
        for (const [left, top, width, height] of boxes) {
          const [row, column] = [top + height / 2, left + width / 2].map((middle) => Math.floor(middle / 48));
          expect(position).toBe(`${rows[row ?? 0]} ${columns[column ?? 0]}`);
        }
      }
    }
  });

  it("are PNG files that others read", async () => {
    const pixels = Uint8Array.from({ length: 5 * 3 * 3 }, (_, i) => (i * 37) % 256);
    const { data, info } = await sharp(await encodePng(pixels, 5, 3))
      .raw()
      .toBuffer({ resolveWithObject: true });
    expect(info).toMatchObject({ width: 5, height: 3, channels: 3 });
    expect([...data]).toEqual([...pixels]);
  });
});

describe("further data", () => {
  it("about the same pictures: conversations", async () => {
    await generateScenes(options({ count: 4 }));
    const truth = at("scenes.jsonl");
    const write = (output: string, seed: number) =>
      writeConversations({ truth, output: at(output), seed, count: 5, tasks: ["where", "list", "caption"] });
    expect(await write("a.jsonl", 1)).toBe(20);
    await write("b.jsonl", 1);
    await write("c.jsonl", 2);
    expect(lines("b.jsonl")).toEqual(lines("a.jsonl"));
    expect(lines("c.jsonl")).not.toEqual(lines("a.jsonl"));
    expect(new Set(records("a.jsonl").map(({ id }) => id)).size).toBe(20);
    for (const record of records("a.jsonl")) parseRecord(record, { file: "a.jsonl", index: 0 });
  });

  it("with planted errors, and without where that is asked for", async () => {
    await generateScenes(options({ count: 8 }));
    const truth = at("scenes.jsonl");
    const output = at("errors.jsonl");
    expect(await writeCorrupted({ truth, output, seed: 1, kinds: ["object", "none"] })).toBe(8);
    const kinds = new Set(records("errors.jsonl").map(({ kind }) => kind));
    expect(kinds).toEqual(new Set(["object", "none"]));
    for (const record of records("errors.jsonl")) {
      const { revise } = parseRecord(record, { file: "errors.jsonl", index: 0 });
      expect(revise.length > 0).toBe(record.kind === "object");
    }
    expect(await all(output)).toHaveLength(8); // and it is a truth to score against
  });

  it("with two planted errors each, of different kinds", async () => {
    await generateScenes(options({ count: 8 }));
    const [truth, output] = [at("scenes.jsonl"), at("two.jsonl")];
    await writeCorrupted({ truth, output, seed: 1, kinds: ["object", "position", "number", "relation"], errors: 2 });
    const written = records("two.jsonl");
    expect(written.length).toBeGreaterThan(4);
    const facts = new Map((await all(truth)).map((scene) => [scene.record.image, scene.facts]));
    for (const record of written) {
      const [one, other, ...more] = String(record.kind).split("+");
      expect([one === other, more]).toEqual([false, []]);
      const { revise, turns } = parseRecord(record, { file: "two.jsonl", index: 0 });
      const truth = facts.get(String(record.image));
      if (truth === undefined) throw new Error("a picture that is none of the truth's");
      const wrong = turns[1]?.content ?? "";
      expect(scoreCaption(wrong, truth).exact).toBe(0);
      expect(scoreCaption(applyPairs(wrong, revise), truth).exact).toBe(1);
    }
  });

  it("with words that the world does not have: given in captions, in both texts of an error, before questions", async () => {
    await generateScenes(options({ count: 12 }));
    const truth = at("scenes.jsonl");
    const facts = new Map((await all(truth)).map((scene) => [scene.record.image, scene.facts]));
    await writeConversations({ truth, output: at("c.jsonl"), seed: 1, count: 3, tasks: ["caption"], foreign: true });
    const forms = records("c.jsonl").map((record) => parseRecord(record, { file: "c.jsonl", index: 0 }));
    const mixed = forms.filter(({ blanks }) => blanks !== undefined);
    expect(mixed.length).toBeGreaterThan(5);
    for (const { turns, blanks = [], images } of forms) {
      const answer = turns[1]?.content ?? "";
      const own = blanks.map(([start, end]) => answer.slice(start, end).trim());
      const learnt = blanks.length === 0 ? answer : joinWords(splitWords(own.join(" ")));
      expect(scoreCaption(learnt, facts.get(String(images[0])) as Facts).exact).toBe(1);
    }
    await writeConversations({ truth, output: at("q.jsonl"), seed: 1, count: 1, tasks: ["where"], foreign: true });
    for (const record of records("q.jsonl")) {
      const { turns, blanks } = parseRecord(record, { file: "q.jsonl", index: 0 });
      expect(turns[0]?.content).toMatch(/[.!] Where (is|are) the [a-z ]+\?$/);
      expect(blanks).toBeUndefined();
    }
    await writeCorrupted({ truth, output: at("e.jsonl"), seed: 1, kinds: ["object"], foreign: true });
    const errors = records("e.jsonl");
    for (const record of errors) {
      const { revise, turns } = parseRecord(record, { file: "e.jsonl", index: 0 });
      expect(applyPairs(turns[1]?.content ?? "", revise)).toBe(record.right);
    }
    const strange = errors.filter(({ right }) => parseCaption(splitWords(String(right))) === undefined);
    expect(strange.length).toBeGreaterThan(3);
  });

  it("names the line that is no scene", async () => {
    const truth = at("scenes.jsonl");
    writeFileSync(truth, '{"id": "x"}\n');
    await expect(all(truth)).rejects.toThrow(/scenes\.jsonl:1: image/);
    writeFileSync(truth, "nonsense\n");
    await expect(all(truth)).rejects.toThrow(/scenes\.jsonl:1: not JSON/);
    await expect(all(at("absent.jsonl"))).rejects.toThrow(/no such file/);
  });
});
