import { spawnSync } from "node:child_process";
import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { UserError } from "../../errors.js";
import { tokenizerFolder } from "../../testing/fixtures.js";
import { folderOfFile } from "../../testing/folders.js";
import { imagePlaceholder } from "../../text/image-tokens.js";
import { loadTokenizer } from "../../text/tokenizer.js";
import { fixturePath } from "../../vision/fixtures/pillow.js";
import { loadPicture } from "../../vision/picture/load-picture.js";
import { visualRows } from "../../vision/tiles/token-layout.js";
import { parseRecord } from "../records/parse-record.js";
import { geometry, mediaSettings, record, sampleSettings } from "../testing/record-files.js";
import { answerSpans } from "./answer-positions.js";
import { buildSample, type SampleSettings } from "./build-sample.js";
import { withRetries } from "./read-sample.js";
import { originalSamples } from "./sample-rules.js";

const tokenizer = await loadTokenizer(tokenizerFolder);
const { at, path: folder } = folderOfFile();

const source = { file: at("data.jsonl"), index: 0, line: 1 };
const build = (value: Record<string, unknown>, changes: Partial<SampleSettings> = {}) =>
  buildSample(parseRecord(value, source), { tokenizer, settings: sampleSettings(changes) });

async function fault(value: Record<string, unknown>, changes: Partial<SampleSettings> = {}): Promise<string> {
  const error = await build(value, changes).catch((reason: unknown) => reason);
  return error instanceof UserError ? error.line : `no UserError but ${String(error)}`;
}

const turns = (...values: string[]) => ({
  conversations: values.map((value, i) => ({ from: i % 2 === 0 ? "human" : "gpt", value })),
});

describe("buildSample", () => {
  test("one picture is tiled, and the answer is what is learnt", async () => {
    const sample = await build(record("A dog.", { image: "color.jpg", id: "x" }));
    expect(sample.modality).toBe("image");
    expect(sample.source).toEqual({ ...source, id: "x" });
    const alone = await loadPicture(fixturePath("color.jpg"), geometry);
    expect(sample.visuals).toEqual([{ kind: "picture", ...alone }]);
    expect(alone.tiles).toBeGreaterThan(1);
    const [answer] = answerSpans(tokenizer, sample);
    expect(tokenizer.decode(sample.ids.slice(answer!.start, answer!.end))).toBe("A dog.");
    expect(sample.labels.slice(answer!.start, answer!.end)).toEqual(sample.ids.slice(answer!.start, answer!.end));
    expect(sample.revise).toEqual(sample.ids.map(() => false));
  });

  test("a picture is upright, as its EXIF data says, or as it is stored", async () => {
    const upright = await build(record("A dog.", { image: "exif6.jpg" }));
    expect(upright.visuals).toMatchObject([{ imageSize: { width: 33, height: 47 } }]);
    const stored = await build(record("A dog.", { image: "exif6.jpg" }), {
      media: mediaSettings({ asStored: true }),
    });
    expect(stored.visuals).toMatchObject([{ imageSize: { width: 47, height: 33 } }]);
  });

  test("a record without an answer is refused, and so is one with an empty answer", async () => {
    expect(await fault(turns("Hi"))).toMatch(/^has no answer \(a turn from gpt or assistant\)/);
    expect((await build(turns("Hi"), { rules: originalSamples })).labels).not.toHaveLength(0);
    expect(await fault(turns("Hi", ""))).toMatch(/^its answer is empty/);
    expect((await build(turns("Hi", ""), { rules: originalSamples })).labels).not.toHaveLength(0);
  });

  test("special tokens that the text spells are told", async () => {
    const { notes } = await build(turns("What is <|eot_id|>?", "The end, as <|eot_id|> and <|mdm_mask|>."));
    const told = notes?.filter(({ kind }) => kind === "special_tokens").map(({ what }) => what);
    expect(told?.sort()).toEqual(["<|eot_id|>", "<|mdm_mask|>"]);
    expect((await build(turns("<image>?", "x"), { rules: originalSamples })).notes).toBeUndefined();
  });

  test("several pictures are padded to one tile each", async () => {
    const sample = await build({ ...turns("<image><image>?", "yes"), image: ["color.jpg", "rgba.png"] });
    expect(sample.visuals.map(({ tiles }) => tiles)).toEqual([1, 1]);
    const pad = await loadPicture(fixturePath("rgba.png"), { tileSize: 28, aspectRatio: { kind: "pad" } });
    expect(sample.visuals[1]!.pixels).toEqual(pad.pixels);
    // One tile has its rows and a newline.
    expect(visualRows(sample.visuals[0]!, geometry)).toBe(5);
  });

  test("a marker in the middle of a turn moves to its start", async () => {
    const { ids } = await build({ ...turns("What is <image> there?", "A dog."), image: "color.jpg" });
    const at = ids.indexOf(imagePlaceholder);
    expect(tokenizer.decode(ids.slice(at + 1, at + 8))).toMatch(/^\nWhat/);
  });

  test("a canvas is filled up with end-of-text, in forms too, and shortens nothing", async () => {
    const { pad, eot } = tokenizer.special;
    const whole = await build(record("A dog."));
    const [answer] = answerSpans(tokenizer, whole);
    const wide = await build(record("A dog."), { canvas: 20 });
    const missing = 20 - (whole.ids.length - answer!.start);
    const filling = Array.from({ length: missing }, () => pad);
    expect(wide.ids).toEqual([...whole.ids, ...filling]);
    expect(wide.labels).toEqual([...whole.labels, ...filling]);
    expect(wide.revise).toHaveLength(wide.ids.length);
    expect(whole.ids).toContain(eot);
    const form = await build({ ...record("A dog."), blanks: [[2, 5]] }, { canvas: 20 });
    expect(form.ids).toEqual(wide.ids);
    expect(await build(record("A dog."), { canvas: 2 })).toEqual(whole);
  });

  test("text-only samples have no visuals", async () => {
    const sample = await build(record("yes"), {});
    expect(sample).toMatchObject({ modality: "text", visuals: [] });
  });

  test("markers and pictures have to agree", async () => {
    expect(await fault({ ...turns("<image><image>", "x"), image: "color.jpg" })).toBe(
      "2 <image> markers but 1 picture. Add the file or remove a marker",
    );
    const twice = [...turns("What?", "x").conversations, ...turns("And?", "y").conversations];
    expect(await fault({ conversations: twice, image: ["color.jpg", "rgba.png"] })).toBe(
      "0 <image> markers but 2 pictures. Say with a marker where each stands: there are several pictures and several questions",
    );
    expect(await fault(turns("<image>", "x"))).toMatch(/^1 <image> marker but 0 pictures/);
    // The reference takes it for text then.
    const { ids } = await build(turns("<image>", "x"), { rules: originalSamples });
    expect(tokenizer.decode(ids)).toContain("<image>");
  });

  test("a first turn by the assistant is dropped, its marker with it", async () => {
    const conversations = [{ from: "gpt", value: "<image>" }, ...turns("<image>\nWhat?", "x").conversations];
    const { ids } = await build({ conversations, image: "color.jpg" });
    expect(ids.filter((id) => id === imagePlaceholder)).toHaveLength(1);
  });

  test("template llada_plain puts one marker before the caption", async () => {
    const plain = { template: "llada_plain" } as const;
    const unmarked = { ...turns("Describe.", "A dog."), image: "color.jpg" };
    await expect(build(unmarked, { ...plain, rules: originalSamples })).rejects.toThrow(/the first with <image>/);
    const { ids, labels } = await build({ ...turns("<image>\nDescribe.", "A dog."), image: "color.jpg" }, plain);
    expect(ids).toEqual([imagePlaceholder, ...tokenizer.encode("A dog.\n")]);
    expect(labels.slice(1)).toEqual(ids.slice(1));
    const both = { ...turns("<image>", "A dog."), image: ["color.jpg", "rgba.png"] };
    expect(await fault(both, plain)).toMatch(/^1 <image> marker but 2 pictures/);
  });

  test("conversations that do not fit are told by the template", async () => {
    expect(await fault({ conversations: [{ from: "system", value: "Be kind" }] })).toMatch(
      /has a system text and no conversation/,
    );
  });

  test("a text-only model refuses pictures", async () => {
    const { media: _, ...settings } = sampleSettings();
    const value = parseRecord(record("x", { image: "color.jpg" }), source);
    await expect(buildSample(value, { tokenizer, settings })).rejects.toThrow(/the model is text-only/);
  });
});

describe("revise pairs", () => {
  const flawed = (org: string, target: string) =>
    record("There is a dog.", { image: "color.jpg", revise: [{ org, target }] });

  test("mark what is to be learnt anew", async () => {
    const { ids, labels, revise } = await build(flawed("dog", "car"));
    expect(revise.filter(Boolean)).toHaveLength(1);
    expect(labels[revise.indexOf(true)]).toBe(tokenizer.encode(" car")[0]);
    expect(ids[revise.indexOf(true)]).toBe(tokenizer.encode(" dog")[0]);
  });

  test("a sample none of whose pairs can be used is refused, never learnt as it is", async () => {
    expect(await fault(flawed("woman", "man"))).toBe(
      "none of its revise pairs can be used (1 not found in the answer)",
    );
    expect(await fault(flawed("dog", "umbrella stand"))).toMatch(/1 of unequal token counts/);
    expect((await build(flawed("woman", "car"), { rules: originalSamples })).revise).not.toContain(true);
    // An empty list says that nothing is wrong.
    expect((await build(record("x", { image: "color.jpg", revise: [] }))).revise).not.toContain(true);
  });
});

describe("max_length", () => {
  test("cuts, and counts pictures as the rows that they become", async () => {
    const value = record("A dog and a dog and a dog.", { image: "color.jpg" });
    const whole = await build(value);
    const extra = visualRows(whole.visuals[0]!, geometry) - 1;
    const [answer] = answerSpans(tokenizer, whole);
    const cut = await build(value, { maxLength: answer!.start + extra + 1 });
    expect(cut.ids).toEqual(whole.ids.slice(0, answer!.start + extra + 1));
    expect(await fault(value, { maxLength: answer!.start + extra })).toMatch(
      /its answer starts at position \d+, beyond max_length \d+\. Raise max_length/,
    );
    await expect(build(value, { maxLength: answer!.start + extra, rules: originalSamples })).resolves.toBeTruthy();
  });

  test("drops pictures whose placeholders are cut off", async () => {
    const value = { ...turns("<image>\nWhat?", "yes", "<image>\nAnd now?", "no"), image: ["color.jpg", "rgba.png"] };
    const whole = await build(value);
    const second = whole.ids.lastIndexOf(imagePlaceholder);
    expect((await build(value, { maxLength: second })).visuals).toHaveLength(1);
  });

  test("refuses a sample whose phrases to revise lie beyond", async () => {
    const answer = `${"a man and ".repeat(10)}a dog`;
    const value = record(answer, { revise: [{ org: "dog", target: "car" }] });
    const { ids, revise } = await build(value);
    expect(await fault(value, { maxLength: revise.indexOf(true) })).toMatch(/all phrases to revise lie beyond/);
    await expect(build(value, { maxLength: ids.length - 1 })).resolves.toBeTruthy();
  });
});

describe("pictures", () => {
  test("are looked for by absolute path, then in folder 1, then in folder 2", async () => {
    mkdirSync(at("one/sub"), { recursive: true });
    mkdirSync(at("two"), { recursive: true });
    copyFileSync(fixturePath("color.jpg"), at("one/sub/p.jpg"));
    copyFileSync(fixturePath("grey.jpg"), at("two/p.jpg"));
    const folders = { media: mediaSettings({ imageFolder: at("one"), imageFolder2: at("two") }) };
    const sizeOf = async (image: string) => (await build(record("x", { image }), folders)).visuals[0]!.imageSize;
    const [color, grey] = [
      await loadPicture(fixturePath("color.jpg"), geometry),
      await loadPicture(fixturePath("grey.jpg"), geometry),
    ];
    expect(await sizeOf("sub/p.jpg")).toEqual(color.imageSize);
    expect(await sizeOf("p.jpg")).toEqual(grey.imageSize);
    expect(await sizeOf(at("one/sub/p.jpg"))).toEqual(color.imageSize);
    expect(await fault(record("x", { image: "q.jpg" }), folders)).toBe(
      `picture q.jpg is missing; tried ${at("one/q.jpg")}, ${at("two/q.jpg")}. Correct image_folder`,
    );
    expect(await fault(record("x", { image: "/none/q.jpg" }), folders)).toMatch(/tried \/none\/q\.jpg/);
  });

  test("without folders lie beside the data file", async () => {
    copyFileSync(fixturePath("color.jpg"), at("beside.jpg"));
    const media = { geometry };
    await expect(build(record("x", { image: "beside.jpg" }), { media })).resolves.toBeTruthy();
    expect(await fault(record("x", { image: "none.jpg" }), { media })).toMatch(
      new RegExp(`tried ${folder}/none\\.jpg, none\\.jpg`),
    );
  });

  test("may come as bytes", async () => {
    const bytes = new Uint8Array(readFileSync(fixturePath("color.jpg")));
    const value = parseRecord(record("x", { image: "any" }), source, { images: [{ name: "s.jpg", bytes }] });
    const { visuals } = await buildSample(value, { tokenizer, settings: sampleSettings() });
    expect(visuals[0]!.pixels).toEqual((await loadPicture(bytes, geometry)).pixels);
  });

  test("that cannot be read are told with their path", async () => {
    writeFileSync(at("broken.jpg"), readFileSync(fixturePath("color.jpg")).subarray(0, 300));
    const media = mediaSettings({ imageFolder: folder });
    expect(await fault(record("x", { image: "broken.jpg" }), { media })).toMatch(/broken\.jpg: .*truncated or damaged/);
    expect(await fault(record("x", { image: "http://x.org/a.jpg" }))).toMatch(/is no file\. Download it/);
    expect(await fault(record("x", { image: "color.jpg" }), { media: mediaSettings({ maxPixels: 9 }) })).toMatch(
      /at most 9 are decoded/,
    );
  });
});

const haveFfmpeg = spawnSync("ffmpeg", ["-version"]).status === 0 && spawnSync("ffprobe", ["-version"]).status === 0;

describe("videos", () => {
  mkdirSync(at("frames"), { recursive: true });
  for (const [i, name] of ["color.jpg", "grey.jpg", "rgba.png", "color.jpg"].entries()) {
    copyFileSync(fixturePath(name), at(`frames/${i}.${name.slice(-3)}`));
  }
  const media = (changes = {}) => ({ media: mediaSettings({ videoFolder: folder, ...changes }) });

  test("may be folders of frames, of which ten are shown", async () => {
    const sample = await build(record("x", { video: "frames" }), media());
    expect(sample.modality).toBe("video");
    expect(sample.visuals).toMatchObject([{ kind: "video", tiles: 10 }]);
    const forced = await build(record("x", { video: "frames" }), media({ framesUpbound: 2, forceSample: true }));
    expect(forced.visuals[0]!.tiles).toBe(2);
    expect(await fault(record("x", { video: "none" }), media())).toMatch(/video none is missing.*Correct video_folder/);
  });

  test("tell their times when asked to", async () => {
    const settings = { ...media({ framesUpbound: 2, forceSample: true }), addTimeInstruction: true };
    const { ids } = await build(record("x", { video: "frames" }), settings);
    const at = ids.indexOf(imagePlaceholder);
    // Two frames a second: four frames last two seconds, the last is at 1.5.
    expect(tokenizer.decode(ids.slice(at + 1))).toMatch(
      /^\nThis video is 2\.00 seconds long\. You see 2 frames of it, taken at 0\.00s,1\.50s\.Answer .*follow\.\n\nWhat is there\?/,
    );
    expect(ids.filter((id) => id === imagePlaceholder)).toHaveLength(1);
  });

  test.skipIf(!haveFfmpeg)("are sampled by their frame rate, from a file or from bytes", async () => {
    const clip = at("clip.mkv");
    const input = "testsrc2=s=64x48:r=10:d=3";
    spawnSync("ffmpeg", ["-v", "error", "-f", "lavfi", "-i", input, "-c:v", "ffv1", clip]);
    const fromFile = await build(record("x", { video: "clip.mkv" }), media({ videoFps: 2 }));
    expect(fromFile.visuals).toMatchObject([{ kind: "video", tiles: 6, imageSize: { width: 64, height: 48 } }]);
    const own = { images: [], video: { name: "s.mkv", bytes: new Uint8Array(readFileSync(clip)) } };
    const value = parseRecord(record("x", { video: "any" }), source, own);
    const fromBytes = await buildSample(value, { tokenizer, settings: sampleSettings(media({ videoFps: 2 })) });
    expect(fromBytes.visuals[0]!.pixels).toEqual(fromFile.visuals[0]!.pixels);
  });
});

describe("withRetries", () => {
  const failing = (code: string, times: number) => {
    let calls = 0;
    return {
      calls: () => calls,
      attempt: async () => {
        if (calls++ < times)
          throw new UserError("cannot be read", undefined, { cause: Object.assign(new Error(), { code }) });
        return "there";
      },
    };
  };

  test("tries again what may pass, and not what stays", async () => {
    const passing = failing("EIO", 2);
    expect(await withRetries(passing.attempt, [1, 1, 1])).toBe("there");
    expect(passing.calls()).toBe(3);
    const lasting = failing("EIO", 9);
    await expect(withRetries(lasting.attempt, [1, 1])).rejects.toThrow("cannot be read");
    expect(lasting.calls()).toBe(3);
    const missing = failing("ENOENT", 9);
    await expect(withRetries(missing.attempt, [1, 1])).rejects.toThrow("cannot be read");
    expect(missing.calls()).toBe(1);
  });

  test("stops waiting when aborted", async () => {
    const controller = new AbortController();
    const waiting = withRetries(failing("EIO", 9).attempt, [60_000], controller.signal);
    controller.abort();
    await expect(waiting).rejects.toThrow(/abort/i);
  });
});
