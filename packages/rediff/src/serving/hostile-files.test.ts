import { execFileSync, spawnSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import sharp from "sharp";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { folderOfFile } from "../testing/folders.js";
import { hostileFiles } from "../vision/fixtures/hostile-files.js";
import { blackPng, jpegOfScans } from "../vision/fixtures/hostile-pictures.js";
import { isBuilt, pictureUrl, post, startTestServer, type TestServer, until } from "./testing/start.js";

const SIDE = 1500;
const { at } = folderOfFile();
const haveFfmpeg = spawnSync("ffmpeg", ["-version"]).status === 0 && spawnSync("ffprobe", ["-version"]).status === 0;
const dataUrl = (bytes: Uint8Array, type = "image/png") =>
  `data:${type};base64,${Buffer.from(bytes).toString("base64")}`;
const asking = (...content: object[]) => ({ messages: [{ role: "user", content }], max_tokens: 4 });
const picture = (bytes: Uint8Array) => ({ type: "image_url", image_url: { url: dataUrl(bytes) } });
const video = (bytes: Uint8Array) => ({ type: "video_url", video_url: { url: dataUrl(bytes, "video/mp4") } });

interface Refusal {
  error: { code: string; message: string; param: string };
}

describe.skipIf(!isBuilt)(`files that mean harm${isBuilt ? "" : " (SKIPPED: not built)"}`, () => {
  let started: TestServer;
  beforeAll(async () => {
    const media = {
      maxPixels: SIDE ** 2,
      requestPixels: 3 * SIDE ** 2,
      pictureSeconds: 20,
      maxPictures: 8,
      maxBytes: 8 << 20,
    };
    started = await startTestServer({ media, engine: { visionWorkers: 2 }, bodyLimit: 12 << 20 });
  });
  afterAll(() => started[Symbol.asyncDispose]());

  const chat = async (...content: object[]) => {
    const { status, body } = await post(started.url, "/v1/chat/completions", asking(...content));
    return { status, body: body as Refusal };
  };
  const draw = async (bytes: Uint8Array) => {
    const init = { method: "POST", headers: { "content-type": "image/png" }, body: new Uint8Array(bytes) };
    const response = await fetch(`${started.url}/v1/pictures`, init);
    return { status: response.status, body: (await response.json()) as Refusal };
  };

  test("each gets an answer or a line that says what is wrong, and the server and its neighbours stay well", async () => {
    const files = await hostileFiles(SIDE);
    expect(files.length).toBeGreaterThan(60);
    const { pid } = started.server.engine;
    const wrong: string[] = [];
    for (const [i, { name, bytes }] of files.entries()) {
      const { status, body } = await (i % 3 === 0 ? draw(bytes) : chat(picture(bytes)));
      const message = status === 200 ? "" : body.error.message;
      const isTold = status === 400 && /invalid_image|invalid_data_url|empty_body/.test(body.error.code);
      if ((status !== 200 && !isTold) || message.includes("\n") || message.length > 500)
        wrong.push(`${name}: ${status} ${message}`);
      if (i % 10 === 0) expect((await chat({ type: "image_url", image_url: { url: pictureUrl() } })).status).toBe(200);
    }
    expect(wrong).toEqual([]);
    expect(started.server.engine.pid).toBe(pid);
    expect(started.log.join("\n")).not.toMatch(/Error|\.ts:|\.js:/);
  });

  test("many pictures that claim to be large are refused together, before one is decoded", async () => {
    const avif = await sharp({ create: { width: SIDE, height: SIDE, channels: 3, background: "teal" } })
      .avif({ effort: 0 })
      .toBuffer();
    const began = performance.now();
    const { status, body } = await chat(...Array.from({ length: 8 }, () => picture(avif)));
    expect([status, body.error.code, body.error.param]).toEqual([
      400,
      "invalid_image",
      "messages[0].content[3].image_url.url",
    ]);
    expect(body.error.message).toMatch(
      /with it the request has 9000000 pixels; at most 6750000 are decoded for one request.*the server's limit/,
    );
    expect(performance.now() - began).toBeLessThan(5000);
    expect((await chat(...Array.from({ length: 3 }, () => picture(avif)))).status).toBe(200);
    expect((await chat(...Array.from({ length: 8 }, () => picture(blackPng(300, 300))))).status).toBe(200);
  });

  test.skipIf(!haveFfmpeg)("frames count like pictures, and a video gets what is left", async () => {
    const frames = (size: string, seconds: number) => {
      const source = ["-f", "lavfi", "-i", `color=red:s=${size}:r=10:d=${seconds}`];
      execFileSync("ffmpeg", ["-nostdin", "-v", "error", "-y", ...source, "-c:v", "mpeg4", at("clip.mp4")]);
      return readFileSync(at("clip.mp4"));
    };
    const clip = frames("640x480", 1);
    expect((await chat(video(clip))).status).toBe(200);
    expect((await chat(video(clip), video(clip))).status).toBe(200);
    const three = await chat(video(clip), video(clip), video(clip));
    expect([three.status, three.body.error.code, three.body.error.param]).toEqual([
      400,
      "invalid_video",
      "messages[0].content[2].video_url.url",
    ]);
    expect(three.body.error.message).toMatch(
      /10 frames of 640 x 480 pixels; at most 606000 are decoded for one request/,
    );
    const beside = await chat(picture(blackPng(SIDE, SIDE)), picture(blackPng(SIDE, SIDE - 50)), video(clip));
    expect(beside).toMatchObject({ status: 400, body: { error: { code: "invalid_video" } } });
    expect((await chat(picture(blackPng(20, 20)), video(clip))).status).toBe(200);
  });

  test.skipIf(process.platform !== "linux")("a client that leaves takes its work with it", async () => {
    const leaving = new AbortController();
    const asked = Promise.allSettled(
      Array.from({ length: 4 }, () =>
        post(started.url, "/v1/chat/completions", asking(picture(blackPng(SIDE, SIDE, { bits: 16, color: 6 }))), {
          signal: leaving.signal,
        }),
      ),
    );
    await new Promise((resolve) => setTimeout(resolve, 50));
    leaving.abort();
    await asked;
    await until(() => started.server.engine.running + started.server.engine.queued === 0);
    expect((await chat({ type: "image_url", image_url: { url: pictureUrl() } })).status).toBe(200);
  });

  test.skipIf(process.platform !== "linux")(
    "processes that decode are killed at any time, and every picture is answered",
    async () => {
      let killed = 0;
      const killer = setInterval(() => {
        for (const pid of decoders()) {
          if (killed >= 3) return;
          process.kill(pid, "SIGKILL");
          killed++;
        }
      }, 400);
      const answers = await Promise.all(Array.from({ length: 12 }, () => chat(picture(blackPng(SIDE, SIDE)))));
      clearInterval(killer);
      expect(killed).toBeGreaterThan(0);
      for (const { status, body } of answers) if (status !== 200) expect(body.error.message).toMatch(/killed, twice/);
      expect(answers.filter(({ status }) => status === 200).length).toBeGreaterThanOrEqual(9);
    },
  );

  test("a picture has its time, and another one after it has its own", async () => {
    const media = { maxPixels: 2e8, requestPixels: 2e8, pictureSeconds: 1.5 };
    await using patient = await startTestServer({ media, engine: { visionWorkers: 1 } });
    const slow = Array.from({ length: 3 }, () =>
      post(patient.url, "/v1/chat/completions", asking(picture(jpegOfScans(12_000, 14_000, 99)))),
    );
    for (const { status, body } of await Promise.all(slow))
      expect([status, (body as Refusal).error]).toMatchObject([
        400,
        {
          code: "invalid_image",
          message: expect.stringMatching(/the picture: decoding it took longer than 1.5 seconds. Shrink/),
        },
      ]);
  });
});

/** Processes that this one has started for its pictures. */
function decoders(): number[] {
  return readdirSync("/proc")
    .map(Number)
    .filter((pid) => {
      try {
        const parent = Number(
          readFileSync(`/proc/${pid}/stat`, "utf8")
            .replace(/^.*\) /s, "")
            .split(" ")[1],
        );
        return parent === process.pid && readFileSync(`/proc/${pid}/cmdline`, "utf8").includes("vision-worker");
      } catch {
        return false;
      }
    });
}
