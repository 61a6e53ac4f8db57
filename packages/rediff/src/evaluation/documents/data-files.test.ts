/** Data sets as they lie about: what is found, and what is told of those that are wrong. */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { parquetWriteFile } from "hyparquet-writer";
import { describe, expect } from "vitest";
import { test } from "../../testing/fixtures.js";
import { fixturePath } from "../../vision/fixtures/pillow.js";
import { evaluate } from "../running/evaluate.js";
import { findTask } from "../task-registry.js";
import { chooseDocuments, parseShard } from "./chosen-documents.js";
import { findDataFiles } from "./data-files.js";
import { openDocuments, withoutBytes } from "./document-source.js";
import { picturesOf } from "./picture-columns.js";

const picture = readFileSync(fixturePath("color.jpg"));

const put = (path: string, text: string): void => {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text);
};
const lines = (rows: readonly object[]): string => rows.map((row) => `${JSON.stringify(row)}\n`).join("");

const chart = (i: number, more: object = {}) => ({
  type: "human_test",
  question: `How many? ${i}`,
  answer: String(i),
  ...more,
});

const mmmu = { name: "mmmu_val", source: { dataset: "lmms-lab/MMMU", splits: ["validation"] } };
const docvqa = { name: "docvqa_val", source: { dataset: "lmms-lab/DocVQA", config: "DocVQA", splits: ["validation"] } };

describe("a split's files", () => {
  test("are those that its name begins, in the data set's own folder or in one of many", async ({ folder }) => {
    for (const name of ["validation-00000-of-00002.jsonl", "validation-00001-of-00002.jsonl", "dev-00000.jsonl"])
      put(`${folder}/lmms-lab/MMMU/data/${name}`, "{}\n");
    put(`${folder}/lmms-lab/MMMU/dataset_infos.json`, "{}");
    const found = await findDataFiles(mmmu, folder);
    expect(found.files.map((file) => file.slice(file.lastIndexOf("/") + 1))).toEqual([
      "validation-00000-of-00002.jsonl",
      "validation-00001-of-00002.jsonl",
    ]);
    expect((await findDataFiles(mmmu, `${folder}/lmms-lab/MMMU`)).files).toEqual(found.files);
  });

  test("are those of the task's configuration, and a snapshot's commit is told", async ({ folder }) => {
    const commit = "a".repeat(40);
    const snapshot = `${folder}/snapshots/${commit}`;
    put(`${snapshot}/DocVQA/validation-00000-of-00001.jsonl`, "{}\n");
    put(`${snapshot}/InfographicVQA/validation-00000-of-00001.jsonl`, "{}\n");
    const { files, revision } = await findDataFiles(docvqa, snapshot);
    expect(files).toEqual([`${snapshot}/DocVQA/validation-00000-of-00001.jsonl`]);
    expect(revision).toBe(commit);
  });

  test("without a split in their names are all there is; with another split's they are none", async ({ folder }) => {
    put(`${folder}/a/questions.jsonl`, "{}\n");
    expect((await findDataFiles(mmmu, `${folder}/a`)).files).toEqual([`${folder}/a/questions.jsonl`]);
    put(`${folder}/b/test-00000.jsonl`, "{}\n");
    await expect(findDataFiles(mmmu, `${folder}/b`)).rejects.toThrow(
      /has no files of mmmu_val: lmms-lab\/MMMU, validation/,
    );
    await expect(findDataFiles(mmmu, `${folder}/nowhere`)).rejects.toThrow(/there is no/);
  });
});

describe("pictures", () => {
  test("inside of parquet are bytes, in lists too, and nothing of them is kept with the document", async ({
    folder,
  }) => {
    const file = `${folder}/test.parquet`;
    parquetWriteFile({
      filename: file,
      columnData: [
        { name: "question", data: ["a", "b"], type: "STRING" },
        { name: "image", data: [picture, picture], type: "BYTE_ARRAY" },
      ],
    });
    const source = await openDocuments({ files: [file], folders: [folder] });
    const seen: number[] = [];
    for await (const { index, document } of source.documents()) {
      const { sources } = picturesOf(["image"], document, source.folders);
      expect(Buffer.compare(sources[0] as Uint8Array, picture)).toBe(0);
      expect(withoutBytes(document)).toEqual({ question: index === 0 ? "a" : "b", image: { bytes: picture.length } });
      seen.push(index);
    }
    expect(seen).toEqual([0, 1]);
    expect(source).toMatchObject({ count: 2, name: "test.parquet" });
  });

  test("are found by column, place in a list, name of a file, path or base64", ({ folder }) => {
    writeFileSync(`${folder}/a.jpg`, picture);
    const url = `data:image/jpeg;base64,${picture.toString("base64")}`;
    const document = {
      image: "a.jpg",
      image_list: [picture, { path: "a.jpg" }],
      b: { bytes: picture.toString("base64") },
      url,
    };
    const { sources } = picturesOf(["image", "image_list[0]", "image_list[1]", "b", "url"], document, [folder]);
    expect(sources.map((one) => (typeof one === "string" ? one : Buffer.from(one as Uint8Array)))).toEqual([
      `${folder}/a.jpg`,
      picture,
      `${folder}/a.jpg`,
      picture,
      picture,
    ]);
  });

  test("never lie outside the data's folders", ({ folder }) => {
    put(`${folder}/data/x.jsonl`, "{}\n");
    writeFileSync(`${folder}/secret.jpg`, picture);
    expect(() => picturesOf(["image"], { image: "../secret.jpg" }, [`${folder}/data`])).toThrow(/is not there/);
    expect(() => picturesOf(["image"], { image: `${folder}/secret.jpg` }, [`${folder}/data`])).toThrow(/is not there/);
  });
});

test("parts cover all documents once, and keep MME's pairs together", async ({ folder }) => {
  const rows = Array.from({ length: 10 }, (_, i) => ({
    ...{ question_id: `${i >> 1}`, question: "Is it?", answer: i % 2 === 0 ? "Yes" : "No", category: "count" },
    image: "a.jpg",
  }));
  put(`${folder}/test.jsonl`, lines(rows));
  const source = await openDocuments({ files: [`${folder}/test.jsonl`], folders: [folder] });
  const { task } = findTask("mme");
  const parts = await Promise.all(
    ["1/3", "2/3", "3/3"].map((text) => chooseDocuments(task, source, { shard: parseShard(text) })),
  );
  for (const [i] of rows.entries()) {
    expect(parts.filter((part) => part.has(i))).toHaveLength(1);
    expect(parts.findIndex((part) => part.has(i))).toBe(parts.findIndex((part) => part.has(i ^ 1)));
  }
  expect(parts.reduce((sum, { count }) => sum + count, 0)).toBe(10);
  const limited = await chooseDocuments(task, source, { limit: 3 });
  expect([limited.count, limited.last]).toEqual([4, 3]);
  const plain = await chooseDocuments(findTask("chartqa").task, source, { limit: 7, shard: { index: 2, count: 3 } });
  expect([0, 1, 2, 3, 4, 5, 6, 7, 8].filter((i) => plain.has(i))).toEqual([1, 4]);
  expect(plain.count).toBe(2);
  expect(() => parseShard("4/3")).toThrow(/no part of a whole/);
});

describe("bad data is told in one line, before anything is asked", () => {
  const told: readonly [what: string, name: string, content: string | Uint8Array, message: RegExp][] = [
    [
      "a missing column",
      "test.jsonl",
      lines([{ type: "human_test", question: "How many?", image: "a.jpg" }]),
      /test\.jsonl:1: chartqa: column answer: expected a text, got nothing/,
    ],
    [
      "a column of another type",
      "test.jsonl",
      lines([chart(1, { answer: 5, image: "a.jpg" })]),
      /test\.jsonl:1: chartqa: column answer: expected a text, got 5/,
    ],
    ["an empty file", "test.jsonl", "", /test\.jsonl/],
    ["a file of another task", "test.jsonl", lines([{ index: 3, A: "red", B: "blue" }]), /chartqa: column/],
    [
      "no pictures at all",
      "test.jsonl",
      lines([chart(1, { image: null }), chart(2, { image: null })]),
      /column image has no picture/,
    ],
    ["pictures that lie elsewhere", "test.jsonl", lines([chart(1, { image: "gone.jpg" })]), /gone\.jpg is not there/],
    ["a parquet file that is none", "test.parquet", "PAR1 no", /test\.parquet/],
    ["half a line", "test.jsonl", `${lines([chart(1, { image: "a.jpg" })])}{"type": "hum`, /test\.jsonl/],
  ];
  for (const [what, name, content, message] of told) {
    test(what, async ({ folder }) => {
      writeFileSync(`${folder}/a.jpg`, picture);
      writeFileSync(`${folder}/${name}`, content);
      writeFileSync(`${folder}/answers.jsonl`, '{"doc":0,"answer":"1"}\n');
      const run = evaluate(undefined, {
        tasks: ["chartqa"],
        data: `${folder}/${name}`,
        answers: `${folder}/answers.jsonl`,
      });
      const error = await run.then(
        () => undefined,
        (cause: unknown) => cause as Error,
      );
      expect(error?.name).toBe("UserError");
      expect(error?.message).toMatch(message);
      expect(error?.message).not.toContain("\n");
    });
  }
});
