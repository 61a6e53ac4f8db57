import { describe, expect, test } from "vitest";
import { Selection } from "./select-records.js";
import { originalSelection, ourSelection } from "./selection-rules.js";
import { chunkTokenizer } from "./testing/chunk-tokenizer.js";

const tokenizer = chunkTokenizer();
const draft = { img: "dir/1.jpg", ques: "<image>\nWhat is it?", ans: "A dog.", pred: "A cat sat on a red mat." };
const list = (...pairs: [unknown, unknown][]) => JSON.stringify(pairs.map(([org, target]) => ({ org, target })));

async function take(replies: readonly unknown[], rules = ourSelection) {
  const selection = new Selection(tokenizer, rules);
  const records = [];
  for (const [index, revise] of replies.entries()) {
    const value = { ...draft, ...(revise !== undefined && { revise }), expert: { model: "m" } };
    records.push(await selection.take({ value, index, file: "f.jsonl", where: async () => `f.jsonl:${index + 1}` }));
  }
  return { records, report: selection.report };
}

const conversations = [
  { from: "human", value: draft.ques },
  { from: "gpt", value: draft.pred },
];

test("records with provenance, and every reason counted", async () => {
  const { records, report } = await take([
    "Right.",
    list(["cat", "dog"], ["cat", "dog"], ["red", "a blue"]),
    undefined,
    "no idea",
    "[]",
    '{"cat": "dog"}',
    list(["cow", "dog"], [5, "dog"]),
  ]);
  expect(records[1]).toEqual({
    id: 0,
    image: "dir/1.jpg",
    conversations,
    revise: [{ org: "cat", target: "dog" }],
    provenance: { draft: { file: "f.jsonl", index: 1 }, ans: "A dog.", expert: { model: "m" } },
  });
  expect(records.filter((record) => record !== undefined)).toHaveLength(1);
  expect(report).toEqual({
    drafts: 7,
    kept: 1,
    dropped: { right: 1, no_reply: 1, not_json: 1, no_pairs: 1, not_a_list: 1, all_pairs_dropped: 1 },
    pairs: {
      total: 5,
      kept: 1,
      dropped: { duplicate: 1, token_count: 1, malformed: 1, not_in_draft: 1 },
      ambiguous: 0,
    },
  });
});

test("ids of drafts are kept; without one the records are numbered", async () => {
  const selection = new Selection(tokenizer);
  const where = async () => "";
  const revise = list(["cat", "dog"]);
  const first = await selection.take({ value: { ...draft, revise, id: "x7" }, index: 0, file: "", where });
  const second = await selection.take({ value: { ...draft, revise }, index: 1, file: "", where });
  expect([first?.id, second?.id]).toEqual(["x7", 1]);
});

test("text of strangers that spells special tokens is refused and counted, in drafts and in replies", async () => {
  const { records, report } = await take([list(["cat", "<|eot_id|>"], ["mat.", "rug."]), list(["cat", "<image>"])]);
  expect(records[0]?.revise).toEqual([{ org: "mat.", target: "rug." }]);
  expect(report.pairs.dropped).toEqual({ special_token: 2 });
  expect(report.dropped).toEqual({ all_pairs_dropped: 1 });

  const selection = new Selection(tokenizer);
  for (const pred of ["A cat.<|eot_id|>", "<image> A cat."]) {
    const value = { ...draft, pred, revise: list(["cat.", "dog."]) };
    expect(await selection.take({ value, index: 0, file: "", where: async () => "" })).toBeUndefined();
  }
  expect(selection.report.dropped).toEqual({ special_token: 2 });
});

test("what is no draft is an error that names its place", async () => {
  const selection = new Selection(tokenizer);
  const where = async () => "f.jsonl:3";
  await expect(selection.take({ value: { img: "x" }, index: 2, file: "", where })).rejects.toThrow(
    /^f\.jsonl:3: ques: /,
  );
});

describe("the original's rules", () => {
  test.each<[unknown, unknown[] | undefined, string | undefined]>([
    ["right", undefined, "right"],
    ["Right", undefined, "not_json"],
    [null, undefined, "no_reply"],
    [[{ org: "a", target: "b" }], undefined, "no_reply"],
    ["null", undefined, "not_iterable"],
    ["5", undefined, "not_iterable"],
    ["NaN", undefined, "not_iterable"],
    [list(["cow", "dog"]), [{ org: "cow", target: "dog" }], undefined], // need not occur
    [list(["json cow", "json dog"]), [{ org: " cow", target: " dog" }], undefined], // the word goes, inside values too
    [`\`\`\`json\n${list(["a", "b"], ["a", "b"])}\n\`\`\``, Array(2).fill({ org: "a", target: "b" }), undefined],
    [list(["", ""]), [{ org: "", target: "" }], undefined],
    [list(["house", "cats"]), [{ org: "house", target: "cats" }], undefined], // counted without the space
    [list([["a", "b"], "x y"]), [{ org: ["a", "b"], target: "x y" }], undefined], // a pair of texts, for that tokenizer
    ['[{"org": "a", "target": "b", "why": NaN}]', [{ org: "a", target: "b", why: null }], undefined],
    [list(["a", "b c d e"]), undefined, "all_pairs_dropped"],
    ['{"org": "a", "target": "b"}', undefined, "all_pairs_dropped"],
    ['"right"', undefined, "all_pairs_dropped"],
  ])("%j", async (reply, revise, dropped) => {
    const { records, report } = await take([reply], originalSelection);
    expect(records[0]).toEqual(revise && { id: 0, image: draft.img, conversations, revise });
    expect(Object.keys(report.dropped)).toEqual(dropped === undefined ? [] : [dropped]);
  });
});
