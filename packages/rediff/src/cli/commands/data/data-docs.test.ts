/** Runs the commands of docs/data.md, in order, in a folder that holds each data set in the layout in which it is published,
 *  with a record or two. */
import { cpSync, mkdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { beforeAll, expect, test } from "vitest";
import { tarArchive, zipArchive } from "../../../pipeline/formats/testing/archives.js";
import { convertRecords } from "../../../pipeline/prepare/convert-records.js";
import { program, rediff, startProgram } from "../../../testing/command-line.js";
import { folderOfFile } from "../../../testing/folders.js";

const docs = readFileSync(new URL("../../../../../../docs/data.md", import.meta.url), "utf8");
const commands = [...docs.matchAll(/^```sh\n([\s\S]*?)^```$/gm)]
  .flatMap(([, block]) => (block ?? "").split("\n"))
  .filter((line) => line.startsWith("npx rediff data "));

const { at, path: root } = folderOfFile();

function put(name: string, content: string | Uint8Array): string {
  const path = at(name);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, content);
  return path;
}

const lines = (records: readonly unknown[]) => records.map((record) => `${JSON.stringify(record)}\n`).join("");
const about = (image?: unknown) => ({
  ...(image !== undefined && { image }),
  conversations: [
    { from: "human", value: `${image === undefined ? "" : "<image>\n"}What is it?` },
    { from: "gpt", value: "A dog." },
  ],
});

beforeAll(async () => {
  cpSync(fileURLToPath(new URL("../../../text/testdata/tokenizer", import.meta.url)), at("model/LLaDA-V"), {
    recursive: true,
  });

  put("downloads/LLaVA-Pretrain/blip_laion_cc_sbu_558k.json", JSON.stringify([about("00453/1.jpg")]));
  put("downloads/LLaVA-Pretrain/images.zip", zipArchive({ "00453/1.jpg": "picture" }));

  const next = "downloads/LLaVA-NeXT-Data";
  const raw = "llava_next_raw_format";
  put(`${next}/${raw}/${raw}_processed.json`, JSON.stringify([about("coco/train2017/1.jpg")]));
  for (let i = 1; i <= 11; i++)
    put(`${next}/${raw}/${raw}_images_${i}.tar.gz`, gzipSync(tarArchive({ [`coco/train2017/${i}.jpg`]: "picture" })));
  const images = dirname(put("made/1.jpg", "picture"));
  mkdirSync(at(next, "data"));
  for (let i = 0; i < 2; i++)
    await convertRecords(
      put(`made/${i}.jsonl`, lines([about("1.jpg"), about()])),
      at(next, `data/train-0000${i}-of-00002.parquet`),
      { images },
    );

  const mammoth = "downloads/MAmmoTH-VL-Instruct-12M";
  put(`${mammoth}/mammoth_si_10M.json`, JSON.stringify([about("single_image_data/1.jpg")]));
  put(`${mammoth}/mammoth_ov_2M.json`, JSON.stringify([about(["multi_image_data/1.jpg", "multi_image_data/2.jpg"])]));
  for (const [folder, count] of [
    ["single_image_data", 100],
    ["multi_image_data", 20],
    ["video_data", 20],
  ] as const)
    for (let i = 1; i <= count; i++)
      put(`${mammoth}/${folder}/shard_${i}.tar.gz`, gzipSync(tarArchive({ [`${folder}/${i}.jpg`]: "picture" })));

  const web = "downloads/VisualWebInstruct";
  put(`${web}/mixed_conversation.jsonl`, lines([about(["visualwebinstruct/1.png"]), { ...about(), image: null }]));
  put(`${web}/images.zip`, zipArchive({ "visualwebinstruct/1.png": "picture" }));

  const item = { image_path: "x/1.jpg", problem: "Describe.", original_caption: "A c x.", changed_caption: "A s x." };
  await convertRecords(
    put("made/vicrit.jsonl", lines([{ ...item, solution_original: "c", solution_target: "s" }])),
    at("downloads/ViCrit-Train/data/train-00000-of-00001.parquet"),
  );
  const draft = { img: "1.jpg", ques: "<image>\nDescribe.", ans: "A c x.", pred: "A s x." };
  put("drafts/corrected.jsonl", lines([{ ...draft, revise: '[{"org": "s", "target": "c"}]' }]));
  await rediff(["--version"]); // compiles
});

test("there are commands to run", () => {
  expect(commands.length).toBeGreaterThanOrEqual(12);
});

test.each(commands)("%s", async (command) => {
  const line = command.replace("npx rediff", `"${process.execPath}" "${program}"`);
  const { status, stderr } = await startProgram("sh", ["-c", line], { cwd: root }).done;
  expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
});

test("what they made is where the recipes look", () => {
  const recipes = ["llada-v/pretrain", "llada-v/sft-llava-next", "llada-v/si-10m", "llada-v/ov-2m"];
  for (const name of [...recipes, "llada-v/visualwebinstruct", "llada-v/mix-ov-vw", "rediff/stage2"]) {
    const recipe = readFileSync(new URL(`../../../../../../recipes/${name}.yaml`, import.meta.url), "utf8");
    const data = /^data: (\S+)/m.exec(recipe)?.[1];
    expect(statSync(at(data ?? "none")).isFile(), `${name}: ${data}`).toBe(true);
    const folder = /^image_folder: (\S+)/m.exec(recipe)?.[1] ?? "none";
    if (name.startsWith("llada-v/")) expect(statSync(at(folder)).isDirectory(), `${name}: ${folder}`).toBe(true);
  }
  const stage1 = readFileSync(new URL("../../../../../../recipes/rediff/stage1.yaml", import.meta.url), "utf8");
  expect(stage1).toContain("json_path: data/vicrit/vicrit_train_equaltokens.json");
  expect(statSync(at("data/vicrit/vicrit_train_equaltokens.json")).isFile()).toBe(true);
});
