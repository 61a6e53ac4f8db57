/** What the thread behind BodyReader does. */
import type { TransferListItem } from "node:worker_threads";
import { answerJobs } from "../../threads/answer-jobs.js";
import { collectWhenIdle } from "../../threads/idle-garbage.js";
import type { MediaSource } from "../media/load-media.js";
import { type BodyJob, type Judgement, judgeBody, packRefusal } from "./judge-body.js";

collectWhenIdle();
answerJobs(
  async (job: BodyJob | "warm"): Promise<Judgement | undefined> => {
    if (job === "warm") return undefined;
    try {
      const asked = judgeBody(job);
      return { asked: { ...asked, media: asked.media.map(whole) } };
    } catch (error) {
      return { refused: packRefusal(error) };
    }
  },
  (judged) =>
    judged !== undefined && "asked" in judged
      ? judged.asked.media.flatMap((source): TransferListItem[] =>
          "bytes" in source ? [source.bytes.buffer as ArrayBuffer] : [],
        )
      : [],
);

/** With bytes that lie alone in their buffer: a part of one cannot be moved. */
function whole(source: MediaSource): MediaSource {
  if (!("bytes" in source)) return source;
  const { bytes } = source;
  return bytes.length === bytes.buffer.byteLength && bytes.length >= Buffer.poolSize
    ? source
    : { ...source, bytes: new Uint8Array(bytes) };
}
