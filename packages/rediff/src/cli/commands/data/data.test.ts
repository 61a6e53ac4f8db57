/** `rediff data prepare, convert, mix, vicrit, select` as users run them: arguments in; stdout, stderr, files and exit status
 *  out. What they do in detail is tested beside data/prepare and data/correction. */
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { zipArchive } from "../../../pipeline/formats/testing/archives.js";
import { jsonLines, rediff, rediffHere } from "../../../testing/command-line.js";
import { folderOfFile } from "../../../testing/folders.js";
import { dataCommand } from "./data.js";

const { at } = folderOfFile();
/** A folder without weights: only the tokenizer may be needed. */
const model = fileURLToPath(new URL("../../../text/testdata/tokenizer", import.meta.url));

function put(name: string, content: string | Uint8Array): string {
  mkdirSync(dirname(at(name)), { recursive: true });
  writeFileSync(at(name), content);
  return at(name);
}

const lines = (records: readonly unknown[]) => records.map((record) => `${JSON.stringify(record)}\n`).join("");
const json = (name: string) => JSON.parse(readFileSync(at(name), "utf8")) as unknown;

const turns = [
  { from: "human", value: "<image>\nWhat is it?" },
  { from: "gpt", value: "A dog." },
];

/** In a process of its own, where neither libtorch nor a cache can be had. */
async function alone(...args: string[]) {
  const cache = at("cache");
  mkdirSync(cache, { recursive: true });
  const result = await rediff(["data", ...args], { env: { REDIFF_CACHE: cache, LIBTORCH: at("no-libtorch") } });
  expect(readdirSync(cache).filter((name) => name !== "locks")).toEqual([]);
  return result;
}

describe("help", () => {
  test.each(dataCommand().commands.map((command) => command.name()))("data %s --help", async (name) => {
    const { status, stdout, stderr } = await rediffHere("data", name, "--help");
    expect([status, stderr]).toEqual([0, ""]);
    expect(stdout).toMatch(new RegExp(`^Usage: rediff data ${name} `));
    expect(stdout).toContain(`$ rediff data ${name} `);
    const command = dataCommand().commands.find((other) => other.name() === name);
    for (const option of command!.options) expect(option.hidden || option.description, option.flags).not.toBe("");
  });

  test("data alone lists the subcommands and fails", async () => {
    const { status, stdout, stderr } = await rediffHere("data");
    expect([status, stdout]).toEqual([2, ""]);
    for (const command of dataCommand().commands) expect(stderr).toContain(`\n  ${command.name()} `);
  });

  test.each<[string[], RegExp]>([
    [["mixx"], /^rediff: unknown command 'mixx' \(Did you mean mix\?\)/],
    [["mix"], /^rediff: required option '--normal_data <FILE>' not specified/],
    [["mix", "--normal_data", "a.json", "--inference_data", "b.json"], /^rediff: there is no --output/],
    [
      ["mix", "--normal_data", "a", "--inference_data", "b", "--output", "c.json", "--seed", "x"],
      /whole number from 0/,
    ],
    [["convert", "a.json"], /^rediff: missing required argument 'OUT'/],
    [["convert", "none.json", "out.jsonl"], /^rediff: none\.json: no such file/],
    [["convert", "none.json", "out.csv"], /^rediff: .*(ends in \.json|no such file)/],
    [
      ["prepare", "imagenet", "x", "--output", "y"],
      /Allowed choices are llava-pretrain, llava-next, mammoth-vl, visualwebinstruct/,
    ],
    [["prepare", "llava-pretrain", "none", "--output", "y"], /^rediff: none: no such file or folder/],
    [["vicrit", "a.json", "--output", "b.json"], /required option '--model/],
    [
      ["select", "a.json", "--model", "none", "--output", "b.json", "--report", "/dev/null"],
      /^rediff: \/dev\/null is a device\. Name a file/,
    ],
    [["select", "a.json", "--model", "none", "--output", "b.txt"], /^rediff: b\.txt: expected a name that ends in/],
  ])("%j: one line", async (args, message) => {
    const { status, stdout, stderr } = await rediffHere("data", ...args);
    expect([status, stdout]).toEqual([2, ""]);
    expect(stderr).toMatch(message);
    expect(stderr.match(/\n/g)).toHaveLength(1);
  });
});

describe("data prepare", () => {
  const pictures = { "00453/1.jpg": "a", "00453/2.jpg": "b" };
  const records = Object.keys(pictures).map((image, id) => ({ id: `${id}`, image, conversations: turns }));

  function download(name: string): string {
    put(`${name}/blip_laion_cc_sbu_558k.json`, JSON.stringify(records));
    put(`${name}/images.zip`, zipArchive(pictures));
    return at(name);
  }

  test("prints what was made and how a recipe names it; --json the same as a line", async () => {
    const folder = download("pretrain");
    const first = await alone("prepare", "llava-pretrain", folder, "--output", at("prepared"));
    expect(first).toEqual({
      status: 0,
      stderr: "",
      stdout:
        "1 archive: 2 files unpacked (2 B), 0 were there\n" +
        `${at("prepared/blip_laion_cc_sbu_558k.json")}: 2 records\n` +
        `  in a recipe: data=${at("prepared/blip_laion_cc_sbu_558k.yaml")} image_folder=${at("prepared/images")}\n`,
    });
    expect(json("prepared/blip_laion_cc_sbu_558k.json")).toEqual(records);
    const again = await rediffHere("data", "prepare", "llava-pretrain", folder, "--output", at("prepared"), "--json");
    expect(jsonLines(again.stdout)).toMatchObject([
      {
        dataset: "llava-pretrain",
        archives: [{ archive: "images.zip", wasDone: true, present: 2 }],
        files: [{ data: at("prepared/blip_laion_cc_sbu_558k.json"), records: 2, left_out: 0 }],
        missing: [],
      },
    ]);
  });

  test("--check writes nothing; its exit status tells whether all is there", async () => {
    const folder = download("checked");
    const whole = await rediffHere("data", "prepare", "llava-pretrain", folder, "--output", at("nothing"), "--check");
    expect(whole).toMatchObject({ status: 0, stderr: "" });
    expect(whole.stdout).toMatch(/^found {4}blip_laion_cc_sbu_558k\.json\nfound {4}1 archive, \d+ B\n$/);
    rmSync(join(folder, "images.zip"));
    const lacking = await rediffHere("data", "prepare", "llava-pretrain", folder, "--output", at("nothing"), "--check");
    expect(lacking.status).toBe(1);
    expect(lacking.stdout).toMatch(/\nMISSING {2}images\.zip\nDownload the data set liuhaotian\/LLaVA-Pretrain/);
    const asJson = await rediffHere("data", "prepare", "llava-pretrain", folder, "--output", "x", "--check", "--json");
    expect(asJson.status).toBe(1);
    expect(jsonLines(asJson.stdout)).toMatchObject([{ missing: ["images.zip"], unfinished: [] }]);
    expect(existsSync(at("nothing"))).toBe(false);
  });

  test("an incomplete download is one line on stderr", async () => {
    const folder = download("incomplete");
    rmSync(join(folder, "images.zip"));
    const { status, stdout, stderr } = await rediffHere(
      "data",
      "prepare",
      "llava-pretrain",
      folder,
      "--output",
      at("no"),
    );
    expect([status, stdout]).toEqual([1, ""]);
    expect(stderr).toMatch(
      /^rediff: .* lacks images\.zip\. Download the data set liuhaotian\/LLaVA-Pretrain .*--skip-bad\.\n$/,
    );
  });
});

describe("data convert", () => {
  test("JSONL to parquet and back, byte for byte", async () => {
    const records = [
      { id: 1, conversations: turns },
      { id: 2, conversations: [], meta: { a: [null] } },
    ];
    const input = put("convert/in.jsonl", lines(records));
    expect(await alone("convert", input, at("convert/x.parquet"))).toEqual({
      status: 0,
      stderr: "",
      stdout: `${at("convert/x.parquet")}: 2 records\n`,
    });
    const back = await rediffHere("data", "convert", at("convert/x.parquet"), at("convert/out.jsonl"), "--json");
    expect(jsonLines(back.stdout)).toEqual([{ output: at("convert/out.jsonl"), records: 2, pictures: 0 }]);
    expect(readFileSync(at("convert/out.jsonl"), "utf8")).toBe(lines(records));
  });

  test("pictures go into a parquet file and come out of it", async () => {
    put("convert/images/a/1.jpg", "picture");
    const input = put("convert/pictures.jsonl", lines([{ image: "a/1.jpg" }, {}]));
    await rediffHere("data", "convert", input, at("convert/p.parquet"), "--images", at("convert/images"));
    const out = at("convert/out-images");
    const { stdout } = await rediffHere(
      "data",
      "convert",
      at("convert/p.parquet"),
      at("convert/p.json"),
      "--images",
      out,
    );
    expect(stdout).toBe(`${at("convert/p.json")}: 2 records, 1 picture written to ${out}\n`);
    expect(readFileSync(join(out, "a/1.jpg"), "utf8")).toBe("picture");
    expect(json("convert/p.json")).toEqual([{ image: "a/1.jpg" }, {}]);
  });

  test("a bad line: file, line, and nothing written", async () => {
    const input = put("convert/bad.jsonl", '{"a": 1}\n{"a": \n');
    const { status, stderr } = await rediffHere("data", "convert", input, at("convert/bad.json"));
    expect(status).toBe(1);
    expect(stderr).toMatch(/^rediff: .*bad\.jsonl:2: broken JSON .*\n$/);
    expect(existsSync(at("convert/bad.json"))).toBe(false);
  });
});

describe("data mix", () => {
  const one = (id: string) => ({ id, conversations: turns });
  const mix = (output: string, ...more: string[]) => [
    "mix",
    "--normal_data",
    put("mix/normal.jsonl", lines(["a", "b", "c", "d"].map(one))),
    "--inference_data",
    put("mix/reasoning.json", JSON.stringify(["X", "Y"].map(one))),
    output,
    at(`mix/${more[0] ?? "mixed"}.json`),
    ...more.slice(1),
  ];

  test("by the original's flag names; the seed decides", async () => {
    const first = await alone(...mix("--output"));
    expect(first).toMatchObject({ status: 0, stderr: "" });
    expect(first.stdout).toMatch(
      /mixed\.json: 6 records, 4 normal and 2 of reasoning, 2:1 in turn; \/think after [012] of 2 questions \(seed 42\)\n$/,
    );
    const mixed = json("mix/mixed.json") as ReturnType<typeof one>[];
    expect(mixed.map(({ id }) => id)).toEqual(["a", "b", "X", "c", "d", "Y"]);
    expect(mixed[0]?.conversations[0]?.value).toBe("<image>\nWhat is it? /no_think");
    await rediffHere("data", ...mix("--output_path", "again", "--seed", "42"));
    expect(readFileSync(at("mix/again.json"))).toEqual(readFileSync(at("mix/mixed.json")));
    const asJson = await rediffHere("data", ...mix("--output", "third", "--json", "--seed", "7"));
    expect(jsonLines(asJson.stdout)).toMatchObject([{ records: 6, ratio: { normal: 2, inference: 1 }, seed: 7 }]);
  });

  test("never writes over what it reads", async () => {
    const normal = put("mix/self.json", JSON.stringify([one("a")]));
    const { status, stderr } = await rediffHere(
      ...["data", "mix", "--normal_data", normal, "--inference_data", normal, "--output", normal],
    );
    expect([status, stderr]).toEqual([2, expect.stringMatching(/is read and cannot be written to/)]);
    expect(json("mix/self.json")).toEqual([one("a")]);
  });
});

describe("data vicrit", () => {
  const item = (original: string, changed: string, right: string, wrong: string) => ({
    ...{ image: "a/x1.jpg", problem: "Describe.", original_caption: original, changed_caption: changed },
    ...{ solution_original: right, solution_target: wrong },
  });

  test("keeps equal counts of tokens, and tells what it dropped", async () => {
    const input = put(
      "vicrit/in.json",
      JSON.stringify([
        item("A c x.", "A s x.", "c", "s"),
        item("A c x.", "A much longer one.", "c", "s"),
        item("A c x.", "A s x.", "c", "s s s s"),
        item("A c x.", "A s x.", "c", "z"),
      ]),
    );
    const args = ["vicrit", input, "--model", model, "--output", at("vicrit/out.json")];
    const { status, stdout, stderr } = await alone(...args);
    expect([status, stderr]).toEqual([0, ""]);
    expect(stdout).toBe(
      `${at("vicrit/out.json")}: 2 of 4 items\n` +
        "  dropped, the captions have different numbers of tokens: 1\n" +
        "  dropped, the phrases have different numbers of tokens: 1\n" +
        "  kept, but training cannot use it, the draft does not hold the phrase: 1\n",
    );
    expect(json("vicrit/out.json")).toMatchObject([{ revise: [{ org: "s", target: "c" }] }, { image: "x1.jpg" }]);
    const strict = await rediffHere("data", ...args, "--strict", "--json");
    const report = { dropped: { caption_tokens: 1, phrase_tokens: 1 }, unusable: { not_in_draft: 1 } };
    expect(jsonLines(strict.stdout)).toEqual([{ output: at("vicrit/out.json"), items: 4, kept: 1, ...report }]);
    // Several files, such as the parquet shards that are published.
    await rediffHere("data", "convert", input, at("vicrit/in.parquet"));
    const two = await rediffHere("data", "vicrit", at("vicrit/in.parquet"), input, ...args.slice(2), "--json");
    expect(jsonLines(two.stdout)).toMatchObject([{ items: 8, kept: 4 }]);
  });
});

describe("data select", () => {
  const draft = { img: "dir/1.jpg", ques: "<image>\nDescribe.", ans: "A c x.", pred: "A s x." };
  const reply = (org: string, target: string) => JSON.stringify([{ org, target }]);
  const corrected = [
    { ...draft, id: "q1", revise: `\`\`\`json\n${reply("s", "c")}\n\`\`\``, expert: { model: "expert" } },
    { ...draft, revise: "Right." },
    { ...draft, revise: reply("z", "c") },
  ];

  test("writes records, a report, and says why what was dropped", async () => {
    const input = put("select/in.jsonl", lines(corrected));
    const args = [
      "select",
      input,
      "--model",
      model,
      "--output",
      at("select/out.jsonl"),
      "--report",
      at("select/report.json"),
    ];
    const { status, stdout, stderr } = await alone(...args);
    expect([status, stderr]).toEqual([0, ""]);
    expect(stdout).toBe(
      `${at("select/out.jsonl")}: 1 of 3 drafts, 1 of 2 pairs\n` +
        "  drafts dropped, the expert found nothing wrong: 1\n" +
        "  drafts dropped, no pair is left: 1\n" +
        "  pairs dropped, the draft does not hold the phrase: 1\n",
    );
    expect(jsonLines(readFileSync(at("select/out.jsonl"), "utf8"))).toEqual([
      {
        id: "q1",
        image: "dir/1.jpg",
        conversations: [
          { from: "human", value: draft.ques },
          { from: "gpt", value: draft.pred },
        ],
        revise: [{ org: "s", target: "c" }],
        provenance: { draft: { file: input, index: 0 }, ans: "A c x.", expert: { model: "expert" } },
      },
    ]);
    expect(json("select/report.json")).toMatchObject({
      drafts: 3,
      kept: 1,
      dropped: { right: 1, all_pairs_dropped: 1 },
      pairs: { total: 2, kept: 1, dropped: { not_in_draft: 1 } },
    });
  });

  test("--compat follows the original: no occurrence check, exact `right`, numbered, no provenance", async () => {
    const input = put("select/compat.json", JSON.stringify(corrected));
    const { stdout } = await rediffHere(
      ...["data", "select", input, "--model", model, "--output", at("select/compat-out.json"), "--compat", "--json"],
    );
    expect(jsonLines(stdout)).toMatchObject([{ compat: true, kept: 2, dropped: { not_json: 1 } }]);
    expect(json("select/compat-out.json")).toMatchObject([
      { id: 0, revise: [{ org: "s", target: "c" }] },
      { id: 1, revise: [{ org: "z", target: "c" }] },
    ]);
    expect(json("select/compat-out.json")).not.toHaveProperty([0, "provenance"]);
  });

  test("what is no draft is one line with its place", async () => {
    const input = put("select/bad.jsonl", `${lines(corrected.slice(0, 1))}{"img": "x.jpg"}\n`);
    const { status, stderr } = await rediffHere(
      ...["data", "select", input, "--model", model, "--output", at("select/bad-out.jsonl")],
    );
    expect([status, stderr]).toEqual([1, expect.stringMatching(/^rediff: .*bad\.jsonl:2: ques: .*\n$/)]);
    expect(existsSync(at("select/bad-out.jsonl"))).toBe(false);
  });
});
