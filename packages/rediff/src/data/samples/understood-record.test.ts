/** Records that leave something open: how they are understood, what is told, and what the original makes of them. */
import { describe, expect, test } from "vitest";
import { defaultSystemText } from "../../text/chat-template.js";
import { parseRecord } from "../records/parse-record.js";
import { SampleError } from "./sample-error.js";
import { originalSamples, ourSamples } from "./sample-rules.js";
import { type ReadingSettings, understand } from "./understood-record.js";

const source = { file: "a.json", index: 0 };
const ours: ReadingSettings = { template: "llava_llada", rules: ourSamples };
const original: ReadingSettings = { template: "llava_llada", rules: originalSamples };
const q = (value: string) => ({ from: "human", value });
const a = (value: string) => ({ from: "gpt", value });
const s = (value: string) => ({ from: "system", value });

const read = (value: object, settings: ReadingSettings = ours) => understand(parseRecord(value, source), settings);
const texts = (value: object, settings?: ReadingSettings) => read(value, settings).turns.map(({ content }) => content);
const kinds = (value: object, settings?: ReadingSettings) => read(value, settings).notes.map(({ kind }) => kind);
const fault = (value: object, settings?: ReadingSettings): string => {
  try {
    return `no error but ${JSON.stringify(read(value, settings))}`;
  } catch (error) {
    if (error instanceof SampleError) return error.line;
    throw error;
  }
};

describe("pictures under another key", () => {
  const record = { images: ["a.png"], conversations: [q("What?"), a("x")] };
  test("are read and told", () => {
    expect(read(record)).toMatchObject({
      images: ["a.png"],
      notes: [{ kind: "media_key", what: "images" }, { kind: "placed" }],
    });
  });
  test("are not read by the original, which is told", () => {
    expect(read(record, original)).toMatchObject({ images: [], notes: [{ kind: "unread_media", what: "images" }] });
    expect(texts(record, original)).toEqual(["What?", "x"]);
  });
  test("that are not understood are told of a text-only record", () => {
    const figure = { figure: "a.png", conversations: [q("What?"), a("x")] };
    expect(read(figure).notes).toEqual([{ kind: "unread_media", what: "figure" }]);
  });
});

describe("pictures without markers", () => {
  test.each([
    [
      "one, before the first of several questions",
      { image: "a.png", conversations: [q("A?"), a("x"), q("B?"), a("y")] },
      ["<image>\nA?", "x", "B?", "y"],
    ],
    [
      "several, before the only question",
      { images: ["a", "b"], conversations: [q("A?"), a("x")] },
      ["<image> <image>\nA?", "x"],
    ],
    ["a video", { video: "a.mp4", conversations: [q("A?"), a("x")] }, ["<image>\nA?", "x"]],
    [
      "a video with a marker of its own",
      { videos: ["a.mp4"], conversations: [q("<video>A?"), a("x")] },
      ["<image>A?", "x"],
    ],
  ])("%s", (_, record, expected) => {
    expect(texts(record)).toEqual(expected);
    expect(kinds(record)).toContain("placed");
  });
  test("several about several questions, and those with a marker, stay as they are", () => {
    const open = { image: ["a", "b"], conversations: [q("A?"), a("x"), q("B?"), a("y")] };
    expect(texts(open)).toEqual(["A?", "x", "B?", "y"]);
    expect(kinds({ image: "a", conversations: [q("<image>\nA?"), a("x")] })).toEqual([]);
    expect(texts({ image: "a.png", conversations: [q("A?"), a("x")] }, original)).toEqual(["A?", "x"]);
  });
});

describe("a system text", () => {
  const talk = [q("Hi"), a("Hello")];
  test.each([
    ["a turn", { conversations: [s("Be kind."), ...talk] }, "Be kind."],
    ["two turns, together", { conversations: [s("Be kind."), s("Be brief."), ...talk] }, "Be kind.\n\nBe brief."],
    [
      "a role of messages",
      {
        messages: [
          { role: "system", content: "Be kind." },
          { role: "user", content: "Hi" },
        ],
      },
      "Be kind.",
    ],
    ["the key system", { system: "Be kind.", conversations: talk }, "Be kind."],
    ["both, saying the same", { system: "Be kind.", conversations: [s("Be kind."), ...talk] }, "Be kind."],
    ["an empty turn, which says nothing", { conversations: [s(" "), ...talk] }, defaultSystemText],
    ["none", { system: "", conversations: talk }, defaultSystemText],
  ])("%s", (_, record, system) => {
    const understood = read(record);
    expect(understood.system).toBe(system);
    expect(understood.turns.map(({ role }) => role)).not.toContain("system");
    expect(understood.notes.length).toBe(system === defaultSystemText ? 0 : 1);
  });
  test("takes the place of the recipe's", () => {
    expect(read({ conversations: [s("Be kind."), ...talk] }, { ...ours, system: "Other" }).system).toBe("Be kind.");
    expect(read({ conversations: talk }, { ...ours, system: "Other" }).system).toBe("Other");
  });
  test("that can not be used is told", () => {
    expect(fault({ conversations: [...talk, s("Be kind."), ...talk] })).toMatch(/^turn 3 of 5 is from system/);
    expect(fault({ system: "A", conversations: [s("B"), ...talk] })).toMatch(/another text under system/);
    expect(fault({ conversations: [s("B")] })).toMatch(/no conversation/);
    expect(fault({ conversations: [s("See <image>"), ...talk] })).toMatch(/system text has <image>/);
    expect(fault({ conversations: [s("B"), ...talk] }, { ...ours, template: "llada_plain" })).toMatch(/no place/);
  });
  test("is dropped by the original, which is told", () => {
    const record = { conversations: [s("Be kind."), ...talk] };
    expect(read(record, original)).toMatchObject({ system: defaultSystemText, notes: [{ kind: "unread_system" }] });
    expect(texts(record, original)).toEqual(["Hi", "Hello"]);
  });
});

describe("a system text under another key", () => {
  const talk = [q("Hi"), a("Hello")];
  test.each(["system_prompt", "systemMessage", "System", "system-instruction"])("%s is read and told", (key) => {
    expect(read({ [key]: "Be kind.", conversations: talk })).toMatchObject({
      system: "Be kind.",
      notes: [{ kind: "system" }],
    });
    expect(kinds({ [key]: "Be kind.", conversations: talk }, original)).toEqual(["unread_system"]);
  });
  test("does not count beside system, and two that differ are refused", () => {
    expect(read({ system: "A", system_prompt: "B", conversations: talk }).system).toBe("A");
    expect(fault({ system_message: "A", system_prompt: "B", conversations: talk })).toMatch(
      /^system_message and system_prompt are different system texts/,
    );
    expect(read({ system_id: "7", conversations: talk }).system).toBe(defaultSystemText);
  });
});

describe("<image> in an answer", () => {
  const record = { image: "a.png", conversations: [q("What?"), a("Here <image> it is")] };
  test("is refused where no question has one: nobody wants a picture behind the answer", () => {
    expect(fault(record)).toMatch(/<image> stands in an answer \(the conversation's turn 2\), and in no question/);
    expect(texts(record, original)).toEqual(["What?", "Here <image> it is"]);
  });
  test("is told where a question has one too", () => {
    const both = { image: ["a.png", "b.png"], conversations: [q("<image>\nWhat?"), a("Here <image> it is")] };
    expect(kinds(both)).toEqual(["in_answer"]);
  });
});

test("image_2 beside image is told, for it is another picture", () => {
  const conversations = [q("<image>\nWhat?"), a("x")];
  expect(read({ image: "a.png", image_2: "b.png", img3: null, conversations }).notes).toEqual([
    { kind: "unread_media", what: "image_2" },
  ]);
  expect(kinds({ image: "a.png", image_1: "a.png", image_url: "http://x/y.png", conversations })).toEqual([]);
});

test("half of a character is refused wherever it stands", () => {
  const half = JSON.parse('"A \\ud83d dog"') as string;
  expect(fault({ conversations: [q("Hi"), a(half)] })).toMatch(/^turn 2 has half of a character, \\ud83d\. Write/);
  expect(fault({ conversations: [q("Hi"), a("x")], revise: [{ org: "x", target: half }] })).toMatch(
    /^revise\.0 has half/,
  );
  expect(texts({ conversations: [q("\u{1f600}"), a("x")] })).toEqual(["\u{1f600}", "x"]);
});

describe("empty answers", () => {
  test("are no answers: the record is left out", () => {
    for (const empty of ["", " \n"]) {
      expect(fault({ conversations: [q("What?"), a(empty)] })).toBe(
        "its answer is empty. Write what is to be learnt, or remove the record",
      );
    }
    expect(fault({ conversations: [q("What?"), a(""), q("And?"), a(" ")] })).toMatch(/^all of its 2 answers are empty/);
    expect(fault({ conversations: [a("Hello."), q("What?"), a("")] })).toMatch(/^its answer is empty/);
  });

  test("beside others are told, and learnt", () => {
    const record = { conversations: [q("What?"), a("A dog."), q("And?"), a("")] };
    expect(kinds(record)).toEqual(["empty_answer"]);
    expect(texts(record)).toEqual(["What?", "A dog.", "And?", ""]);
  });

  test("are learnt by the original", () => {
    expect(texts({ conversations: [q("What?"), a("")] }, original)).toEqual(["What?", ""]);
  });
});
