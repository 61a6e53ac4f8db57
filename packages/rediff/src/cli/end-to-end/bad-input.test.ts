/** What is wrong with pictures, checkpoints and numbers: one clear line each, a status that is not zero, nothing left
 *  half-written. What exactly each part refuses is tested beside the part; here, that it reaches the user. */
import {
  appendFileSync,
  copyFileSync,
  cpSync,
  existsSync,
  readdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import sharp from "sharp";
import { beforeAll, describe, expect, test } from "vitest";
import { jsonLines, rediff, rediffHere } from "../../testing/command-line.js";
import { folderOfFile } from "../../testing/folders.js";
import { type TinyModelOptions, writeTinyModel } from "../../testing/tiny-model.js";
import { hugePng } from "../../vision/fixtures/huge.js";
import { fixturePath } from "../../vision/fixtures/pillow.js";

const { at, path: root } = folderOfFile();
const photo = at("photo.jpg");

beforeAll(() => {
  copyFileSync(fixturePath("color.jpg"), photo);
  writeTinyModel(at("model"));
});

/** Fails with one line, and leaves nothing: neither results nor a trace. */
async function refused(args: readonly string[]): Promise<string> {
  const [output, trace] = [at("results.jsonl"), at("trace.jsonl")];
  const { status, stdout, stderr } = await rediffHere(...args, "--output", output, "--trace", trace);
  // 2 for what is seen before anything is loaded, 1 for what shows while it is.
  expect([1, 2]).toContain(status);
  expect(stdout).toBe("");
  expect(stderr).toMatch(/^rediff: [^\n]*\n$/);
  expect([output, trace].filter((file) => existsSync(file))).toEqual([]);
  return stderr;
}

describe("pictures", () => {
  const half = (name: string) => {
    const bytes = readFileSync(fixturePath(name));
    return bytes.subarray(0, bytes.length >> 1);
  };
  const bad: [name: string, content: string | Buffer | undefined, line: RegExp][] = [
    ["missing.jpg", undefined, /missing\.jpg: no such file or folder/],
    ["empty.jpg", "", /empty\.jpg: the file is empty; expected a picture/],
    ["half.jpg", half("color.jpg"), /half\.jpg: the JPEG file is truncated or damaged/],
    ["half.png", half("rgba.png"), /half\.png: the PNG file is truncated or damaged/],
    ["page.png", "<!doctype html><title>404</title>", /page\.png: is an HTML page; expected JPEG, PNG/],
    ["huge.png", hugePng(), /huge\.png: 40000 x 40000 pixels; at most 178956970 are decoded\. .*--max-pixels/],
    ["empty.mp4", "", /empty\.mp4: the file is empty; expected a video/],
  ];

  test("each that cannot be read is one line; the others, of one pixel and of five thousand, are described", async () => {
    for (const [name, content] of bad) if (content !== undefined) writeFileSync(at(name), content);
    await sharp({ create: { width: 1, height: 1, channels: 3, background: "red" } }).toFile(at("1x1.png"));
    await sharp({ create: { width: 1, height: 5000, channels: 3, background: "red" } }).toFile(at("1x5000.png"));
    const names = [...bad.map(([name]) => name), "1x1.png", "1x5000.png"];
    const args = ["caption", "-", "--model", "model", "--gen-length", "4", "--output", "some.jsonl", "--json"];
    const run = await rediff(args, { cwd: root, input: names.join("\n") });
    expect(run.status).toBe(3);
    const lines = run.stderr.trimEnd().split("\n");
    expect(lines).toHaveLength(bad.length + 1);
    for (const [i, [, , line]] of bad.entries()) expect(lines[i]).toMatch(line);
    expect(lines.at(-1)).toBe(`rediff: ${bad.length} of ${names.length} failed`);
    const records = jsonLines(run.stdout);
    expect(records.map(({ image }) => image)).toEqual(["1x1.png", "1x5000.png"]);
    for (const { token_ids } of records) expect(token_ids).toHaveLength(4);
    expect(readFileSync(at("some.jsonl"), "utf8")).toBe(run.stdout);
  });

  test.each(bad.filter(([, content]) => content !== undefined))("%s, alone", async (name, content, line) => {
    writeFileSync(at(name), content!);
    expect(await refused(["caption", at(name), "--model", at("model"), "--gen-length", "4"])).toMatch(line);
  });

  test("--max-pixels moves the limit", async () => {
    const args = ["caption", photo, "--model", at("model"), "--gen-length", "4", "--max-pixels"];
    const { width = 0, height = 0 } = await sharp(photo).metadata();
    expect(await refused([...args, "100"])).toMatch(/ pixels; at most 100 are decoded/);
    expect(await refused([...args, String(width * height - 1)])).toMatch(/ pixels; at most/);
    expect(await rediffHere(...args, String(width * height))).toMatchObject({ status: 0, stderr: "" });
    writeFileSync(at("huge.png"), hugePng());
    // Trusted, it is decoded, and found to have no such data.
    const trusting = ["caption", at("huge.png"), "--model", at("model"), "--max-pixels", "2000000000"];
    expect(await refused(trusting)).toMatch(/huge\.png: the PNG file is truncated or damaged/);
  });
});

describe("checkpoints", () => {
  const WEIGHTS = "model.safetensors";

  /** The header as JSON, and the data behind it. */
  function readWeights(folder: string) {
    const bytes = readFileSync(join(folder, WEIGHTS));
    const length = Number(bytes.readBigUInt64LE());
    const header = JSON.parse(bytes.subarray(8, 8 + length).toString("utf8")) as Header;
    return { header, data: bytes.subarray(8 + length) };
  }
  type Header = Record<string, { dtype: string; shape: number[]; data_offsets: [number, number] }>;

  function writeWeights(folder: string, header: string | object, data: Uint8Array, claimed?: bigint): void {
    const text = Buffer.from(typeof header === "string" ? header : JSON.stringify(header));
    const length = Buffer.alloc(8);
    length.writeBigUInt64LE(claimed ?? BigInt(text.length));
    writeFileSync(join(folder, WEIGHTS), Buffer.concat([length, text, data]));
  }

  const rewritten = (change: (header: Header) => void) => (folder: string) => {
    const { header, data } = readWeights(folder);
    change(header);
    writeWeights(folder, header, data);
  };
  const config = (change: object) => (folder: string) => {
    const file = join(folder, "config.json");
    const raw = JSON.parse(readFileSync(file, "utf8")) as object;
    writeFileSync(file, JSON.stringify({ ...raw, ...change }));
  };
  const NORM = "model.norm.weight";
  const EMBED = "model.embed_tokens.weight";

  const broken: [what: string, spoil: (folder: string) => void, line: RegExp, options?: TinyModelOptions][] = [
    [
      "weights that are cut off",
      (folder) => truncateSync(join(folder, WEIGHTS), 100_000),
      /model\.safetensors: tensor ".*" ends at byte \d+ of the data, which has \d+ bytes: the file is cut off/,
    ],
    ["weights of no bytes", (folder) => truncateSync(join(folder, WEIGHTS), 0), /0 bytes are too few/],
    [
      "weights that overlap",
      rewritten((header) => {
        header[NORM]!.data_offsets = [0, 256];
      }),
      /tensor ".*" overlaps ".*"/,
    ],
    [
      "weights beyond the end of the file",
      rewritten((header) => {
        header[NORM]!.data_offsets = [2 ** 40, 2 ** 40 + 256];
      }),
      /ends at byte \d+ of the data, which has|belong to none/,
    ],
    [
      "a tensor larger than any memory",
      rewritten((header) => {
        header[NORM]!.shape = [2 ** 30, 2 ** 30];
      }),
      /shape \[1073741824, 1073741824\] is too large/,
    ],
    [
      "a header of more than 100 MB",
      (folder) => {
        writeWeights(folder, "{", new Uint8Array(), 100_000_001n);
        truncateSync(join(folder, WEIGHTS), 100_000_100);
      },
      /the header would have 100000001 bytes; at most 100000000 may be/,
    ],
    [
      "a header longer than the file",
      (folder) => writeWeights(folder, "{}", new Uint8Array(), 100_000_000n),
      /a header of 100000000 bytes in a file of 10/,
    ],
    ["a header that is no JSON", (folder) => writeWeights(folder, "pickle", new Uint8Array()), /header is not a JSON/],
    [
      "a shard that is missing",
      (folder) => rmSync(join(folder, readdirSync(folder).find((name) => /-00002-of-/.test(name))!)),
      /1 of the \d+ files in model\.safetensors\.index\.json are missing: model-00002-of-/,
      { maxShardBytes: 200_000 },
    ],
    ["no weights", (folder) => rmSync(join(folder, WEIGHTS)), /has no safetensors files/],
    [
      "a tensor that is missing, one too many and one of another shape, in one line",
      rewritten((header) => {
        const { shape, dtype, data_offsets } = header[NORM]!;
        delete header[NORM];
        header["model.other"] = { dtype, shape, data_offsets };
        header[EMBED]!.shape = header[EMBED]!.shape.reverse();
      }),
      /1 missing: model\.norm\.weight; 1 unexpected: model\.other; 1 of the wrong shape: model\.embed_tokens\.weight: \[64, 416\] in the file, \[416, 64\] expected/,
    ],
    ["a vocabulary of another size", config({ vocab_size: 500 }), /\[416, 64\] in the file, \[500, 64\] expected/],
    [
      "a vocabulary smaller than the tokenizer",
      () => undefined,
      /the tokenizer has 408 tokens but the model only 400 rows\. Tokenizer and weights belong to different models/,
      { vocabSize: 400 },
    ],
    ["another kind of model", config({ model_type: "llama" }), /model_type is "llama".*LLaDA-V and ReDiff run here/],
    ["no config.json", (folder) => rmSync(join(folder, "config.json")), /has no config\.json\. Give the folder/],
    [
      "half a config.json",
      (folder) => truncateSync(join(folder, "config.json"), 100),
      /config\.json is not valid JSON/,
    ],
    ["no tokenizer", (folder) => rmSync(join(folder, "tokenizer.json")), /tokenizer\.json/],
    ["half a tokenizer", (folder) => truncateSync(join(folder, "tokenizer.json"), 1000), /tokenizer\.json.*JSON/],
    [
      "no vision weights, and no tower",
      (folder) => {
        const { header, data } = readWeights(folder);
        const kept = Object.entries(header).filter(([name]) => !/^(model\.vision_tower|__)/.test(name));
        let end = 0;
        const parts: Uint8Array[] = [];
        for (const [, entry] of kept) {
          const part = data.subarray(...entry.data_offsets);
          entry.data_offsets = [end, end + part.length];
          end += part.length;
          parts.push(part);
        }
        writeWeights(folder, Object.fromEntries(kept), Buffer.concat(parts));
      },
      /has no vision weights, and the vision tower tiny-siglip is no folder here\. Give .* --vision-tower/,
    ],
  ];

  test.each(broken)("%s", async (what, spoil, line, options = {}) => {
    const folder = at("spoilt", what.replace(/\W+/g, "-"));
    if (Object.keys(options).length > 0) writeTinyModel(folder, options);
    else cpSync(at("model"), folder, { recursive: true });
    spoil(folder);
    expect(await refused(["caption", photo, "--model", folder, "--gen-length", "4"])).toMatch(line);
    // inspect lists it instead of stopping at it
    const inspected = await rediffHere("inspect", folder, "--json");
    expect(inspected).toMatchObject({ status: 1, stderr: "" });
    expect(jsonLines(inspected.stdout)).toMatchObject([{ complete: false }]);
  });

  test("convert refuses them too, and leaves no folder", async () => {
    const source = writeTinyModel(at("llada"), { textOnly: true, naming: "original" });
    appendFileSync(join(source, WEIGHTS), "x");
    const { status, stdout, stderr } = await rediffHere("convert", source, at("out"));
    expect([status, stdout]).toEqual([1, ""]);
    expect(stderr).toMatch(/^rediff: .*model\.safetensors: the last 1 bytes of the data belong to no tensor\n$/);
    expect(readdirSync(root).filter((name) => /^\.?out/.test(name))).toEqual([]);
  });
});

describe("numbers that do not fit together", () => {
  test.each([
    [
      ["--gen-length", "32", "--block-length", "5"],
      /--gen-length 32 is not a multiple of --block-length 5\. Choose .* 4\./,
    ],
    [["--gen-length", "12", "--block-length", "5", "--tokens-per-step", "2"], /--gen-length 12 is not a multiple of/],
    [
      ["--gen-length", "32", "--block-length", "8", "--steps", "6"],
      /--steps 6 is not a multiple of the 4 blocks.* Use 8/,
    ],
    [["--steps", "8", "--tokens-per-step", "2"], /--steps and --tokens-per-step exclude each other/],
    [["--tokens-per-step", "0.5"], /--tokens-per-step must be 1 or more, got 0\.5/],
    [["--temperature", "-1"], /--temperature must be 0 or more, got -1/],
    [["--cfg-scale", "-0.5"], /--cfg-scale must be 0 or more, got -0\.5/],
    [["--revise-topk", "2"], /--revise-topk must be from 0 to 1, got 2/],
    [["--revise-start", "-1"], /--revise-start must be from 0 to 1, got -1/],
    [["--stop", ""], /a stop text is empty/],
    [["--cache", "0,1,0.5"], /the prompt interval of --cache must be a whole number from 1/],
    [["--cache", "dllm-cache", "--cfg-scale", "1"], /--cache dllm-cache cannot be used together with --cfg-scale/],
    [
      ["--draft", "too long for it", "--gen-length", "2"],
      /the draft has \d+ tokens but --gen-length is 2\. Set --gen-length/,
    ],
    [
      ["--gen-length", "4090"],
      /the prompt has \d+ tokens and the answer 4090, .* the model's 4096 positions\. Use fewer/,
    ],
    [
      ["--compat", "--prompt", "<image> <image>"],
      /the prompt has 2 <image> for 1 picture\. Write <image> once for each/,
    ],
    [["--video-frames", "0"], /argument '0' is invalid\. It must be a whole number from 1/],
    [["--device", "abacus"], /argument 'abacus' is invalid\. It must be cpu, cuda, cuda:N or mps/],
  ])("%j", async (flags, line) => {
    expect(await refused(["caption", photo, "--model", at("model"), ...flags])).toMatch(line);
  });

  test("a prompt longer than the model's positions", async () => {
    const flags = ["--prompt", "why ".repeat(5000), "--gen-length", "4"];
    expect(await refused(["caption", photo, "--model", at("model"), ...flags])).toMatch(
      /the prompt has \d+ tokens with its pictures, and the model's 4096 positions leave no room for an answer\. Use fewer/,
    );
  });

  test("what is wrong with the options is said once, not for every picture", async () => {
    const pictures = [photo, at("model/config.json"), fixturePath("grey.jpg")];
    const flags = ["--model", at("model"), "--draft", "too long for it", "--gen-length", "2"];
    expect(await refused(["caption", ...pictures, ...flags])).toMatch(/the draft has/);
    writeTinyModel(at("text-only"), { textOnly: true });
    expect(await refused(["caption", ...pictures, "--model", at("text-only")])).toMatch(/cannot see pictures/);
  });
});
