import { spawnSync } from "node:child_process";
import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, it, vi } from "vitest";
import { UserError } from "../../errors.js";
import { folderOfFile } from "../../testing/folders.js";
import { fixturePath } from "../fixtures/pillow.js";
import { loadPicture } from "../picture/load-picture.js";
import { loadVideo, type VideoOptions } from "./load-video.js";
import { readPpm } from "./ppm.js";

const { at, path: folder } = folderOfFile();

const TILE = 28;
const take = (frames: number): VideoOptions => ({ tileSize: TILE, sampling: { kind: "uniform", frames } });

const haveFfmpeg = spawnSync("ffmpeg", ["-version"]).status === 0 && spawnSync("ffprobe", ["-version"]).status === 0;

describe.skipIf(!haveFfmpeg)(`video files${haveFfmpeg ? "" : " (SKIPPED: ffmpeg is not installed)"}`, () => {
  const clip = at("clip.mkv");

  /** Frame i of the clip is plain grey of level 16 + 6 i; FFV1 keeps it. */
  beforeAll(() => {
    ffmpeg([
      "-f",
      "lavfi",
      "-i",
      "color=black:s=64x48:r=10:d=3",
      "-vf",
      "format=gray,geq=lum='16+6*N'",
      "-c:v",
      "ffv1",
      clip,
    ]);
  });

  it("takes exactly the frames of the index rule, squashed", async () => {
    const video = await loadVideo(clip, take(7));
    expect(video.totalFrames).toBe(30);
    expect(video.fps).toBe(10);
    expect(video.indices).toEqual([0, 4, 9, 14, 19, 24, 29]);
    expect(video.times).toEqual([0, 0.4, 0.9, 1.4, 1.9, 2.4, 2.9]);
    expect(video.imageSize).toEqual({ width: 64, height: 48 });
    expect(video.tiles).toBe(7);
    expect(levels(video.pixels)).toEqual(video.indices.map((index) => [16 + 6 * index]));
  });

  it("gives the same from bytes as from a file, wherever the file has its index", async () => {
    const kinds: Record<string, string[]> = {
      "last.mp4": ["-c:v", "mpeg4"],
      "first.mp4": ["-c:v", "mpeg4", "-movflags", "faststart"],
      "frames.mp4": ["-c:v", "mpeg4", "-movflags", "frag_keyframe+empty_moov"],
      "b.mov": ["-c:v", "mpeg4", "-bf", "2"],
      "clip.avi": ["-c:v", "mpeg4"],
      "clip.ts": ["-c:v", "mpeg2video", "-r", "25"],
      "copy.mkv": ["-c:v", "ffv1"],
    };
    for (const [name, args] of Object.entries(kinds)) {
      const path = at(name);
      ffmpeg(["-i", clip, ...args, path]);
      const bytes = new Uint8Array(readFileSync(path));
      const fromBytes = await loadVideo({ name: "the video", bytes }, take(5));
      const fromFile = await loadVideo(path, take(5));
      expect(fromFile.totalFrames).toBeGreaterThan(20);
      expect({ name, ...fromBytes }).toEqual({ name, ...fromFile });
    }
  });

  it("bytes cannot name files or addresses, and say what is wrong with them", async () => {
    const secret = at("secret.mkv");
    copyFileSync(clip, secret);
    const playlists = [
      `#EXTM3U\n#EXT-X-TARGETDURATION:3\n#EXTINF:3,\nfile://${secret}\n#EXT-X-ENDLIST\n`,
      "#EXTM3U\n#EXT-X-TARGETDURATION:3\n#EXTINF:3,\nhttp://127.0.0.1:1/x.ts\n#EXT-X-ENDLIST\n",
      `ffconcat version 1.0\nfile '${secret}'\n`,
      "not a video",
      "",
    ];
    for (const text of playlists) {
      const loading = loadVideo({ name: "the video", bytes: Buffer.from(text) }, take(2));
      await expect(loading).rejects.toThrow(UserError);
      await expect(loading).rejects.toThrow(/^the video: /);
    }
    const cut = readFileSync(clip).subarray(0, 600);
    await expect(loadVideo({ name: "the video", bytes: cut }, take(2))).rejects.toThrow(UserError);
  });

  it("follows the training rule", async () => {
    const sampling = { kind: "fps", videoFps: 2, framesUpbound: 4 } as const;
    const video = await loadVideo(clip, { tileSize: TILE, sampling });
    expect(video.indices).toEqual([0, 9, 19, 29]);
    const slow = await loadVideo(clip, { tileSize: TILE, sampling: { kind: "fps" } });
    expect(slow.indices).toEqual([0, 10, 20]);
  });

  it("repeats frames where there are fewer than asked for", async () => {
    const short = at("short.mkv");
    ffmpeg(["-i", clip, "-frames:v", "2", "-c:v", "ffv1", short]);
    const video = await loadVideo(short, take(4));
    expect(video.indices).toEqual([0, 0, 0, 1]);
    expect(levels(video.pixels)).toEqual([[16], [16], [16], [22]]);
  });

  it("counts frames, not packets, when an edit list hides some", async () => {
    const whole = at("whole.mp4");
    const cut = at("cut.mp4");
    ffmpeg(["-i", clip, "-c:v", "mpeg4", "-q:v", "2", "-g", "30", whole]);
    ffmpeg(["-ss", "1", "-i", whole, "-c", "copy", cut]);
    const video = await loadVideo(cut, take(3));
    expect(video.totalFrames).toBe(20);
    expect(video.indices).toEqual([0, 9, 19]);
  });

  it("shows rotated recordings upright", async () => {
    const [whole, turned] = [at("lying.mp4"), at("turned.mp4")];
    ffmpeg(["-i", clip, "-frames:v", "4", "-c:v", "mpeg4", whole]);
    writeFileSync(turned, quarterTurn(readFileSync(whole)));
    expect((await loadVideo(whole, take(2))).imageSize).toEqual({ width: 64, height: 48 });
    expect((await loadVideo(turned, take(2))).imageSize).toEqual({ width: 48, height: 64 });
  });

  it("refuses what is no video, and what is cut off", async () => {
    const bytes = readFileSync(clip);
    const cases: [string, Buffer, RegExp][] = [
      ["empty.mp4", Buffer.alloc(0), /the file is empty; expected a video/],
      ["text.mp4", Buffer.from("hello, world\n".repeat(20)), /ffmpeg cannot read it as a video/],
      ["half.mkv", bytes.subarray(0, Math.floor(bytes.length * 0.6)), /the file is cut off after \d+ frames/],
    ];
    for (const [name, content, message] of cases) {
      writeFileSync(at(name), content);
      const error = await loadVideo(at(name), take(3)).catch((reason: unknown) => reason);
      expect(error).toBeInstanceOf(UserError);
      expect((error as UserError).line).toMatch(message);
    }
    const sound = at("sound.wav");
    ffmpeg(["-f", "lavfi", "-i", "sine=d=0.1", sound]);
    await expect(loadVideo(sound, take(3))).rejects.toThrow(/holds no video stream/);
    await expect(loadVideo(at("none.mp4"), take(3))).rejects.toThrow(/no such file/);
    await expect(loadVideo(clip, { ...take(3), maxPixels: 64 * 48 - 1 })).rejects.toThrow(/64 x 48 pixels/);
  });

  it("stops at once when aborted, and leaves no process behind", async () => {
    const endless = at("endless.mkv");
    ffmpeg(["-f", "lavfi", "-i", "testsrc2=s=640x480:r=30:d=30", "-c:v", "mpeg4", "-q:v", "9", endless]);
    const controller = new AbortController();
    const loading = loadVideo(endless, take(8), controller.signal);
    setTimeout(() => controller.abort(new Error("enough")), 150);
    await expect(loading).rejects.toThrow("enough");
    await vi.waitFor(() => expect(String(spawnSync("ps", ["-Ao", "args"]).stdout)).not.toContain(endless));
    await expect(loadVideo(clip, take(2), AbortSignal.abort(new Error("before")))).rejects.toThrow("before");
  });
});

describe("without ffmpeg", () => {
  it("says what to install", async () => {
    const file = at("some.mp4");
    writeFileSync(file, "x");
    vi.stubEnv("PATH", folder);
    try {
      await expect(loadVideo(file, take(2))).rejects.toThrow(/ffmpeg and ffprobe are needed/);
    } finally {
      vi.unstubAllEnvs();
    }
  });
});

describe("a folder of frames", () => {
  const frames = at("frames");

  beforeAll(() => {
    mkdirSync(frames);
    for (const [name, picture] of [
      ["f2.jpg", "grey.jpg"],
      ["f1.jpg", "color.jpg"],
      ["f3.png", "rgba.png"],
    ] as const) {
      copyFileSync(fixturePath(picture), join(frames, name));
    }
    writeFileSync(join(frames, "notes.txt"), "not a frame");
  });

  it("is a video at 2 frames a second, in the order of the names", async () => {
    const video = await loadVideo(frames, take(3));
    expect(video).toMatchObject({ tiles: 3, totalFrames: 3, fps: 2, indices: [0, 1, 2], times: [0, 0.5, 1] });
    for (const [index, picture] of ["color.jpg", "grey.jpg", "rgba.png"].entries()) {
      const alone = await loadPicture(fixturePath(picture), { tileSize: TILE, aspectRatio: { kind: "square" } });
      const size = alone.pixels.length;
      expect(video.pixels.subarray(index * size, (index + 1) * size)).toEqual(alone.pixels);
    }
  });

  it("gives 4,096 frames at most, and says what to do where more are asked for", async () => {
    await expect(loadVideo(frames, take(4097))).rejects.toThrow(/4097 frames would be taken; at most 4096/);
  });

  it("needs pictures in it", async () => {
    const empty = at("no frames");
    mkdirSync(empty);
    await expect(loadVideo(empty, take(3))).rejects.toThrow(/holds no pictures/);
  });
});

describe("readPpm", () => {
  it("finds the pictures however the bytes are cut", async () => {
    const pictures = [pictureBytes(2, 1, 9), pictureBytes(1, 3, 7)];
    const bytes = Buffer.concat(pictures);
    for (const size of [1, 5, bytes.length]) {
      const sizes: number[][] = [];
      for await (const { width, height, data } of readPpm(chunks(bytes, size)))
        sizes.push([width, height, data[0] ?? -1]);
      expect(sizes).toEqual([
        [2, 1, 9],
        [1, 3, 7],
      ]);
    }
  });

  it("does not take anything else for a picture", async () => {
    const reading = (async () => {
      for await (const image of readPpm(chunks(Buffer.alloc(100), 100))) expect(image).toBeUndefined();
    })();
    await expect(reading).rejects.toThrow(/wrote no PPM/);
  });
});

function pictureBytes(width: number, height: number, level: number): Buffer {
  return Buffer.concat([Buffer.from(`P6\n${width} ${height}\n255\n`), Buffer.alloc(width * height * 3, level)]);
}

async function* chunks(bytes: Buffer, size: number): AsyncGenerator<Uint8Array> {
  for (let i = 0; i < bytes.length; i += size) yield bytes.subarray(i, i + size);
}

/** The distinct levels of each tile. */
function levels(pixels: Uint8Array): number[][] {
  const bytes = 3 * TILE * TILE;
  return Array.from({ length: pixels.length / bytes }, (_, i) => [
    ...new Set(pixels.subarray(i * bytes, (i + 1) * bytes)),
  ]);
}

function ffmpeg(args: string[]): void {
  const { status, stderr } = spawnSync("ffmpeg", ["-nostdin", "-v", "error", "-y", ...args]);
  if (status !== 0) throw new Error(stderr.toString());
}

/** An MP4 whose one track is to be shown turned by 90 degrees: the matrix of its header (ISO/IEC 14496-12, 8.3.2). */
function quarterTurn(mp4: Buffer): Buffer {
  const turned = Buffer.from(mp4);
  const matrix = turned.indexOf("tkhd") + 4 + 40;
  for (const [i, value] of [0, 0x10000, 0, -0x10000, 0, 0, 0, 0, 0x40000000].entries())
    turned.writeInt32BE(value, matrix + 4 * i);
  return turned;
}
