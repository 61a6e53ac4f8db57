/** Real lmms-eval drives our server on a task of its own, and we evaluate the same documents: the numbers are the same to the
 *  last digit, and its samples score here as they scored there. It needs a Python that has lmms-eval:
 *
 *      REDIFF_LMMS_EVAL=/path/to/python npx vitest run packages/rediff/src/cli/end-to-end/lmms-eval.test.ts */
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { evaluate } from "../../evaluation/running/evaluate.js";
import { jsonLines, rediff, startProgram, startRediff } from "../../testing/command-line.js";
import { folderOfFile } from "../../testing/folders.js";

const python = process.env.REDIFF_LMMS_EVAL;
const why =
  python === undefined
    ? "REDIFF_LMMS_EVAL names no Python"
    : spawnSync(python, ["-c", "import lmms_eval.evaluator"]).status !== 0
      ? `${python} has no lmms-eval that can be imported`
      : undefined;

const { at, path: root } = folderOfFile();
const COUNT = 6;
const QUESTION = "Please describe the image in detail.";

/** As lmms-eval has tasks, and as we have. */
const theirs = (data: string) => `task: scene_names
dataset_path: json
dataset_kwargs:
  data_files:
    test: ${data}
test_split: test
output_type: generate_until
doc_to_visual: !function utils.pictures
doc_to_text: !function utils.question
doc_to_target: target
process_results: !function utils.score
generation_kwargs:
  max_new_tokens: 48
  temperature: 0
metric_list:
  - metric: contains
    aggregation: mean
    higher_is_better: true
`;
const ours = `task: scene_names
dataset: local/scene-names
prompt: "${QUESTION}"
images: [image]
target: target
metric: contains
settings: {steps: 48, gen_length: 48}
`;
const utils = `from PIL import Image


def pictures(doc):
    return [Image.open(doc["image"]).convert("RGB")]


def question(doc):
    return "${QUESTION}"


def score(doc, results):
    return {"contains": float(doc["target"].lower() in results[0].lower())}
`;

interface Made {
  data: string;
  tasks: string;
}

/** Scenes, and of each the name of its first object. */
async function makeTask(): Promise<Made> {
  const scenes = await rediff(
    ["scenes", "generate", "--count", String(COUNT), "--seed", "9001", "--output", "scenes"],
    { cwd: root },
  );
  expect(scenes.status, scenes.stderr).toBe(0);
  const rows = jsonLines(readFileSync(at("scenes/scenes.jsonl"), "utf8")).map((scene) => ({
    image: at("scenes", String(scene.image)),
    target: (scene.scene as { objects: { name: string }[] }).objects[0]?.name,
  }));
  const tasks = at("tasks");
  mkdirSync(tasks);
  writeFileSync(at("test.jsonl"), rows.map((row) => `${JSON.stringify(row)}\n`).join(""));
  writeFileSync(join(tasks, "scene_names.yaml"), theirs(at("test.jsonl")));
  writeFileSync(join(tasks, "utils.py"), utils);
  writeFileSync(at("own.yaml"), ours);
  const local = rows.map(({ image, target }) => ({ image: image.slice(at("scenes").length + 1), target }));
  writeFileSync(at("scenes/test.jsonl"), local.map((row) => `${JSON.stringify(row)}\n`).join(""));
  return { data: at("scenes/test.jsonl"), tasks };
}

/** What lmms-eval's own readers make of a run's files: scores by document, results, and the table that it prints. */
const readers = `import json, sys
from lmms_eval.baselines.loader import load_baseline
from lmms_eval.utils import make_table

scores, results = load_baseline(sys.argv[1], "scene_names")
results.setdefault("n-samples", {})
print(json.dumps({"scores": scores, "results": results["results"], "table": make_table(results)}))
`;

interface Read {
  scores: Record<string, number>;
  results: Record<string, Record<string, unknown>>;
  table: string;
}

async function readByTheirs(samples: string): Promise<Read> {
  const { status, stdout, stderr } = await startProgram(python ?? "", ["-c", readers, samples], { cwd: root }).done;
  expect(status, stderr).toBe(0);
  return JSON.parse(stdout.trim().split("\n").at(-1) ?? "");
}

/** The file whose name ends so, of the newest run. */
function fileOf(folder: string, end: string): string {
  const names = readdirSync(folder, { recursive: true, encoding: "utf8" }).filter((name) => name.endsWith(end));
  expect(names, `${end} in ${folder}`).toHaveLength(1);
  return join(folder, names[0] ?? "");
}

describe.skipIf(why !== undefined)(`lmms-eval${why === undefined ? "" : ` (skipped: ${why})`}`, () => {
  test("gets from our server what we get, and scores it as we do", { timeout: 900_000 }, async () => {
    const { data, tasks } = await makeTask();
    const { child, done } = await startRediff(["serve", "--port", "0", "--threads", "1", "--name", "scenes"], {
      cwd: root,
      env: { REDIFF_API_KEY: "" },
    });
    try {
      const url = await new Promise<string>((found) => {
        child.stderr.on("data", (text: string) => {
          const [, address] = /the API: (\S+?)\)/.exec(text) ?? [];
          if (address !== undefined) found(address);
        });
      });
      const args = [
        ...["-m", "lmms_eval", "--model", "openai", "--tasks", "scene_names", "--include_path", tasks],
        ...["--model_args", `model_version=scenes,base_url=${url},api_key=none,timeout=600`],
        ...["--batch_size", "1", "--log_samples", "--output_path", at("theirs")],
      ];
      const env = { HF_DATASETS_OFFLINE: "1", HF_HOME: at("hf"), OPENAI_API_KEY: "none", PYTHONDONTWRITEBYTECODE: "1" };
      const run = await startProgram(python ?? "", args, { cwd: root, env }).done;
      expect(run.status, run.stderr).toBe(0);
      expect(existsSync(at("theirs")), `lmms-eval left no results:\n${run.stderr}`).toBe(true); // with status 0, too
    } finally {
      child.kill("SIGTERM");
      await done;
    }
    const own = await rediff(["evaluate", "own.yaml", "--data", data, "--output", "ours", "--threads", "1"], {
      cwd: root,
    });
    expect(own.status, own.stderr).toBe(0);

    const results = JSON.parse(readFileSync(fileOf(at("theirs"), "_results.json"), "utf8")).results.scene_names;
    const mine = JSON.parse(readFileSync(fileOf(at("ours"), "_results.json"), "utf8")).results.scene_names;
    for (const key of ["contains,none", "contains_stderr,none"]) expect(mine[key], key).toBe(results[key]);

    const samples = fileOf(at("theirs"), "samples_scene_names.jsonl");
    const replies = (path: string) =>
      jsonLines(readFileSync(path, "utf8")).map((line) => line.filtered_resps ?? line.resps);
    expect(replies(samples).flat(2)).toHaveLength(COUNT);
    const [again] = await evaluate(undefined, { tasks: [at("own.yaml")], data, answers: samples });
    expect(again?.scores?.metrics.contains).toBe(results["contains,none"]);
    expect(existsSync(at("ours/report.html"))).toBe(true);

    const [read, readOurs] = [
      await readByTheirs(samples),
      await readByTheirs(fileOf(at("ours"), "samples_scene_names.jsonl")),
    ];
    expect(Object.keys(readOurs.scores)).toHaveLength(COUNT);
    expect(readOurs.scores).toEqual(read.scores);
    for (const key of ["contains,none", "contains_stderr,none"])
      expect(readOurs.results.scene_names?.[key]).toBe(read.results.scene_names?.[key]);
    const line = (table: string) =>
      table
        .split("\n")
        .find((row) => row.includes("contains"))
        ?.split("|")
        .map((cell) => cell.trim());
    expect(line(readOurs.table)?.slice(3)).toEqual(line(read.table)?.slice(3));
  });
});
