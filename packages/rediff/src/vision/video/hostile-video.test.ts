import { spawnSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { beforeAll, describe, expect, it } from "vitest";
import { UserError } from "../../errors.js";
import { folderOfFile } from "../../testing/folders.js";
import { movieIndexFirst } from "./faststart.js";
import { loadVideo, probeFile, type VideoOptions } from "./load-video.js";

const { at } = folderOfFile();
const take = (frames: number): VideoOptions => ({ tileSize: 28, sampling: { kind: "uniform", frames } });
const haveFfmpeg = spawnSync("ffmpeg", ["-version"]).status === 0 && spawnSync("ffprobe", ["-version"]).status === 0;

function ffmpeg(...args: string[]): void {
  const { status, stderr } = spawnSync("ffmpeg", ["-nostdin", "-v", "error", "-y", ...args]);
  if (status !== 0) throw new Error(stderr.toString());
}

const color = (size: string, seconds = 0.3, name = "red") => [
  ...["-f", "lavfi", "-i", `color=${name}:s=${size}:r=10:d=${seconds}`],
];

/** The refusal of a file on the disk and of the same bytes; both in one line, and the same but for the name. */
async function refusals(path: string, options: VideoOptions): Promise<string> {
  const said: string[] = [];
  for (const source of [path, { name: path, bytes: new Uint8Array(readFileSync(path)) }]) {
    const error = await loadVideo(source, options).catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(UserError);
    if (error instanceof UserError) said.push(error.line);
  }
  expect(said[0]).toBe(said[1]);
  expect(said[0]).not.toContain("\n");
  return said[0] ?? "";
}

describe.skipIf(!haveFfmpeg)(`hostile videos${haveFfmpeg ? "" : " (SKIPPED: ffmpeg is not installed)"}`, () => {
  const growing = at("growing.mjpeg");

  beforeAll(() => {
    ffmpeg(...color("64x64"), "-c:v", "mjpeg", at("small.mjpeg"));
    ffmpeg(...color("1024x512", 0.3, "blue"), "-c:v", "mjpeg", at("large.mjpeg"));
    ffmpeg(...color("64x64"), "-c:v", "mpeg2video", "-r", "25", at("small.ts"));
    writeFileSync(growing, Buffer.concat([readFileSync(at("small.mjpeg")), readFileSync(at("large.mjpeg"))]));
  });

  it("a frame that is larger than the first is judged like the first, wanted or not", async () => {
    for (const frames of [1, 4]) {
      const line = await refusals(growing, { ...take(frames), maxPixels: 100_000 });
      expect(line).toMatch(/growing.mjpeg: a frame of 1024 x 512 pixels; at most 100000 are decoded. Re-encode/);
    }
  });

  it("frames that change their size keep their places, and get the size of the first", async () => {
    const { pixels, ...video } = await loadVideo(growing, { ...take(5), maxPixels: 1024 * 512 });
    expect(video).toMatchObject({ imageSize: { width: 64, height: 64 }, totalFrames: 6, indices: [0, 1, 2, 3, 5] });
    const tile = 3 * 28 * 28;
    const isBlue = video.indices.map((_, i) => (pixels[i * tile] ?? 0) < (pixels[(i + 1) * tile - 1] ?? 0));
    expect(isBlue).toEqual([false, false, false, true, true]);
  });

  it("a limit of pixels is kept to the pixel, though codecs count whole blocks", async () => {
    ffmpeg(...color("130x70"), "-c:v", "mpeg4", at("odd.mp4"));
    expect((await loadVideo(at("odd.mp4"), { ...take(2), maxPixels: 130 * 70 })).tiles).toBe(2);
    expect(await refusals(at("odd.mp4"), { ...take(2), maxPixels: 130 * 70 - 1 })).toMatch(/130 x 70 pixels/);
  });

  it("a frame that is a line of millions of pixels is refused before there is memory for it", async () => {
    ffmpeg(...color("2x65536", 0.1), "-c:v", "rawvideo", "-f", "nut", at("thin.nut"));
    const big = { tileSize: 1536, sampling: { kind: "uniform", frames: 1 } } as const;
    expect(await refusals(at("thin.nut"), big)).toMatch(/2 x 65536 pixels is too long and thin/);
  });

  it("what names other files or addresses is no video, wherever it lies", async () => {
    const clip = at("small.ts");
    const texts = {
      "list.mp4": `#EXTM3U\n#EXT-X-TARGETDURATION:3\n#EXTINF:3,\nfile://${clip}\n#EXT-X-ENDLIST\n`,
      "concat.mp4": `ffconcat version 1.0\nfile '${clip}'\n`,
      "dash.mp4": `<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="static"><Period><AdaptationSet><Representation id="1"><BaseURL>file://${clip}</BaseURL></Representation></AdaptationSet></Period></MPD>`,
      "session.mp4": "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=video 9 RTP/AVP 96\n",
    };
    for (const [name, text] of Object.entries(texts)) {
      writeFileSync(at(name), text);
      for (const source of [at(name), { name, bytes: Buffer.from(text) }]) {
        const loading = loadVideo(source, take(1));
        await expect(loading).rejects.toThrow(UserError);
        await expect(loading).rejects.toThrow(/is no video in a single file|cannot read it as a video/);
      }
    }
  });

  it("a sound with a cover holds no video", async () => {
    ffmpeg(...color("16x16", 0.1), "-frames:v", "1", at("cover.png"));
    const sound = ["-f", "lavfi", "-i", "sine=d=0.1", "-i", at("cover.png"), "-map", "0", "-map", "1"];
    ffmpeg(...sound, "-c:v", "copy", "-disposition:v", "attached_pic", "-c:a", "aac", at("song.mp4"));
    expect(await refusals(at("song.mp4"), take(1))).toMatch(/holds no video stream/);
  });

  it("the first of several streams is taken, and the others cost nothing", async () => {
    ffmpeg(...color("64x64"), "-c:v", "mpeg4", at("small.mkv"));
    ffmpeg(...color("1024x512"), "-c:v", "mpeg4", at("large.mkv"));
    const both = ["-i", at("small.mkv"), "-i", at("large.mkv"), "-map", "0:v", "-map", "1:v", "-c", "copy"];
    ffmpeg(...both, at("two.mkv"));
    expect((await loadVideo(at("two.mkv"), take(2))).imageSize).toEqual({ width: 64, height: 64 });
  });

  it("a rate, a duration and a turn that make no sense are no reason to fail", async () => {
    ffmpeg(...color("64x32"), "-c:v", "mpeg4", at("plain.mp4"));
    const lying = readFileSync(at("plain.mp4"));
    const [header, track] = [lying.indexOf("mvhd") + 4, lying.indexOf("tkhd") + 4];
    lying.writeUInt32BE(0xfffffffe, header + 16); // the duration of the whole
    lying.writeUInt32BE(0xfffffffe, track + 20); // of the track
    for (let i = 0; i < 9; i++) lying.writeInt32BE(1_000_000_000 - i * 77_777, track + 40 + 4 * i);
    writeFileSync(at("lying.mp4"), lying);
    expect(await loadVideo(at("lying.mp4"), take(2))).toMatchObject({ tiles: 2, totalFrames: 3 });
  });

  it("decoding ends with its time, and the line says so", async () => {
    ffmpeg("-f", "lavfi", "-i", "testsrc2=s=320x240:r=30:d=20", "-c:v", "mpeg4", "-q:v", "20", at("long.mp4"));
    const limited = { ...take(2), limits: { seconds: 0.05 } };
    expect(await refusals(at("long.mp4"), limited)).toMatch(/long.mp4: decoding it took longer than 0.05 seconds. Cut/);
    await expect(probeFile(at("long.mp4"), { limits: { seconds: 0.001 } })).rejects.toThrow(/took longer than/);
  });

  it("videos of 1080p and 4K need no more memory than their size is given", async () => {
    for (const size of ["1920x1080", "3840x2160"]) {
      ffmpeg("-f", "lavfi", "-i", `testsrc2=s=${size}:r=10:d=0.4`, "-c:v", "mpeg4", "-bf", "2", at("large.mp4"));
      expect((await loadVideo(at("large.mp4"), take(2))).totalFrames).toBe(4);
    }
  });

  it("frames that are taken have a limit together, which is kept before they are decoded", async () => {
    const limited = { ...take(2), limits: { pixels: 2 * 64 * 64 } };
    expect((await loadVideo(at("small.mjpeg"), limited)).tiles).toBe(2);
    expect(await refusals(at("small.mjpeg"), { ...limited, ...take(3) })).toMatch(
      /small.mjpeg: 3 frames of 64 x 64 pixels; at most 8192 are decoded for one request/,
    );
  });

  it.skipIf(process.platform !== "linux")("a decoder has no more memory than it is given", async () => {
    ffmpeg(...color("4096x4096", 0.2), "-c:v", "mpeg4", "-q:v", "31", at("wide.mp4"));
    const limited = { ...take(2), limits: { memory: 180e6 } };
    expect(await refusals(at("wide.mp4"), limited)).toMatch(/needs more than 180.0 MB of memory. Re-encode/);
    expect((await loadVideo(at("small.mjpeg"), { ...take(2), limits: { memory: 180e6 } })).tiles).toBe(2);
  });
});

describe("the index of a movie", () => {
  it("is no way into a recursion without end", () => {
    const depth = 100_000;
    const bytes = Buffer.alloc(24 + 8 * depth);
    bytes.writeUInt32BE(8, 0);
    bytes.write("ftyp", 4, "latin1");
    bytes.writeUInt32BE(16, 8);
    bytes.write("mdat", 12, "latin1");
    for (let i = 0; i < depth; i++) {
      bytes.writeUInt32BE(8 * (depth - i), 24 + 8 * i);
      bytes.write("moov", 28 + 8 * i, "latin1");
    }
    expect(movieIndexFirst(bytes)).toHaveLength(bytes.length);
  });
});
