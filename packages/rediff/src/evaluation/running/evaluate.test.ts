/** Evaluation from data to files: answers, what fails, what is asked again, and what other programs read. */
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { describe, expect } from "vitest";
import { openPromise } from "yauzl";
import { type FakeExpert, startFakeExpert } from "../../pipeline/correction/testing/fake-expert.js";
import { jsonLines } from "../../testing/command-line.js";
import { test } from "../../testing/fixtures.js";
import { expectNoLeaks } from "../../testing/leaks.js";
import { fixturePath } from "../../vision/fixtures/pillow.js";
import { ownCaptions } from "../meteor/fixtures/own-tables.js";
import { writeMeteorTables } from "../meteor/fixtures/write-tables.js";
import { compareRuns } from "../results/compare-runs.js";
import { reportPage } from "../results/report-page.js";
import { readResults } from "../results/result-files.js";
import { resultTable } from "../results/result-table.js";
import { evaluate } from "./evaluate.js";

/** Questions of a data set that is ChartQA's in form. */
function chartData(folder: string, count: number, broken: readonly number[] = []): string {
  mkdirSync(folder, { recursive: true });
  writeFileSync(`${folder}/a.jpg`, readFileSync(fixturePath("color.jpg")));
  writeFileSync(`${folder}/broken.jpg`, "no picture");
  const rows = Array.from({ length: count }, (_, i) => ({
    ...{ type: i % 2 === 0 ? "human_test" : "augmented_test", question: `How many? ${i}`, answer: String(i) },
    image: broken.includes(i) ? "broken.jpg" : "a.jpg",
  }));
  writeFileSync(`${folder}/test.jsonl`, rows.map((row) => `${JSON.stringify(row)}\n`).join(""));
  return folder;
}

async function zipMembers(path: string): Promise<Map<string, string>> {
  const zip = await openPromise(path, { lazyEntries: true, autoClose: false });
  const members = new Map<string, string>();
  for await (const entry of zip.eachEntry()) {
    const pieces: Buffer[] = [];
    for await (const piece of await zip.openReadStreamPromise(entry)) pieces.push(piece as Buffer);
    members.set(entry.fileName, Buffer.concat(pieces).toString());
  }
  zip.close();
  return members;
}

const answersFile = (path: string, texts: Readonly<Record<number, string>>): string => {
  writeFileSync(
    path,
    Object.entries(texts)
      .map(([doc, answer]) => `{"doc":${doc},"answer":"${answer}"}\n`)
      .join(""),
  );
  return path;
};

describe("answers that are given", () => {
  test("are scored as the task says, without a model, by lines of ours or lmms-eval's", async ({ folder }) => {
    const data = chartData(`${folder}/data`, 4);
    const answers = answersFile(`${folder}/own.jsonl`, { 0: "0", 1: "1.04", 2: "7", 3: "3." });
    const [result] = await evaluate(undefined, { tasks: ["chartqa"], data, answers });
    expect(result?.scores?.metrics.relaxed_overall).toBeCloseTo(0.75);
    expect(result?.scores?.counts).toMatchObject({ answers: 4, failed: 0 });
    expect(resultTable([result!])).toContain("relaxed_overall");
    const theirs = `${folder}/samples.jsonl`;
    const samples = ["0", "1.04", "7", "3."].map((text, doc_id) => ({
      doc_id,
      resps: [[text]],
      filtered_resps: [text],
    }));
    writeFileSync(theirs, samples.map((line) => `${JSON.stringify(line)}\n`).join(""));
    const [again] = await evaluate(undefined, { tasks: ["chartqa"], data, answers: theirs });
    expect(again?.scores).toEqual(result?.scores);
  });

  test("that are missing count as wrong, are named, and the score of the others stands beside", async ({ folder }) => {
    const data = chartData(`${folder}/data`, 4);
    const answers = answersFile(`${folder}/own.jsonl`, { 0: "0", 2: "2" });
    const [result] = await evaluate(undefined, { tasks: ["chartqa"], data, answers });
    expect(result?.scores?.metrics.relaxed_overall).toBe(0.5);
    expect(result?.withoutFailed?.metrics.relaxed_overall).toBe(1);
    expect(result?.scores?.counts).toMatchObject({ answers: 4, failed: 2 });
    expect(result?.samples.map(({ error }) => error !== undefined)).toEqual([false, true, false, true]);
    expect(resultTable([result!])).toMatch(/2 failed, counted as wrong; without those that failed 1\.0000/);
  });

  test("of lmms-eval's lost requests are no answers", async ({ folder }) => {
    const data = chartData(`${folder}/data`, 2);
    const answers = answersFile(`${folder}/own.jsonl`, { 0: "0", 1: "[LMMS_EVAL_REQUEST_FAILED after 3 retries]" });
    const [result] = await evaluate(undefined, { tasks: ["chartqa"], data, answers });
    expect(result?.scores?.counts).toMatchObject({ answers: 2, failed: 1 });
  });

  test("of COCO are scored by METEOR too where its tables are named, and so are two runs beside each other", async ({
    folder,
  }) => {
    const data = `${folder}/data`;
    mkdirSync(data);
    writeFileSync(`${data}/a.jpg`, readFileSync(fixturePath("color.jpg")));
    const rows = ownCaptions.map(({ references }) => ({ image: "a.jpg", answer: references }));
    writeFileSync(`${data}/val.jsonl`, rows.map((row) => `${JSON.stringify(row)}\n`).join(""));
    const texts = ownCaptions.map(({ candidate }) => candidate || "a dog");
    const meteor = writeMeteorTables(`${folder}/meteor`);
    const score = (name: string, captions: readonly string[]) =>
      evaluate(undefined, {
        ...{ tasks: ["coco2017_cap_val"], data, meteor, output: `${folder}/${name}` },
        answers: answersFile(`${folder}/${name}.jsonl`, { ...captions }),
      });
    const [result] = await score("first", texts);
    const { metrics } = result?.scores ?? {};
    const [first] = result?.samples ?? [];
    expect(metrics?.coco_METEOR).toBeGreaterThan(0.2);
    expect(first?.scored?.scores.METEOR).toBe(1);
    await score("second", texts.toReversed());
    const [compared] = await compareRuns(`${folder}/first`, `${folder}/second`, { samples: 20 });
    const row = compared?.metrics.find(({ metric }) => metric === "coco_METEOR");
    expect(row?.first).toBe(metrics?.coco_METEOR);
    expect(row?.interval?.[1]).toBeLessThan(0);
    await expect(
      evaluate(undefined, { tasks: ["chartqa"], data, meteor, answers: `${folder}/first.jsonl` }),
    ).rejects.toThrow("meteor is for coco2017_cap_val, which is not asked for");
  });

  test("go into the file that a server takes, where the truth is hidden", async ({ folder }) => {
    mkdirSync(`${folder}/data`);
    writeFileSync(`${folder}/data/a.jpg`, readFileSync(fixturePath("color.jpg")));
    const rows = [7, 9].map((questionId) => ({ questionId: String(questionId), question: "What?", image: "a.jpg" }));
    writeFileSync(`${folder}/data/test.jsonl`, rows.map((row) => `${JSON.stringify(row)}\n`).join(""));
    const answers = answersFile(`${folder}/own.jsonl`, { 0: "red.", 1: "blue" });
    const output = `${folder}/out`;
    const [result] = await evaluate(undefined, { tasks: ["docvqa_test"], data: `${folder}/data`, answers, output });
    expect(result?.scores?.metrics).toEqual({});
    expect(JSON.parse(readFileSync(`${output}/submissions/docvqa_test_for_submission.json`, "utf8"))).toEqual([
      { questionId: 7, answer: "red" },
      { questionId: 9, answer: "blue" },
    ]);
    expect(resultTable([result!])).toContain("a server scores it");
  });

  test("of several tasks have one file of results as lmms-eval has it, and samples of the same date", async ({
    folder,
  }) => {
    const data = `${folder}/data`;
    mkdirSync(data);
    writeFileSync(`${data}/a.jpg`, readFileSync(fixturePath("color.jpg")));
    writeFileSync(`${data}/test.jsonl`, '{"questionId":"7","question":"What?","answer":"red","image":"a.jpg"}\n');
    const own = ["first", "second"].map((task) => {
      const text = `task: ${task}\nprompt: "{question}"\nimages: [image]\ntarget: answer\nmetric: exact_match\n`;
      writeFileSync(`${folder}/${task}.yaml`, text);
      return `${folder}/${task}.yaml`;
    });
    const answers = answersFile(`${folder}/own.jsonl`, { 0: "red" });
    const output = `${folder}/out`;
    for (let run = 0; run < 2; run++) await evaluate(undefined, { tasks: own, data, answers, output });
    const names = readdirSync(`${output}/answers`);
    const dates = names.filter((name) => name.endsWith("_results.json")).map((name) => name.slice(0, 15));
    expect(new Set(dates).size).toBe(2);
    expect(names.toSorted()).toEqual(
      dates
        .flatMap((date) => [`${date}_results.json`, `${date}_samples_first.jsonl`, `${date}_samples_second.jsonl`])
        .toSorted(),
    );
    const results = JSON.parse(readFileSync(`${output}/answers/${dates[0]}_results.json`, "utf8"));
    for (const key of ["results", "configs", "versions", "n-shot", "higher_is_better", "n-samples"])
      expect(Object.keys(results[key]), key).toEqual(["first", "second"]);
    expect(results.results.second["exact_match,none"]).toBe(1);
  });

  test("of MMBench's test split go into a spreadsheet, one row for each rotation", async ({ folder }) => {
    mkdirSync(`${folder}/data`);
    writeFileSync(`${folder}/data/a.jpg`, readFileSync(fixturePath("color.jpg")));
    const row = { ...{ question: "What <is>\nit?", hint: "nan", A: "cat", B: "dog & co", C: "nan" }, image: "a.jpg" };
    const rest = { category: "c", "L2-category": "l", source: "s", split: "test", answer: "nan" };
    const rows = [3, 1_000_003].map((index) => `${JSON.stringify({ index, ...row, ...rest })}\n`);
    writeFileSync(`${folder}/data/test.jsonl`, rows.join(""));
    const answers = answersFile(`${folder}/own.jsonl`, { 0: "A", 1: "=B" });
    const output = `${folder}/out`;
    await evaluate(undefined, { tasks: ["mmbench_en_test"], data: `${folder}/data`, answers, output });
    const members = await zipMembers(`${output}/submissions/mmbench_en_test_results.xlsx`);
    const [sheet = "", texts = ""] = ["xl/worksheets/sheet1.xml", "xl/sharedStrings.xml"].map((name) =>
      members.get(name),
    );
    const shared = [...texts.matchAll(/<si>.*?<t[^>]*>(.*?)<\/t>.*?<\/si>/gs)].map(([, text]) => text);
    const cells = [...sheet.matchAll(/<row .*?<\/row>/gs)].map(([line]) =>
      [...line.matchAll(/<c ([^>]*)><v>(.*?)<\/v><\/c>/gs)].map(([, kind = "", value]) =>
        kind.includes('t="s"') ? shared[Number(value)] : Number(value),
      ),
    );
    const asked = ["What &lt;is&gt;\nit?", "nan"];
    const options = ["nan", "s", "test", "c", "l", "cat", "dog &amp; co", "nan", "nan", "nan"];
    expect(cells).toEqual([
      [..."index question answer prediction hint source split category L2-category A B C D E".split(" ")],
      [3, ...asked, "A", ...options],
      [1_000_003, ...asked, "=B", ...options],
    ]);
  });
});

describe("a model", () => {
  const settings = { genLength: 4, steps: 2 };

  test("answers each question once, in parts or whole, and a broken picture is named and counts", async ({
    folder,
    model,
  }) => {
    expectNoLeaks();
    const data = chartData(`${folder}/data`, 6, [4]);
    const notes: string[] = [];
    const whole = { tasks: ["chartqa"], data, settings, batch: 3 };
    const [alone] = await evaluate(model, { ...whole, onNote: (line) => notes.push(line) });
    expect(notes).toHaveLength(1);
    expect(notes[0]).toMatch(/chartqa: document 4: .*broken\.jpg/);
    expect(alone?.samples[4]).toMatchObject({ reply: null });
    expect(alone?.scores?.counts).toMatchObject({ answers: 6, failed: 1 });

    const output = `${folder}/out`;
    for (const shard of ["1/2", "2/2"]) await evaluate(model, { ...whole, output, shard });
    const part = readFileSync(`${output}/chartqa/answers-1-of-2.jsonl`, "utf8");
    expect(jsonLines(part).map(({ doc }) => doc)).toEqual([0, 2]);
    expect(jsonLines(part)[0]?.origin).toMatchObject({
      task: "chartqa",
      options: { gen_length: 4, steps: 2, seed: 42 },
    });
    const [together] = await evaluate(model, { ...whole, output });
    expect(together?.samples.map(({ reply }) => reply)).toEqual(alone?.samples.map(({ reply }) => reply));
    expect(together?.scores).toEqual(alone?.scores);
    // All that has an answer was in the parts; the broken picture is tried again.
    expect(existsSync(`${output}/chartqa/answers.jsonl`)).toBe(false);
    expect(readFileSync(`${output}/chartqa/answers-1-of-2.jsonl`, "utf8")).toBe(part);
  });

  test("of other settings, or other data, does not go on with answers that are there", async ({ folder, model }) => {
    expectNoLeaks();
    const data = chartData(`${folder}/data`, 2);
    const run = { tasks: ["chartqa"], data, output: `${folder}/out` };
    await evaluate(model, { ...run, settings });
    await expect(evaluate(model, { ...run, settings: { ...settings, steps: 4 } })).rejects.toThrow(
      /answers\.jsonl:1 was made with steps 2, now it is 4/,
    );
    chartData(`${folder}/data`, 3);
    await expect(evaluate(model, { ...run, settings })).rejects.toThrow(/was made with data of/);
  });

  test("sees several pictures as squares, and a task of one's own is asked and scored", async ({ folder, model }) => {
    expectNoLeaks();
    const data = chartData(`${folder}/data`, 3);
    writeFileSync(
      `${folder}/own.yaml`,
      "task: mine\ndataset: me/mine\nprompt: 'Say {answer}.'\nimages: [image, image]\ntarget: answer\nmetric: contains\nsettings: {steps: 1, gen_length: 2}\n",
    );
    const [result] = await evaluate(model, { tasks: [`${folder}/own.yaml`], data: `${folder}/data/test.jsonl` });
    expect(result).toMatchObject({ task: "mine", protocol: "own", metric: "contains" });
    expect(result?.samples.map(({ prompt }) => prompt)).toEqual(["Say 0.", "Say 1.", "Say 2."]);
    expect(result?.scores?.counts).toMatchObject({ answers: 3, failed: 0 });
    expect(data).toBeTruthy();
  });

  test("is not scored with predictOnly, and its samples say so as lmms-eval's do", async ({ folder, model }) => {
    expectNoLeaks();
    const data = chartData(`${folder}/data`, 2);
    const output = `${folder}/out`;
    const [result] = await evaluate(model, { tasks: ["chartqa"], data, output, settings, predictOnly: true });
    expect(result?.scores).toBeUndefined();
    const samples = result?.files.find((file) => file.endsWith("samples_chartqa.jsonl")) ?? "";
    for (const line of jsonLines(readFileSync(samples, "utf8"))) expect(line).toHaveProperty("bypass");
    const results = result?.files.find((file) => file.endsWith("results.json")) ?? "";
    expect(JSON.parse(readFileSync(results, "utf8")).results.chartqa).toMatchObject({ "bypass,none": 999 });
  });
});

describe("what a run leaves", () => {
  async function twoRuns(folder: string) {
    const data = chartData(`${folder}/data`, 8);
    const first = answersFile(
      `${folder}/1.jsonl`,
      Object.fromEntries([0, 1, 2, 3, 4, 5, 6, 7].map((i) => [i, i < 4 ? String(i) : "none"])),
    );
    const second = answersFile(
      `${folder}/2.jsonl`,
      Object.fromEntries([0, 1, 2, 3, 4, 5, 6, 7].map((i) => [i, i === 0 ? "<b>99</b>" : String(i)])),
    );
    for (const [answers, output] of [
      [first, "a"],
      [second, "b"],
    ] as const)
      await evaluate(undefined, { tasks: ["chartqa"], data, answers, output: `${folder}/${output}` });
    return { first: `${folder}/a`, second: `${folder}/b` };
  }

  test("two runs are compared document by document", async ({ folder }) => {
    const { first, second } = await twoRuns(folder);
    const [compared] = await compareRuns(first, second);
    expect(compared).toMatchObject({ task: "chartqa", documents: 8, unpaired: 0, better: 4, worse: 1 });
    const overall = compared?.metrics.find(({ metric }) => metric === "relaxed_overall");
    expect(overall).toMatchObject({ first: 0.5, second: 0.875, difference: 0.375 });
    expect(overall?.interval?.[0]).toBeLessThan(0.375);
    expect(overall?.interval?.[1]).toBeGreaterThan(0.375);
    expect(compared?.different.map(({ index }) => index)).toEqual([0, 4, 5, 6, 7]);
    const [same] = await compareRuns(first, first);
    expect(same).toMatchObject({ different: [], better: 0, worse: 0 });
  });

  test("a report shows pictures and answers, takes no text for markup, and asks no network", async ({ folder }) => {
    const { first, second } = await twoRuns(folder);
    const page = reportPage(await readResults(second), await compareRuns(first, second));
    expect(page).toContain("data:image/webp;base64,");
    expect(page).toContain("&#60;b&#62;99");
    expect(page).not.toContain("<b>99");
    expect(page).not.toMatch(/<script|https?:\/\/|@import/);
    expect(page).toContain("default-src 'none'");
  });

  test("folders without results are told", async ({ folder }) => {
    mkdirSync(`${folder}/empty`);
    await expect(readResults(`${folder}/empty`)).rejects.toThrow(/has no results/);
    await expect(readResults(`${folder}/nowhere`)).rejects.toThrow(/no folder of results/);
    const { first } = await twoRuns(folder);
    writeFileSync(`${first}/chartqa/result.json`, '{"task":"chartqa"}');
    await expect(readResults(first)).rejects.toThrow(/result\.json: is no result: protocol/);
    expect(readdirSync(first)).toContain("chartqa");
  });
});

describe("a judge", () => {
  async function judged(folder: string, behave: FakeExpert["behave"]) {
    const fake = await startFakeExpert(behave);
    mkdirSync(`${folder}/data`, { recursive: true });
    writeFileSync(`${folder}/data/a.jpg`, readFileSync(fixturePath("color.jpg")));
    const rows = Array.from({ length: 12 }, (_, i) => ({ image: "a.jpg", caption: `reference ${i}` }));
    writeFileSync(`${folder}/data/references.jsonl`, rows.map((row) => `${JSON.stringify(row)}\n`).join(""));
    const answers = answersFile(`${folder}/own.jsonl`, Object.fromEntries(rows.map((_, i) => [i, `caption ${i}`])));
    const options = {
      ...{ tasks: ["clair"], data: `${folder}/data`, answers, output: `${folder}/out` },
      ...{ judgeUrl: fake.url, judgeModel: "fake", timeoutMs: 2000, firstWaitMs: 1, graceMs: 50 },
    };
    return { fake, options };
  }

  test("at a server that is slow, busy, cut off or speaks HTML loses nothing and is asked nothing twice", async ({
    folder,
  }) => {
    const reply = '{"score": 80, "reason": "alike"}';
    const troubles = [
      { status: 429, headers: { "retry-after": "0" }, body: { error: { message: "slow down" } } },
      { body: "<html><body>Bad gateway</body></html>" },
      { cutAfter: 40 },
      { reply, delayMs: 40 },
    ];
    let calls = 0;
    const seen = new Set<string>();
    const { fake, options } = await judged(folder, ({ text, system }) => {
      const key = `${system}${text}`;
      if (seen.has(key)) return { reply };
      seen.add(key);
      return { reply, ...troubles[calls++ % troubles.length] };
    });
    try {
      const [result] = await evaluate(undefined, options);
      expect(result?.scores?.metrics.clair).toBeCloseTo(0.8);
      expect(result?.scores?.counts).toMatchObject({ answers: 12, judged: 12, judge_failed: 0 });
      const before = fake.calls.length;
      expect((await evaluate(undefined, options))[0]?.scores).toEqual(result?.scores);
      expect(fake.calls.length).toBe(before);
    } finally {
      await fake.close();
    }
  });

  test("that gives no reply for some is counted, and asked for them again", async ({ folder }) => {
    let isIll = true;
    const { fake, options } = await judged(folder, ({ system, text }) =>
      isIll && /caption 3\b/.test(`${system}${text}`)
        ? { status: 500, body: "no" }
        : { reply: '{"score": 50, "reason": "x"}' },
    );
    try {
      const [result] = await evaluate(undefined, { ...options, retries: 1 });
      expect(result?.scores?.counts).toMatchObject({ answers: 12, judge_failed: 1 });
      expect(result?.scores?.metrics.clair_lost_as_zero).toBeCloseTo((0.5 * 11) / 12);
      isIll = false;
      const before = fake.calls.length;
      const [again] = await evaluate(undefined, options);
      expect(again?.scores?.counts).toMatchObject({ judged: 12, judge_failed: 0 });
      expect(fake.calls.length).toBe(before + 1);
    } finally {
      await fake.close();
    }
  });

  test("is demanded before anything is asked", async ({ folder }) => {
    const { fake, options } = await judged(folder, () => ({ reply: "" }));
    await fake.close();
    const { judgeUrl: _, judgeModel: __, ...without } = options;
    await expect(evaluate(undefined, without)).rejects.toThrow(/clair is scored by a judge/);
  });
});
