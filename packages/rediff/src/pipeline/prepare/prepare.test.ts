/** Public data sets in the layout in which they are published, a few records each. */
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { parquetWriteFile } from "hyparquet-writer";
import { describe, expect, test } from "vitest";
import { parse } from "yaml";
import { mixturePaths, readMixture } from "../../data/records/mixture.js";
import { indexFile } from "../../data/records/scan-file.js";
import { folderOfEachTest } from "../../testing/folders.js";
import { openRecords } from "../formats/record-source.js";
import { tarArchive, zipArchive } from "../formats/testing/archives.js";
import { prepareDataset, surveyDataset } from "./prepare.js";

const { at } = folderOfEachTest();

const JPEG = (text: string) => Buffer.concat([Buffer.from([0xff, 0xd8, 0xff]), Buffer.from(text)]);

function put(name: string, content: string | Uint8Array): void {
  mkdirSync(join(at("in", name), ".."), { recursive: true });
  writeFileSync(at("in", name), content);
}

const turns = (marker = "<image>\n") => [
  { from: "human", value: `${marker}What is it?` },
  { from: "gpt", value: "A dog." },
];

async function recordsOf(file: string): Promise<unknown[]> {
  const values: unknown[] = [];
  for await (const { value } of (await openRecords(at(file))).records()) values.push(value);
  return values;
}

const prepare = (name: Parameters<typeof prepareDataset>[0], options: { skipBad?: boolean; only?: string[] } = {}) =>
  prepareDataset(name, at("in"), { output: at("out"), maxRatio: 100, ...options });

describe("llava-pretrain", () => {
  const records = [
    { id: "004539375", image: "00453/004539375.jpg", conversations: turns() },
    { id: "002239345", image: "00223/002239345.jpg", conversations: turns() },
  ];
  const pictures = { "00453/004539375.jpg": JPEG("a"), "00223/002239345.jpg": JPEG("b") };

  function download(): void {
    put("blip_laion_cc_sbu_558k.json", JSON.stringify(records, null, 2));
    put("blip_laion_cc_sbu_558k_meta.json", "[]");
    put("README.md", "");
    put("images.zip", zipArchive(pictures));
  }

  test("becomes pictures, records under the name that recipes know, and a mixture", async () => {
    download();
    const events: string[] = [];
    const result = await prepareDataset("llava-pretrain", at("in"), {
      output: at("out"),
      maxRatio: 100,
      onProgress: ({ what, unit, done, total }) => events.push(`${what} ${unit} ${done === total}`),
    });
    expect(result.files).toEqual([
      {
        data: at("out/blip_laion_cc_sbu_558k.json"),
        mixture: at("out/blip_laion_cc_sbu_558k.yaml"),
        records: 2,
        left_out: 0,
        image_folder: at("out/images"),
        video_folder: undefined,
        notes: [],
      },
    ]);
    expect(result.archives).toMatchObject([{ archive: "images.zip", into: "images", files: 2 }]);
    expect(await recordsOf("out/blip_laion_cc_sbu_558k.json")).toEqual(records);
    expect(readFileSync(at("out/images/00453/004539375.jpg"))).toEqual(pictures["00453/004539375.jpg"]);
    expect(events).toContain("images.zip B true");
    expect(events).toContain("blip_laion_cc_sbu_558k.json records true");
  });

  test("the mixture is one that training reads, wherever the folder is", async () => {
    download();
    await prepare("llava-pretrain");
    renameSync(at("out"), at("moved"));
    const [entry] = await readMixture(at("moved/blip_laion_cc_sbu_558k.yaml"));
    const data = mixturePaths(entry!).find((path) => existsSync(path));
    expect(data).toBe(at("moved/blip_laion_cc_sbu_558k.json"));
    expect((await indexFile(data!)).count).toBe(2);
    expect(parse(readFileSync(at("moved/blip_laion_cc_sbu_558k.yaml"), "utf8"))).toEqual({
      datasets: [{ json_path: "blip_laion_cc_sbu_558k.json", sampling_strategy: "all" }],
    });
  });

  test("without its archive it says what is missing and where to get it", async () => {
    download();
    rmSync(at("in/images.zip"));
    await expect(prepare("llava-pretrain")).rejects.toMatchObject({
      message: expect.stringMatching(/lacks images\.zip$/),
      hint: expect.stringMatching(/liuhaotian\/LLaVA-Pretrain/),
    });
    expect(existsSync(at("out"))).toBe(false);
  });

  test("a folder that someone unpacked is used where it is", async () => {
    download();
    rmSync(at("in/images.zip"));
    put("images/00453/004539375.jpg", JPEG("a"));
    put("images/00223/002239345.jpg", JPEG("b"));
    const result = await prepare("llava-pretrain");
    expect(result.archives).toEqual([]);
    expect(result.files).toMatchObject([{ records: 2, image_folder: at("in/images") }]);
  });

  test("pictures that no archive holds are counted; --skip-bad leaves their records out", async () => {
    download();
    put("images.zip", zipArchive({ "00453/004539375.jpg": JPEG("a") }));
    await expect(prepare("llava-pretrain")).rejects.toThrow(
      /of 2 records, 1 name pictures or videos that are not there \(first: .*blip_laion_cc_sbu_558k\.json:\d+: 00223/,
    );
    expect(existsSync(at("out/blip_laion_cc_sbu_558k.json"))).toBe(false);
    const result = await prepare("llava-pretrain", { skipBad: true });
    expect(result.archives).toMatchObject([{ wasDone: true }]);
    expect(result.files).toMatchObject([{ records: 1, left_out: 1 }]);
    expect(result.files[0]?.notes[0]).toMatch(/^1 name pictures/);
  });

  test("an archive with a folder more, and names with a folder more", async () => {
    download();
    put("images.zip", zipArchive({ "images/00453/004539375.jpg": JPEG("a"), "images/00223/002239345.jpg": JPEG("b") }));
    expect((await prepare("llava-pretrain")).files).toMatchObject([
      { records: 2, notes: ["names get images/ before them"] },
    ]);
    expect(await recordsOf("out/blip_laion_cc_sbu_558k.json")).toMatchObject([
      { image: "images/00453/004539375.jpg" },
      { image: "images/00223/002239345.jpg" },
    ]);
    rmSync(at("out"), { recursive: true });
    put("images.zip", zipArchive(pictures));
    put("blip_laion_cc_sbu_558k.json", JSON.stringify(records.map((r) => ({ ...r, image: `images/${r.image}` }))));
    expect((await prepare("llava-pretrain")).files).toMatchObject([
      { records: 2, notes: ["names lose their first folder"] },
    ]);
    expect(await recordsOf("out/blip_laion_cc_sbu_558k.json")).toEqual(records);
  });

  test("an unfinished download, an empty folder, no folder", async () => {
    download();
    put(".cache/huggingface/download/images.zip.abc.incomplete", "");
    await expect(prepare("llava-pretrain")).rejects.toThrow(
      /images\.zip\.abc\.incomplete \(its download is not finished\)/,
    );
    rmSync(at("in"), { recursive: true });
    mkdirSync(at("in"));
    await expect(prepare("llava-pretrain")).rejects.toThrow(/no records of liuhaotian\/LLaVA-Pretrain are there/);
    rmSync(at("in"), { recursive: true });
    await expect(prepare("llava-pretrain")).rejects.toThrow(/no such file or folder/);
  });

  test("two runs at a time for one folder: the second is refused", async () => {
    download();
    const results = await Promise.allSettled([prepare("llava-pretrain"), prepare("llava-pretrain")]);
    expect(results.map(({ status }) => status).sort()).toEqual(["fulfilled", "rejected"]);
    const refused = results.find((result) => result.status === "rejected");
    expect(String(refused?.reason)).toMatch(/another process is preparing/);
    expect(existsSync(at("out/.rediff-prepare.lock"))).toBe(false);
  });

  test("output and download may be one folder", async () => {
    download();
    await prepareDataset("llava-pretrain", at("in"), { output: at("in"), maxRatio: 100 });
    expect(await recordsOf("in/blip_laion_cc_sbu_558k.json")).toEqual(records);
    // And again: all is there.
    const again = await prepareDataset("llava-pretrain", at("in"), { output: at("in"), maxRatio: 100 });
    expect(again.archives).toMatchObject([{ wasDone: true }]);
    expect(again.files).toMatchObject([{ records: 2 }]);
  });
});

describe("llava-next", () => {
  const raw = "llava_next_raw_format";
  const record = { id: "1", conversations: turns(), data_source: raw, image: "coco/train2017/1.jpg" };

  test("raw format: eleven archives", async () => {
    put(`${raw}/${raw}_processed.json`, JSON.stringify([record]));
    for (let number = 1; number <= 11; number++) {
      const picture = number === 7 ? record.image : `vg/VG_100K/${number}.jpg`;
      put(`${raw}/${raw}_images_${number}.tar.gz`, gzipSync(tarArchive({ [picture]: JPEG(`${number}`) })));
    }
    const result = await prepare("llava-next");
    expect(result.archives.map(({ archive }) => archive).slice(0, 3)).toEqual(
      [1, 2, 3].map((number) => `${raw}/${raw}_images_${number}.tar.gz`),
    );
    expect(await recordsOf(`out/${raw}_processed.json`)).toEqual([
      { id: "1", image: "coco/train2017/1.jpg", conversations: turns(), data_source: raw },
    ]);
    rmSync(at(`in/${raw}/${raw}_images_7.tar.gz`));
    await expect(prepare("llava-next")).rejects.toThrow(
      /lacks llava_next_raw_format\/llava_next_raw_format_images_7\.tar\.gz/,
    );
  });

  test("parquet: pictures inside, text-only records, names that two pictures share", async () => {
    const rows = [
      { id: "1", image: { bytes: JPEG("a"), path: "1.jpg" } },
      { id: "2", image: { bytes: JPEG("b"), path: "1.jpg" } },
      { id: "3", image: null },
    ];
    const shard = (name: string, part: typeof rows) =>
      parquetWriteFile({
        filename: at("in/data", name),
        columnData: [
          { name: "id", data: part.map(({ id }) => id) },
          { name: "conversations", data: part.map(({ image }) => turns(image === null ? "" : undefined)) },
          { name: "image", data: part.map(({ image }) => image) },
        ],
        schema: [
          { name: "root", num_children: 3 },
          { name: "id", type: "BYTE_ARRAY", converted_type: "UTF8", repetition_type: "OPTIONAL" },
          { name: "conversations", repetition_type: "OPTIONAL", converted_type: "LIST", num_children: 1 },
          { name: "list", repetition_type: "REPEATED", num_children: 1 },
          { name: "element", repetition_type: "OPTIONAL", num_children: 2 },
          { name: "from", type: "BYTE_ARRAY", converted_type: "UTF8", repetition_type: "OPTIONAL" },
          { name: "value", type: "BYTE_ARRAY", converted_type: "UTF8", repetition_type: "OPTIONAL" },
          { name: "image", repetition_type: "OPTIONAL", num_children: 2 },
          { name: "bytes", type: "BYTE_ARRAY", repetition_type: "OPTIONAL" },
          { name: "path", type: "BYTE_ARRAY", converted_type: "UTF8", repetition_type: "OPTIONAL" },
        ],
      });
    mkdirSync(at("in/data"), { recursive: true });
    shard("train-00000-of-00002.parquet", rows.slice(0, 1));
    await expect(prepare("llava-next")).rejects.toThrow(/lacks data\/train-\*-of-00002\.parquet: 1 of 2: 00001/);
    shard("train-00001-of-00002.parquet", rows.slice(1));
    expect((await prepare("llava-next")).files).toMatchObject([{ records: 3, image_folder: at("out/images") }]);
    expect(await recordsOf(`out/${raw}_processed.json`)).toEqual([
      { id: "1", image: "1.jpg", conversations: turns() },
      { id: "2", image: "1-2.jpg", conversations: turns() },
      { id: "3", conversations: turns("") },
    ]);
    expect(readFileSync(at("out/images/1-2.jpg"))).toEqual(JPEG("b"));
  });
});

describe("mammoth-vl", () => {
  const single = [{ id: 1, image: "LLaVA-OneVision-Data/a/1.jpg", conversations: turns(), source: "a" }];
  const vision = [
    { id: 2, image: ["M4-Instruct-Data/x/1.jpg", "M4-Instruct-Data/x/2.jpg"], conversations: turns("<image><image>") },
    { id: 3, image: null, video: "academic/1.mp4", conversations: turns() },
    { id: 4, image: null, conversations: turns("") },
  ];

  function download(): void {
    put("mammoth_si_10M.json", JSON.stringify(single));
    put("mammoth_ov_2M.json", JSON.stringify(vision));
    const members = [
      ["single_image_data", 100, { "LLaVA-OneVision-Data/a/1.jpg": JPEG("s") }],
      ["multi_image_data", 20, { "M4-Instruct-Data/x/1.jpg": JPEG("1"), "M4-Instruct-Data/x/2.jpg": JPEG("2") }],
      ["video_data", 20, { "academic/1.mp4": "film" }],
    ] as const;
    for (const [folder, count, content] of members)
      for (let number = 1; number <= count; number++)
        put(
          `${folder}/shard_${number}.tar.gz`,
          gzipSync(tarArchive(number === 1 ? content : { [`${folder}-${number}`]: "x" })),
        );
  }

  test("two files of records, pictures of both kinds and videos", async () => {
    download();
    const result = await prepare("mammoth-vl");
    expect(result.archives).toHaveLength(140);
    expect(result.files).toMatchObject([
      { data: at("out/mammoth_si_10M.json"), records: 1, image_folder: at("out/images"), video_folder: undefined },
      {
        data: at("out/mammoth_ov_2M.json"),
        records: 3,
        image_folder: at("out/images"),
        video_folder: at("out/videos"),
      },
    ]);
    expect(await recordsOf("out/mammoth_ov_2M.json")).toEqual([
      { id: 2, image: vision[0]?.image, conversations: turns("<image><image>") },
      { id: 3, video: "academic/1.mp4", conversations: turns() },
      { id: 4, conversations: turns("") },
    ]);
    expect(readFileSync(at("out/videos/academic/1.mp4"), "utf8")).toBe("film");
  });

  test("a part of it, chosen or because nothing else was downloaded", async () => {
    download();
    const result = await prepare("mammoth-vl", { only: ["mammoth_si_10M"] });
    expect(result.files).toMatchObject([{ records: 1 }]);
    expect(result.archives).toHaveLength(100);
    expect(existsSync(at("out/videos"))).toBe(false);
    rmSync(at("in/mammoth_ov_2M.json"));
    rmSync(at("in/video_data"), { recursive: true });
    rmSync(at("in/multi_image_data"), { recursive: true });
    expect((await surveyDataset("mammoth-vl", at("in"))).missing).toEqual([]);
    await expect(prepare("mammoth-vl", { only: ["mammoth_ov"] })).rejects.toThrow(
      /--only mammoth_ov: mammoth-vl has no such part/,
    );
  });

  test("missing archives are named, in short where there are many", async () => {
    download();
    rmSync(at("in/multi_image_data/shard_5.tar.gz"));
    rmSync(at("in/video_data"), { recursive: true });
    const { missing } = await surveyDataset("mammoth-vl", at("in"));
    expect(missing).toEqual([
      "multi_image_data/shard_5.tar.gz",
      "video_data/shard_1.tar.gz ... video_data/shard_20.tar.gz (20 of 20 archives)",
    ]);
    const result = await prepare("mammoth-vl", { skipBad: true });
    expect(result.files).toMatchObject([{ records: 1 }, { records: 2, left_out: 1 }]);
    expect(result.missing).toEqual(missing);
  });
});

describe("visualwebinstruct", () => {
  const records = [
    { image: ["visualwebinstruct/image_1.png"], conversations: turns() },
    { image: null, conversations: turns("") },
    { image: ["ai2d/1.png", "coco/2.jpg"], conversations: turns("<image><image>") },
  ];
  const pictures = { "visualwebinstruct/image_1.png": "p", "ai2d/1.png": "q", "coco/2.jpg": "r" };
  const jsonl = records.map((record) => `${JSON.stringify(record)}\n`).join("");
  const expected = [records[0], { conversations: turns("") }, records[2]];

  test.each([
    ["images.zip", () => zipArchive(pictures)],
    [
      "imgs.tar.gz",
      () => gzipSync(tarArchive(Object.fromEntries(Object.entries(pictures).map(([k, v]) => [`imgs/${k}`, v])))),
    ],
  ])("JSONL and %s", async (name, archive) => {
    put("mixed_conversation.jsonl", jsonl);
    put("visualwebinstruct_qa.jsonl", "");
    put(name, archive());
    const [file] = (await prepare("visualwebinstruct")).files;
    expect(file).toMatchObject({ records: 3, data: at("out/mixed_conversation.json") });
    const prefix = name.startsWith("imgs") ? "imgs/" : "";
    expect(await recordsOf("out/mixed_conversation.json")).toEqual(
      expected.map((record) =>
        record && "image" in record ? { ...record, image: record.image?.map((one) => prefix + one) } : record,
      ),
    );
  });

  test("split archives, one part missing", async () => {
    put("mixed_conversation.jsonl", jsonl);
    const zip = zipArchive(pictures);
    put("images.zip.part-aa", zip.subarray(0, 100));
    put("images.zip.part-ac", zip.subarray(200));
    await expect(prepare("visualwebinstruct")).rejects.toThrow(/the part after images\.zip\.part-aa is missing/);
    put("images.zip.part-ab", zip.subarray(100, 200));
    expect((await prepare("visualwebinstruct")).files).toMatchObject([{ records: 3 }]);
  });

  test("malformed records are counted, and broken ones end it with file and line", async () => {
    put("images.zip", zipArchive(pictures));
    put("mixed_conversation.jsonl", `${jsonl}{"conversations": []}\n{"image": 5, "conversations": [{}]}\n`);
    await expect(prepare("visualwebinstruct")).rejects.toThrow(
      /2 are malformed \(first: .*mixed_conversation\.jsonl:4: it has no conversations\)/,
    );
    expect((await prepare("visualwebinstruct", { skipBad: true })).files).toMatchObject([{ records: 3, left_out: 2 }]);
    put("mixed_conversation.jsonl", `${jsonl}{"conversations": [\n`);
    await expect(prepare("visualwebinstruct", { skipBad: true })).rejects.toThrow(
      /mixed_conversation\.jsonl:4: broken JSON/,
    );
  });

  test("a name that leaves the folder is never there", async () => {
    put("images.zip", zipArchive(pictures));
    writeFileSync(at("secret.png"), "secret");
    put(
      "mixed_conversation.jsonl",
      `${jsonl}${JSON.stringify({ image: "../../secret.png", conversations: turns() })}\n`,
    );
    await expect(prepare("visualwebinstruct")).rejects.toThrow(/1 name pictures or videos that are not there/);
  });
});
