/** Every command that writes, and what may be wrong with the place that it is told: one clear line before any work, and
 *  nothing of the user's is touched. A new command has to say here what it writes. */
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import type { Command } from "commander";
import { beforeAll, describe, expect, test } from "vitest";
import { rediffHere } from "../../testing/command-line.js";
import { faultyDisk } from "../../testing/disk-faults.js";
import { tokenizerFolder } from "../../testing/fixtures.js";
import { folderOfFile } from "../../testing/folders.js";
import { writeTinyModel } from "../../testing/tiny-model.js";
import { program } from "../main.js";
import { outputsOf } from "../options/outputs.js";

const { at } = folderOfFile();

interface Case {
  kind: "file" | "folder";
  /** The command with its output at a place. */
  to: (place: string) => string[];
  /** A file that it reads, and that must not be its output. */
  reads?: string;
  /** Whether the command can be carried out as it stands, in a moment. */
  isWhole?: true;
}

const records = "records.jsonl";
const set = (path: string) => `output=${path}`;

/** By the command's name, and the option where it has several outputs. */
const cases = (): Record<string, Case> => ({
  "caption --output": {
    kind: "file",
    to: (place) => ["caption", at("picture.png"), "--output", place],
    reads: at("picture.png"),
  },
  "caption --trace": { kind: "file", to: (place) => ["caption", at("picture.png"), "--trace", place] },
  "fill --trace": {
    kind: "file",
    to: (place) => ["fill", at("picture.png"), "--template", "A [[1]].", "--trace", place],
  },
  "evaluate --output": {
    kind: "folder",
    to: (place) => ["evaluate", "scenes_caption", "--limit", "1", "--model", at("model"), "--output", place],
  },
  "evaluate --report": {
    kind: "file",
    to: (place) => ["evaluate", "--compare", at("scenes"), at("model"), "--report", place],
  },
  train: { kind: "folder", to: (place) => ["train", at("train.yaml"), set(place)] },
  improve: { kind: "folder", to: (place) => ["improve", at("improve.yaml"), set(place)] },
  "data prepare": {
    kind: "folder",
    to: (place) => ["data", "prepare", "visualwebinstruct", at("download"), "--output", place],
  },
  "data convert": {
    kind: "file",
    to: (place) => ["data", "convert", at(records), place],
    reads: at(records),
    isWhole: true,
  },
  "data mix": {
    kind: "file",
    to: (place) => ["data", "mix", "--normal_data", at(records), "--inference_data", at(records), "--output", place],
    reads: at(records),
    isWhole: true,
  },
  "data vicrit": {
    kind: "file",
    to: (place) => ["data", "vicrit", at("vicrit.jsonl"), "--model", tokenizerFolder, "--output", place],
    reads: at("vicrit.jsonl"),
    isWhole: true,
  },
  "data draft --output": {
    kind: "file",
    to: (place) => ["data", "draft", at(records), "--model", at("model"), "--output", place],
    reads: at(records),
  },
  "data draft --unpack-to": {
    kind: "folder",
    to: (place) => [
      "data",
      "draft",
      at(records),
      "--model",
      at("model"),
      "--output",
      at("d.jsonl"),
      "--unpack-to",
      place,
    ],
  },
  "data correct": {
    kind: "file",
    to: (place) => ["data", "correct", at("drafts.jsonl"), "--output", place],
    reads: at("drafts.jsonl"),
  },
  "data select --output": {
    kind: "file",
    to: (place) => ["data", "select", at("drafts.jsonl"), "--model", tokenizerFolder, "--output", place],
    reads: at("drafts.jsonl"),
    isWhole: true,
  },
  "data select --report": {
    kind: "file",
    to: (place) => [
      ...["data", "select", at("drafts.jsonl"), "--model", tokenizerFolder],
      ...["--output", at("selected.jsonl"), "--report", place],
    ],
    reads: at("drafts.jsonl"),
  },
  "scenes generate": {
    kind: "folder",
    to: (place) => ["scenes", "generate", "--count", "2", "--output", place],
    isWhole: true,
  },
  "scenes conversations": {
    kind: "file",
    to: (place) => ["scenes", "conversations", "--truth", at("scenes/scenes.jsonl"), "--output", place],
    reads: at("scenes/scenes.jsonl"),
    isWhole: true,
  },
  "scenes corrupt": {
    kind: "file",
    to: (place) => ["scenes", "corrupt", "--truth", at("scenes/scenes.jsonl"), "--output", place],
    reads: at("scenes/scenes.jsonl"),
    isWhole: true,
  },
  "scenes tokenizer": { kind: "folder", to: (place) => ["scenes", "tokenizer", "--output", place], isWhole: true },
  "scenes model": {
    kind: "folder",
    to: (place) => ["scenes", "model", "--width", "32", "--layers", "1", "--output", place],
    isWhole: true,
  },
  "scenes tower": {
    kind: "folder",
    to: (place) => ["scenes", "tower", "--model", at("model"), "--output", place],
  },
  "recipe cp": { kind: "file", to: (place) => ["recipe", "cp", "first", place, "--force"], isWhole: true },
  convert: { kind: "folder", to: (place) => ["convert", at("llada"), place], isWhole: true },
  pull: { kind: "folder", to: (place) => ["pull", "nobody/nothing", "--cache-dir", place] },
});

const WRITE_NOTHING = [
  ...["launch", "refine", "chat", "serve", "data check", "scenes score", "scenes expert"],
  ...["recipe ls", "trace", "inspect", "doctor", "completion", "config", "mcp"],
];
/** Where the recipe says what is written. */
const BY_RECIPE = ["train", "improve"];

beforeAll(async () => {
  mkdirSync(at("download"));
  for (const name of ["picture.png", "drafts.jsonl", "vicrit.jsonl"]) writeFileSync(at(name), "");
  const turns = [
    { from: "human", value: "What?" },
    { from: "gpt", value: "A dog." },
  ];
  writeFileSync(at(records), `${JSON.stringify({ id: 1, conversations: turns })}\n`.repeat(50));
  const drafts = { id: 1, img: "a.png", ques: "What?", ans: "", pred: "A dog sat.", revise: "right" };
  writeFileSync(at("drafts.jsonl"), `${JSON.stringify(drafts)}\n`.repeat(3));
  const item = { image: "a.png", problem: "What?", original_caption: "A dog.", changed_caption: "A cat." };
  writeFileSync(
    at("vicrit.jsonl"),
    `${JSON.stringify({ ...item, solution_original: "dog", solution_target: "cat" })}\n`.repeat(3),
  );
  writeTinyModel(at("model"), { layers: 1 });
  writeTinyModel(at("llada"), { layers: 1, textOnly: true, naming: "original" });
  writeFileSync(at("train.yaml"), `model: ${at("model")}\ndata: ${at(records)}\noutput: unused\n`);
  writeFileSync(
    at("improve.yaml"),
    [
      `model: ${at("model")}`,
      "output: unused",
      `data: ${at(records)}`,
      "expert: {base_url: 'http://127.0.0.1:9/v1'}",
      `train: {recipe: ${at("train.yaml")}}`,
    ].join("\n"),
  );
  await rediffHere("scenes", "generate", "--count", "3", "--output", at("scenes"));
});

function leaves(command: Command, above = ""): { name: string; command: Command }[] {
  return command.commands.flatMap((one) => {
    const name = `${above}${one.name()}`;
    return one.commands.length > 0 ? leaves(one, `${name} `) : [{ name, command: one }];
  });
}

/** Of every file below a folder, its size. */
function contents(folder: string): string[] {
  const files = readdirSync(folder, { recursive: true, withFileTypes: true });
  return files.map((entry) => {
    const path = join(entry.parentPath, entry.name);
    return `${path}: ${entry.isFile() ? readFileSync(path, "latin1").length : "-"}`;
  });
}

function expectLine({ status, stderr }: { status: number | null; stderr: string }, of: RegExp, what: string): void {
  const line = stderr.trimEnd();
  expect(line, what).toMatch(/^rediff: [^\n]+\. [A-Z`][^\n]+$/);
  expect(line, what).toMatch(of);
  expect(line, what).not.toMatch(/\bE[A-Z]{3,}:|\n\s+at /);
  expect(status, what).toBeGreaterThan(0);
}

test("every command says here whether it writes, and every output of it is tried", () => {
  const known = Object.keys(cases());
  for (const { name, command } of leaves(program())) {
    const options = command.options.map(({ long, flags }) => ({ long, flags }));
    const written = options.filter(({ long }) =>
      ["--output", "--report", "--trace", "--unpack-to", "--cache-dir"].includes(long ?? ""),
    );
    if (WRITE_NOTHING.includes(name)) {
      expect(written, name).toEqual([]);
      expect(known.filter((one) => one === name)).toEqual([]);
      continue;
    }
    const own = known.filter((one) => one === name || one.startsWith(`${name} --`));
    expect(own.length, `${name}: how is it called, and what does it write?`).toBeGreaterThan(0);
    if (own[0] !== name) expect(own.sort(), name).toEqual(written.map(({ long }) => `${name} ${long}`).sort());
  }
});

test("outputs are known by what the help calls their values", () => {
  for (const [name, { kind, to }] of Object.entries(cases())) {
    if (BY_RECIPE.includes(name)) continue;
    const words = to("PLACE");
    let command: Command = program();
    while (command.commands.length > 0) {
      const next = command.commands.find((one) => one.name() === words[0]);
      if (next === undefined) break;
      words.shift();
      command = next;
    }
    command.parseOptions([...words]);
    const { operands } = command.parseOptions([...words]);
    command.processedArgs = operands;
    expect(
      outputsOf(command).find(({ path }) => path === "PLACE"),
      name,
    ).toMatchObject({ kind });
  }
});

describe.each(Object.entries(cases()).map(([name, one]) => ({ name, ...one })))(
  "$name",
  ({ name, kind, to, reads }) => {
    const safe = name.replaceAll(/\W+/g, "-");
    /** Runs it, and everything that was there is as before. */
    async function refused(place: string, of: RegExp): Promise<void> {
      const folder = at(safe);
      const before = contents(folder);
      const finished = await rediffHere(...to(place));
      expectLine(finished, of, `${name} to ${place.slice(0, 80)}`);
      expect(finished.status, finished.stderr).toBe(2); // nothing was begun
      expect(contents(folder)).toEqual(before);
    }
    const extension = kind === "file" ? ".jsonl" : "";

    test("tells in one line, before it begins, of a place that cannot be written", async () => {
      mkdirSync(at(safe));
      const own = (path: string) => join(at(safe), path);
      writeFileSync(own("file"), "mine");
      mkdirSync(own(`folder${extension}`));
      writeFileSync(own(`folder${extension}/mine`), "mine");
      symlinkSync(own("loop"), own("loop"));
      symlinkSync(own("nowhere/x"), own(`dangling${extension}`));

      await refused(own(`file/x${extension}`), /no folder/);
      await refused(own(`${"x".repeat(300)}${extension}`), /the name is too long\. Name a shorter one\.$/);
      await refused(own(`new/${"x".repeat(300)}/x${extension}`), /the name is too long/);
      await refused(own(`loop/x${extension}`), /link in the path leads to itself/);
      await refused(own(`dangling${extension}`), /is a link to what is not there\. Remove it/);
      if (kind === "file") await refused(own(`folder${extension}`), /is a folder\. Name a file\.$/);
      else await refused(own("file"), /is no folder\. Name a folder\.$/);
      // Nobody may make anything there, not even root.
      if (existsSync("/proc/self"))
        await refused(`/proc/rediff-test${extension}`, /rediff-test\S* cannot be written: [a-z]/);
    });

    test.skipIf(reads === undefined)("never takes what it reads for its output", async () => {
      const input = reads as string;
      const before = statSync(input).mtimeMs;
      const finished = await rediffHere(...to(input));
      expectLine(finished, /Name another (output|file)/, name);
      expect(finished.status).toBe(2);
      symlinkSync(input, at(`${safe}-link.jsonl`));
      expectLine(await rediffHere(...to(at(`${safe}-link.jsonl`))), /Name another (output|file)/, name);
      expect(statSync(input).mtimeMs).toBe(before);
    });
  },
);

describe.each(Object.entries(cases()).flatMap(([name, one]) => (one.isWhole ? [{ name, ...one }] : [])))(
  "$name on a disk that is full",
  ({ name, kind, to }) => {
    test("ends in one line with the remedy, and leaves what was there", async () => {
      const folder = at(`full-${name.replaceAll(/\W+/g, "-")}`);
      mkdirSync(folder);
      const place = join(folder, kind === "file" ? "out.jsonl" : "out");
      const run = async (at?: number) => {
        using disk = faultyDisk(folder, at === undefined ? undefined : { at, how: "ENOSPC", half: true });
        return { finished: await rediffHere(...to(place)), calls: disk.calls };
      };
      const { finished, calls } = await run();
      expect(finished.stderr.replace(/.*tensors.*\n/, ""), name).not.toMatch(/^rediff: /m);
      expect(finished.status, finished.stderr).toBe(0);
      const kinds = calls.map((call) => call.replace(/[\da-f]{12}|\d+/g, "N"));
      const points = new Set(kinds.flatMap((one) => [kinds.indexOf(one), kinds.lastIndexOf(one)]));
      for (const point of points) {
        if (!/^(open|write|writeFile|mkdir|copyFile|rename|sync) /.test(calls[point] ?? "")) continue; // these need room
        rmSync(place, { recursive: true, force: true });
        if (kind === "file") writeFileSync(place, "mine");
        const { finished: failed } = await run(point);
        if (failed.status === 0) continue; // it can do without that call
        expectLine(failed, /no space left on the disk.*Make room/, `${name}, ${calls[point]}`);
        if (kind === "file") expect(readFileSync(place, "utf8"), calls[point]).toBe("mine");
        expect(
          readdirSync(folder).filter((one) => one.startsWith(".") && !one.includes("removing")),
          `${name}, ${calls[point]}`,
        ).toEqual([]);
      }
    });
  },
);
