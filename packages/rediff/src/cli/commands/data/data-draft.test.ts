/** `rediff data draft`: what is drafted, with how many steps, by whom; and that nothing is lost when it is cut off. */
import { copyFileSync, existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { beforeAll, describe, expect, test } from "vitest";
import { record, writeLines } from "../../../data/testing/record-files.js";
import { jsonLines, rediffHere } from "../../../testing/command-line.js";
import { pictureFolder } from "../../../testing/fixtures.js";
import { folderOfFile } from "../../../testing/folders.js";
import { writeTinyModel } from "../../../testing/tiny-model.js";
import { interrupted, linesOf } from "../../testing/interrupted.js";

const { at } = folderOfFile();

const PICTURES = ["color.jpg", "grey.jpg", "rgba.png", "palette.png", "alpha.webp", "cmyk.jpg"];
const QUESTIONS = ["<image>\nWhat is there?", "<image>\nDescribe the picture.", "Why?"];

interface Draft {
  id: string;
  img: string;
  ques: string;
  ans?: string;
  pred: string;
  drafted: Record<string, unknown>;
}

const draftsIn = (file: string): Draft[] =>
  existsSync(at(file)) ? (jsonLines(readFileSync(at(file), "utf8")) as unknown as Draft[]) : [];

beforeAll(() => {
  writeTinyModel(at("model"));
  const records = Array.from({ length: 12 }, (_, i) => ({
    id: `r${i}`,
    image: PICTURES[i % PICTURES.length],
    conversations: [
      { from: "human", value: QUESTIONS[i % QUESTIONS.length] },
      { from: "gpt", value: `Answer ${i}.` },
    ],
  }));
  writeLines(at("data.jsonl"), records);
});

const draft = (output: string, ...more: string[]) => {
  const common = ["--model", at("model"), "--gen-length", "16", "--threads", "1", "--image-folder", pictureFolder];
  return ["data", "draft", at("data.jsonl"), ...common, "--output", at(output), ...more];
};

describe("what is in the file", () => {
  test("the data's questions and answers, drafts as `caption` says them, and how they were made", async () => {
    const { status, stdout, stderr } = await rediffHere(
      ...draft("all.jsonl", "--steps", "8", "--revise", "--batch", "3"),
    );
    expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
    expect(stdout).toMatch(/all\.jsonl: 12 drafts of 12 records \(12 of them new, \d+ tokens\/s\)\n$/);
    const drafts = draftsIn("all.jsonl");
    expect(drafts.map(({ id }) => id)).toEqual(Array.from({ length: 12 }, (_, i) => `r${i}`));
    expect(Object.keys(drafts[0] as Draft)).toEqual(["id", "img", "ques", "ans", "pred", "drafted"]);
    expect(drafts[2]).toMatchObject({ img: `${pictureFolder}/rgba.png`, ques: "<image>\nWhy?", ans: "Answer 2." });
    expect(drafts[2]?.drafted).toEqual({
      record: 2,
      model: at("model"),
      checkpoint: expect.stringMatching(/^sha256:/),
      gen_length: 16,
      block_length: 16,
      revise: true,
      temperature: 0,
      seed: 42,
      steps: 8,
      versions: { rediff: expect.stringMatching(/^\d/), torch: expect.stringMatching(/^2/) },
    });
    for (const { pred } of drafts) expect(pred).not.toMatch(/<\|/);
    for (const { img, ques, pred } of drafts.slice(1, 3)) {
      const asked = ["--prompt", ques, "--steps", "8", "--revise", "--gen-length", "16", "--json"];
      const said = jsonLines((await rediffHere("caption", img, "--model", at("model"), ...asked)).stdout);
      expect(said[0]?.text).toBe(pred);
    }
    expect(existsSync(at("all.jsonl.left-out.jsonl"))).toBe(false);
  });

  test("without flags, what is recorded is what the model's config asks for, and what is drafted", async () => {
    writeTinyModel(at("particular"), { config: { rediff: { gen_length: 12, image_join: "correct" } } });
    const args = ["data", "draft", at("data.jsonl"), "--image-folder", pictureFolder, "--count", "1"];
    const run = await rediffHere(...args, "--model", at("particular"), "--output", at("particular.jsonl"));
    expect(run.status).toBe(0);
    const [one] = draftsIn("particular.jsonl");
    expect(one?.drafted).toMatchObject({ gen_length: 12, block_length: 12, steps: 12, image_join: "correct" });
    const asked = ["--prompt", one?.ques ?? "", "--gen-length", "12", "--image-join", "correct", "--json"];
    const said = await rediffHere("caption", one?.img ?? "", "--model", at("particular"), ...asked);
    expect(jsonLines(said.stdout)[0]?.text).toBe(one?.pred);
  });

  test("rules and their numbers are recorded, and what is drafted is what a caption would be", async () => {
    const rule = ["--rule", "joint", "--threshold", "0.1", "--edit-threshold", "0", "--post-edit-steps", "2"];
    const { status } = await rediffHere(...draft("ruled.jsonl", "--count", "1", ...rule));
    expect(status).toBe(0);
    const [one] = draftsIn("ruled.jsonl");
    const numbers = { rule: "joint", threshold: 0.1, edit_threshold: 0, post_edit_steps: 2, revise: true, steps: 16 };
    expect(one?.drafted).toMatchObject(numbers);
    const asked = ["--prompt", one?.ques ?? "", "--gen-length", "16", ...rule, "--json"];
    const said = await rediffHere("caption", one?.img ?? "", "--model", at("model"), ...asked);
    expect(jsonLines(said.stdout)[0]?.text).toBe(one?.pred);
  });

  test("several numbers of steps share a slice out", async () => {
    const slice = ["--first", "2", "--count", "6", "--steps", "16,4,2", "--json"];
    const { stdout } = await rediffHere(...draft("slices.jsonl", ...slice));
    expect(JSON.parse(stdout)).toMatchObject({ records: 6, drafts: 6, made: 6, left_out: {} });
    const made = draftsIn("slices.jsonl").map(({ drafted }) => [drafted.record, drafted.steps]);
    expect(made).toEqual([
      [2, 16],
      [3, 16],
      [4, 4],
      [5, 4],
      [6, 2],
      [7, 2],
    ]);
  });

  test("shards are the whole, put together, and a run goes on from that", async () => {
    const options = ["--tokens-per-step", "2,8", "--temperature", "0.7", "--seed", "7"];
    await rediffHere(...draft("whole.jsonl", ...options));
    const shards = ["0/3", "1/3", "2/3"];
    for (const shard of shards)
      await rediffHere(...draft(`part-${shard[0]}.jsonl`, ...options, "--shard", shard, "--batch", "2"));
    const text = shards.map((shard) => readFileSync(at(`part-${shard[0]}.jsonl`), "utf8")).join("");
    const order = ({ drafted }: Draft) => Number(drafted.record);
    const parts = (jsonLines(text) as unknown as Draft[]).sort((a, b) => order(a) - order(b));
    expect(parts).toEqual(draftsIn("whole.jsonl"));
    writeFileSync(at("merged.jsonl"), text);
    const { stdout } = await rediffHere(...draft("merged.jsonl", ...options, "--json"));
    expect(JSON.parse(stdout)).toMatchObject({ records: 12, drafts: 12, made: 0 });
    expect(readFileSync(at("merged.jsonl"), "utf8")).toBe(text);
  });

  test("a folder of pictures with a question", async () => {
    mkdirSync(at("photos"));
    for (const name of PICTURES.slice(0, 2)) copyFileSync(`${pictureFolder}/${name}`, at(`photos/${name}`));
    writeFileSync(at("photos/notes.txt"), "about them");
    const options = ["--model", at("model"), "--gen-length", "8", "--output", at("photos.jsonl")];
    await rediffHere("data", "draft", at("photos"), ...options, "--prompt", "Tell me.");
    const [one, two] = draftsIn("photos.jsonl");
    expect(one).toMatchObject({ id: "color.jpg", img: at("photos/color.jpg"), ques: "<image>\nTell me." });
    expect(two).not.toHaveProperty("ans");
    const usual = await rediffHere("data", "draft", at("photos"), ...options.slice(0, -1), at("usual.jsonl"), "--json");
    expect(usual.status).toBe(0);
    expect(JSON.parse(usual.stdout)).toMatchObject({ drafts: 2, not_pictures: [{ name: "notes.txt", what: "text" }] });
    expect(draftsIn("usual.jsonl")[0]?.ques).toBe("<image>\nPlease describe the image in detail.");
  });
});

describe("records without a draft", () => {
  test("are named, counted, and tried again when they may succeed", async () => {
    writeFileSync(at("broken.jpg"), "no picture");
    writeLines(at("some.jsonl"), [
      record("A.", { image: `${pictureFolder}/color.jpg`, id: "good" }),
      record("B.", { image: at("late.jpg"), id: "late" }),
      record("C.", { id: "text" }),
      record("D.", { image: at("broken.jpg"), id: "broken" }),
    ]);
    const args = ["data", "draft", at("some.jsonl"), "--model", at("model"), "--gen-length", "8"];
    const first = await rediffHere(...args, "--output", at("some-out.jsonl"), "--json");
    expect(first.status).toBe(3);
    const left = { missing: 1, no_picture: 1, unusable: 1 };
    expect(JSON.parse(first.stdout)).toMatchObject({ records: 4, drafts: 1, made: 1, left_out: left });
    expect(JSON.parse(first.stdout)).toMatchObject({ left_out_file: at("some-out.jsonl.left-out.jsonl") });
    expect(first.stderr).toMatch(/left out: .*some\.jsonl:2 \(id "late"\): picture .*late\.jpg is missing/);
    expect(first.stderr).toMatch(/left out: .*broken\.jpg: /);
    const aside = jsonLines(readFileSync(at("some-out.jsonl.left-out.jsonl"), "utf8"));
    expect(aside.map(({ record: number, id, reason }) => [number, id, reason])).toEqual([
      [1, "late", "missing"],
      [2, "text", "no_picture"],
      [3, "broken", "unusable"],
    ]);

    copyFileSync(`${pictureFolder}/grey.jpg`, at("late.jpg"));
    const second = await rediffHere(...args, "--output", at("some-out.jsonl"));
    expect(second.stdout).toMatch(/2 drafts of 4 records \(1 of them new/);
    expect(second.stdout).toMatch(/left out: 1 \(records without a picture\)/);
    expect(second.stderr).toMatch(/^rediff: 1 of 4 records failed \(1: pictures or prompts[^\n]*\n$/); // nothing new is left out
    expect(draftsIn("some-out.jsonl").map(({ id }) => id)).toEqual(["good", "late"]);
    expect(jsonLines(readFileSync(at("some-out.jsonl.left-out.jsonl"), "utf8"))).toHaveLength(2);
  });

  test("empty drafts are left out, counted, and not made again", async () => {
    const silent = at("silent");
    writeTinyModel(silent, { seed: 3 });
    muteModel(silent);
    const args = ["data", "draft", at("data.jsonl"), "--model", silent, "--gen-length", "8", "--count", "3"];
    const run = () => rediffHere(...args, "--image-folder", pictureFolder, "--output", at("empty.jsonl"), "--json");
    const first = await run();
    expect(first.status).toBe(1);
    expect(JSON.parse(first.stdout)).toMatchObject({ drafts: 0, left_out: { empty: 3 } });
    expect(first.stderr).toMatch(/no record of 3 has a draft.*left-out\.jsonl says why/);
    expect(readFileSync(at("empty.jsonl"), "utf8")).toBe("");
    expect(JSON.parse((await run()).stdout)).toMatchObject({ drafts: 0, made: 0, seconds: 0, left_out: { empty: 3 } });
  });
});

/** Changes a tensor of a model folder in its file. */
function editTensor(folder: string, name: string, edit: (bytes: Buffer) => void): void {
  const file = `${folder}/model.safetensors`;
  const bytes = readFileSync(file);
  const length = Number(bytes.readBigUInt64LE(0));
  const header = JSON.parse(bytes.subarray(8, 8 + length).toString()) as Record<string, { data_offsets: number[] }>;
  const [start = 0, end = 0] = header[name]?.data_offsets ?? [];
  edit(bytes.subarray(8 + length + start, 8 + length + end));
  writeFileSync(file, bytes);
}

const vocabularyOf = (folder: string) =>
  (JSON.parse(readFileSync(`${folder}/tokenizer.json`, "utf8")) as { model: { vocab: Record<string, number> } }).model
    .vocab;

/** Makes whatever a model reads a tilde in no number: one row of its embedding, of 64 float32 values, is none. */
function damageTilde(folder: string): void {
  const row = (vocabularyOf(folder)["~"] as number) * 64 * 4;
  editTensor(folder, "model.embed_tokens.weight", (bytes) => bytes.fill(0xff, row, row + 64 * 4));
}

/** Makes a model say nothing but token 0, which becomes a special one: all logits are equal, and the first wins. */
function muteModel(folder: string): void {
  editTensor(folder, "lm_head.weight", (bytes) => bytes.fill(0));
  const tokenizer = JSON.parse(readFileSync(`${folder}/tokenizer.json`, "utf8")) as {
    model: { vocab: Record<string, number> };
    added_tokens: { id: number; content: string; special: boolean }[];
  };
  const first = Object.entries(tokenizer.model.vocab).find(([, id]) => id === 0)?.[0] as string;
  tokenizer.added_tokens.push({ id: 0, content: first, special: true });
  writeFileSync(`${folder}/tokenizer.json`, JSON.stringify(tokenizer));
}

describe("an output that is not a number", () => {
  const asking = (...questions: string[]) =>
    writeLines(
      at("asking.jsonl"),
      questions.map((value, i) => ({
        id: `q${i}`,
        image: `${pictureFolder}/color.jpg`,
        conversations: [{ from: "human", value }],
      })),
    );
  const run = (output: string, ...more: string[]) =>
    rediffHere(
      ...["data", "draft", at("asking.jsonl"), "--model", at("damaged"), "--gen-length", "8", "--json"],
      ...["--output", at(output), ...more],
    );
  beforeAll(() => {
    writeTinyModel(at("damaged"));
    damageTilde(at("damaged"));
  });

  test.each(["1", "4"])("is named and left out, and ends nothing else; %s at a time", async (batch) => {
    asking("~?", "What?", "A ~ B?", "Why?");
    const output = `numbers-${batch}.jsonl`;
    const { status, stdout, stderr } = await run(output, "--batch", batch);
    expect(status).toBe(3);
    expect(JSON.parse(stdout)).toMatchObject({ drafts: 2, made: 2, left_out: { not_a_number: 2 } });
    expect(stderr).toMatch(/left out: .*color\.jpg: the model's output is not a number at step 0/);
    expect(draftsIn(output).map(({ id }) => id)).toEqual(["q1", "q3"]);
    const aside = jsonLines(readFileSync(at(`${output}.left-out.jsonl`), "utf8"));
    expect(aside.map(({ id, reason }) => [id, reason])).toEqual([
      ["q0", "not_a_number"],
      ["q2", "not_a_number"],
    ]);
    // What another dtype may mend is tried again; what is there shows that the model is not to blame.
    expect(JSON.parse((await run(output)).stdout)).toMatchObject({ drafts: 2, made: 0, left_out: { not_a_number: 2 } });
  });

  test.each([3, 40])("%i of them and nothing else: the model is to blame, and no record is left out", async (count) => {
    asking(...Array.from({ length: count }, () => "~?"));
    const output = `hopeless-${count}.jsonl`;
    const { status, stdout, stderr } = await run(output, "--batch", "2");
    expect({ status, stdout }).toEqual({ status: 1, stdout: "" });
    expect(stderr).toMatch(/^rediff: the model's output is not a number at step 0; the weights may be damaged.*\n$/);
    expect(existsSync(at(`${output}.left-out.jsonl`))).toBe(false);
  });
});

describe("cut off", () => {
  const LONG = ["--steps", "96,48,24", "--gen-length", "96"];
  const stopped = (output: string, lines: number, signal: NodeJS.Signals) =>
    interrupted(draft(output, ...LONG), { file: at(output), lines, all: 12, signal });

  test("killed with -9 again and again: the same file as in one go", { timeout: 120_000 }, async () => {
    await rediffHere(...draft("uncut.jsonl", ...LONG));
    for (const count of [1, 6]) {
      expect((await stopped("killed.jsonl", count, "SIGKILL")).status).toBeNull();
      expect(linesOf(at("killed.jsonl")).length).toBeLessThan(12);
    }
    const { stdout } = await rediffHere(...draft("killed.jsonl", ...LONG, "--json"));
    const { made } = JSON.parse(stdout) as { made: number };
    expect(made).toBeGreaterThan(0);
    expect(made).toBeLessThanOrEqual(12 - 6);
    expect(readFileSync(at("killed.jsonl"), "utf8")).toBe(readFileSync(at("uncut.jsonl"), "utf8"));
  });

  test("SIGINT ends it with 130 and keeps what is done", { timeout: 60_000 }, async () => {
    expect(await stopped("interrupted.jsonl", 1, "SIGINT")).toEqual({
      status: 130,
      stdout: "",
      stderr: "rediff: interrupted\n",
    });
    expect(draftsIn("interrupted.jsonl").length).toBeGreaterThanOrEqual(1);
  });
});

describe("what goes on must go on with the same things", () => {
  test.each([
    ["another model", ["--model", "other"], /was drafted with checkpoint "sha256:.*", now it is "sha256:/],
    ["other steps", ["--steps", "4"], /was drafted with steps 8, now it is 4/],
    ["revision", ["--revise"], /was drafted with revise false, now it is true/],
    ["top-k", ["--revise-topk", "0.5"], /was drafted with revise_topk the default, now it is 0\.5/],
    ["pictures", ["--as-stored"], /was drafted with as_stored the default, now it is true/],
  ])("%s", async (_, more, message) => {
    if (!existsSync(at("other"))) writeTinyModel(at("other"), { seed: 9 });
    await rediffHere(...draft("fixed.jsonl", "--steps", "8", "--count", "2"));
    const before = readFileSync(at("fixed.jsonl"), "utf8");
    const changed = more.map((one) => (one === "other" ? at("other") : one));
    const { status, stderr } = await rediffHere(...draft("fixed.jsonl", "--steps", "8", "--count", "2", ...changed));
    expect(status).toBe(1);
    expect(stderr).toMatch(message);
    expect(stderr.trimEnd().split("\n")).toHaveLength(1);
    expect(readFileSync(at("fixed.jsonl"), "utf8")).toBe(before);
  });
});

describe("one clear line for what is wrong", () => {
  test.each([
    ["steps that do not fit", ["--steps", "3", "--block-length", "8"], /--steps 3 is not a multiple of the 2 blocks/],
    ["two ways to say it", ["--steps", "8", "--tokens-per-step", "2"], /exclude each other/],
    ["no number", ["--steps", "8,x"], /whole number/],
    ["a shard", ["--shard", "3/3"], /there is no shard 3 of 3/],
    ["too many records", ["--count", "13"], /13 records from 0 on were asked for, and the data has 12/],
    ["a question for data", ["--prompt", "What?"], /questions of its own/],
    ["compat", ["--compat"], /drafts have no --compat/],
  ])("%s", async (_, more, message) => {
    const { status, stderr, stdout } = await rediffHere(...draft("wrong.jsonl", ...more));
    expect([1, 2]).toContain(status);
    expect(stdout).toBe("");
    expect(stderr).toMatch(message);
    expect(stderr.trimEnd().split("\n")).toHaveLength(1);
    expect(existsSync(at("wrong.jsonl"))).toBe(false);
  });

  test("a file that holds something else is left alone", async () => {
    writeFileSync(at("notes.jsonl"), "my notes\n");
    const { status, stderr } = await rediffHere(...draft("notes.jsonl"));
    expect(status).toBe(1);
    expect(stderr).toMatch(/notes\.jsonl: line 1 is no draft of an earlier run/);
    expect(readFileSync(at("notes.jsonl"), "utf8")).toBe("my notes\n");
  });
});
