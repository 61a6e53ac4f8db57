import { writeFileSync } from "node:fs";
import { beforeAll, describe, expect, test } from "vitest";
import type { UserError } from "../../errors.js";
import { folderOfFile } from "../../testing/folders.js";
import { record, tarOf, writeLines } from "../testing/record-files.js";
import { type DataFile, openRecords, type Records } from "./record-list.js";
import { RecordReader } from "./record-reader.js";

const { at, path: folder } = folderOfFile();

const named = (name: string, count: number) => Array.from({ length: count }, (_, i) => record(`${name}${i}`));

beforeAll(() => {
  writeFileSync(at("a.json"), JSON.stringify(named("a", 10), undefined, 2));
  writeLines(at("b.jsonl"), named("b", 5));
  writeFileSync(at("c.json"), JSON.stringify(named("c", 3)));
});

async function answers(records: Records): Promise<string[]> {
  await using reader = new RecordReader();
  const all = Array.from({ length: records.count }, (_, i) => reader.read(records.place(i)));
  return (await Promise.all(all)).map(({ turns }) => turns[1]?.content ?? "");
}

const open = async (data: string | DataFile | (string | DataFile)[], seed?: number) =>
  answers(await openRecords(data, seed === undefined ? {} : { seed }));

const lines = (text: string) => text.split(" ");

describe("openRecords", () => {
  test("reads files, brace lists and lists of them one behind the other", async () => {
    expect(await open(at("b.jsonl"))).toEqual(lines("b0 b1 b2 b3 b4"));
    expect(await open(at("{c,a}.json"))).toEqual(lines("c0 c1 c2 a0 a1 a2 a3 a4 a5 a6 a7 a8 a9"));
    expect(await open([at("c.json"), { json_path: at("b.jsonl"), sampling_strategy: "end:2" }])).toEqual(
      lines("c0 c1 c2 b3 b4"),
    );
  });

  test("a share of a brace list is a share of its files together", async () => {
    const take = (sampling_strategy: string) => open({ json_path: at("{c,a}.json"), sampling_strategy });
    expect(await take("first:4")).toEqual(lines("c0 c1 c2 a0"));
    expect(await take("end:2")).toEqual(lines("a8 a9"));
    expect((await take("random:50%")).length).toBe(7);
  });

  test("mixtures take their shares, rounded up", async () => {
    writeFileSync(
      at("mix.yaml"),
      `# a comment
datasets:
  - json_path: ${at("a.json")}
    sampling_strategy: first:15%
  - json_path: b.jsonl
    sampling_strategy: end:2
  - json_path: ${at("c.json")}
`,
    );
    expect(await open(at("mix.yaml"))).toEqual(lines("a0 a1 b3 b4 c0 c1 c2"));
  });

  test("random takes distinct records, the same for the same seed", async () => {
    writeFileSync(
      at("random.yaml"),
      `datasets:\n  - {json_path: a.json, sampling_strategy: "random:6"}\n  - {json_path: a.json, sampling_strategy: "random:50%"}\n`,
    );
    const first = await open(at("random.yaml"), 1);
    expect(first).toHaveLength(11);
    expect(new Set(first.slice(0, 6)).size).toBe(6);
    expect(await open(at("random.yaml"), 1)).toEqual(first);
    expect(await open(at("random.yaml"), 2)).not.toEqual(first);
    // Two entries of one file choose independently.
    expect(first.slice(0, 5)).not.toEqual(first.slice(6));
  });

  test.each([
    ["datasets: []", /datasets: Too small/],
    ["files: []", /Expected datasets/],
    ["datasets: [{json_path: a.json, weight: 2}]", /datasets\.0: Unrecognized key: "weight"/],
    ["datasets: [{json_path: a.json, sampling_strategy: some:3}]", /sampling_strategy is "some:3"; expected all/],
    ["datasets: [{json_path: a.json, sampling_strategy: 'first:101%'}]", /at most 100%/],
    ["datasets: [{json_path: a.json, sampling_strategy: 'first:-1'}]", /expected all, first:N/],
    ["datasets: [{json_path: none.json}]", /none\.json is missing; tried none\.json, .*\/none\.json/],
    ["datasets: [", /bad\.yaml:1: Flow sequence/],
    ["datasets: [{json_path: inner.yaml}]\ndatasets: []", /bad\.yaml:2: datasets: the key is there twice/],
    ["datasets: [{json_path: a.json, sampling_strategy: 'end:0'}]", /no records/],
  ])("refuses the mixture %s", async (content, message) => {
    writeFileSync(at("bad.yaml"), content);
    const error = (await openRecords(at("bad.yaml")).catch((reason: unknown) => reason)) as UserError;
    expect(error.name).toBe("UserError");
    expect(error.line).toMatch(message);
  });

  test("refuses an empty data set, folders, and what is not there", async () => {
    writeFileSync(at("nothing.json"), "[]");
    await expect(open(at("nothing.json"))).rejects.toThrow(/nothing\.json: no records/);
    await expect(open(folder)).rejects.toThrow(/is a folder; expected a data file/);
    await expect(open(at("{a,z}.json"))).rejects.toThrow(/z\.json: no such file/);
    await expect(open({ json_path: at("mix.yaml"), sampling_strategy: "first:3" })).rejects.toThrow(
      /a mixture cannot be sampled itself/,
    );
  });

  test("tells how far it is", async () => {
    const seen: number[] = [];
    await openRecords([at("a.json"), at("b.jsonl")], { onProgress: (done, total) => seen.push(done / total) });
    expect(seen.at(-1)).toBe(1);
  });
});

describe("records that cannot be read", () => {
  test("are told with file, line and reason", async () => {
    const good = JSON.stringify(record("x"));
    const bad: [string, RegExp][] = [
      ['{"conversations": [', /broken JSON \(.*\)/],
      [`{"conversations": [], "x": NaN}`, /broken JSON .* JSON has no NaN/],
      ['{"image": "a.jpg"}', /has no conversations; its keys are image/],
      ['{"conversations": []}', /conversations: has no turns/],
      ['{"conversations": [{"from": "human"}]}', /conversations\.0: a turn needs from and value/],
      ['{"conversations": [{"from": "robot", "value": "hi"}]}', /a turn is from "robot"\. Use human, gpt or system/],
      ['{"conversations": [{"from": "human", "value": " "}]}', /its conversation has no words/],
      ['{"conversations": [{"from": "human", "value": "x"}], "image": 3}', /image: expected a file name or a list/],
      ['{"conversations": [{"from": "human", "value": "x"}], "image": ""}', /image: is empty/],
      ['{"conversations": [{"from": "human", "value": "x"}], "image": "a", "video": "b"}', /both image and video/],
      ['{"conversations": [{"from": "human", "value": "x"}], "revise": [{"org": "a"}]}', /revise\.0\.target: /],
    ];
    writeLines(at("bad.jsonl"), ["", good, ...bad.map(([line]) => line), good]);
    const records = await openRecords(at("bad.jsonl"));
    expect(records.count).toBe(bad.length + 2);
    await using reader = new RecordReader();
    for (const [i, [, message]] of bad.entries()) {
      expect(records.place(i + 1).line).toBe(i + 3);
      const error = (await reader.read(records.place(i + 1)).catch((reason: unknown) => reason)) as UserError;
      expect(error.line).toMatch(message);
    }
    await expect(reader.read(records.place(bad.length + 1))).resolves.toMatchObject({ images: [] });
  });

  test("a file that changed under the index is told, and read again when it is back", async () => {
    const file = writeLines(at("shrinks.jsonl"), named("s", 4));
    const records = await openRecords(file);
    writeFileSync(file, "");
    await using reader = new RecordReader();
    await expect(reader.read(records.place(3))).rejects.toThrow(/become shorter since it was indexed/);
  });
});

describe("WebDataset shards", () => {
  const json = (value: Record<string, unknown>) => JSON.stringify(value);

  test("give records with their pictures' bytes", async () => {
    const picture = new Uint8Array([1, 2, 3]);
    writeFileSync(
      at("shard-000.tar"),
      tarOf([
        { name: "dir/", content: "", type: "5" },
        { name: "dir/s1.json", content: json(record("one", { image: "any/name.jpg", id: 7 })) },
        { name: "dir/s1.jpg", content: picture },
        { name: "dir/s2.json", content: json(record("two")) },
        { name: "README", content: "no field" },
        { name: `${"long/".repeat(30)}s3.json`, content: json(record("three")) },
        { name: `${"long/".repeat(30)}s3.10.png`, content: new Uint8Array([10]) },
        { name: `${"long/".repeat(30)}s3.9.png`, content: new Uint8Array([9]) },
      ]),
    );
    writeFileSync(at("shard-001.tar"), tarOf([{ name: "../../s4.json", content: json(record("four")) }]));
    const records = await openRecords(at("shard-{000..001}.tar"));
    expect(await answers(records)).toEqual(lines("one two three four"));
    await using reader = new RecordReader();
    const [one, , three, four] = await Promise.all([0, 1, 2, 3].map((i) => reader.read(records.place(i))));
    expect(one!.images).toEqual([{ name: "dir/s1.jpg", bytes: picture }]);
    expect(one!.source).toEqual({ file: at("shard-000.tar"), index: 0, id: "7" });
    // By the number in the field, not by its letters.
    expect(three!.images.map((image) => (image as { bytes: Uint8Array }).bytes[0])).toEqual([9, 10]);
    // A name that leads out of every folder is only a name.
    expect(four!.images).toEqual([]);
  });

  test("put pictures in the order in which the record names them", async () => {
    const image = ["k.b.jpg", "k.a.jpg"];
    writeFileSync(
      at("order.tar"),
      tarOf([
        { name: "k.a.jpg", content: "A" },
        { name: "k.b.jpg", content: "B" },
        { name: "k.json", content: json(record("x", { image })) },
      ]),
    );
    await using reader = new RecordReader();
    const records = await openRecords(at("order.tar"));
    const { images } = await reader.read(records.place(0));
    expect(images.map((one) => (one as { name: string }).name)).toEqual(image);
  });

  test("keep a faulty sample to itself", async () => {
    writeFileSync(
      at("faulty.tar"),
      tarOf([
        { name: "a.jpg", content: "A" },
        { name: "b.json", content: json(record("x", { image: ["1.jpg", "2.jpg"] })) },
        { name: "b.jpg", content: "B" },
        { name: "c.json", content: json(record("x")) },
        { name: "c.json", content: json(record("x")) },
        { name: "d.json", content: json(record("fine")) },
      ]),
    );
    const records = await openRecords(at("faulty.tar"));
    expect(records.count).toBe(4);
    await using reader = new RecordReader();
    const read = (i: number) => reader.read(records.place(i));
    await expect(read(0)).rejects.toThrow(/sample a has no json, only jpg/);
    await expect(read(1)).rejects.toThrow(/image names 2 pictures, the shard holds 1/);
    await expect(read(2)).rejects.toThrow(/sample c has json twice/);
    await expect(read(3)).resolves.toMatchObject({ images: [] });
  });

  test("a shard that is cut off or damaged is refused whole", async () => {
    const whole = tarOf([
      { name: "a.json", content: json(record("x")) },
      { name: "a.jpg", content: new Uint8Array(2000) },
    ]);
    writeFileSync(at("cut.tar"), whole.subarray(0, 512 + 512 + 512 + 700));
    await expect(openRecords(at("cut.tar"))).rejects.toThrow(/cut off at byte 1024, in a\.jpg, of which 1300 bytes/);
    writeFileSync(at("header.tar"), whole.subarray(0, 1024 + 100));
    await expect(openRecords(at("header.tar"))).rejects.toThrow(/cut off at byte 1024, in a header/);
    const damaged = Buffer.from(whole);
    damaged[1030] = 0xff;
    writeFileSync(at("damaged.tar"), damaged);
    await expect(openRecords(at("damaged.tar"))).rejects.toThrow(/no tar header at byte 1024/);
    // Some tools leave the two closing blocks out.
    writeFileSync(at("unclosed.tar"), tarOf([{ name: "a.json", content: json(record("x")) }]).subarray(0, 1024));
    expect((await openRecords(at("unclosed.tar"))).count).toBe(1);
  });

  test("reads what the tar program writes, long names and all", async () => {
    const { create } = await import("tar");
    const name = `${"n".repeat(120)}.json`;
    writeFileSync(at(name), json(record("from tar")));
    await create({ file: at("npm.tar"), cwd: folder, portable: false }, [name]);
    expect(await open(at("npm.tar"))).toEqual(["from tar"]);
  });
});
