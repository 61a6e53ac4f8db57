/** What is drafted: a data set's pictures and first questions, with the first answers as references; or all pictures of
 *  a folder, with one question. */
import { mkdir, readFile, rename, stat, writeFile } from "node:fs/promises";
import { basename, dirname, extname, join, resolve } from "node:path";
import { type DataFile, openRecords, type Records } from "../../data/records/record-list.js";
import { RecordReader } from "../../data/records/record-reader.js";
import type { DataRecord, Media, SampleSource } from "../../data/samples/sample.js";
import { describeSource, SampleError } from "../../data/samples/sample-error.js";
import { findPicture } from "../../data/samples/sample-media.js";
import { option, UserError, wording } from "../../errors.js";
import { writeError } from "../../files/write-errors.js";
import { placeImages } from "../../text/chat-template.js";
import { imageToken } from "../../text/image-tokens.js";
import { describeLeftOut, type LeftOutFile, picturesIn } from "../../vision/picture/folder-pictures.js";
import { memberPath } from "../archives/member-path.js";
import { LeftOutError } from "./left-out.js";

export interface Question {
  id: string;
  /** Path of the picture. */
  img: string;
  /** With `<image>`. */
  ques: string;
  /** The reference answer. */
  ans?: string;
}

/** Owns open files: `await using`. */
export interface Questions extends AsyncDisposable {
  count: number;
  /** @throws LeftOutError when the record cannot be drafted */
  read(record: number): Promise<Question>;
}

/** Where the pictures of a data set are. */
export interface QuestionOptions {
  /** Searched in this order for pictures whose name is no absolute path, as in training. */
  imageFolder?: string | undefined;
  imageFolder2?: string | undefined;
  /** Where pictures go that lie inside of shards (.tar), so that an expert and training find them. */
  unpackTo?: string | undefined;
  /** Absolute paths of pictures, whatever the data has. */
  absolute?: boolean | undefined;
  /** Decides which records `random:N` of a mixture takes. */
  seed?: number | undefined;
  onProgress?: ((done: number, total: number) => void) | undefined;
  /** Told which files of a folder of pictures are none. */
  onNoPictures?: ((leftOut: readonly LeftOutFile[]) => void) | undefined;
  signal?: AbortSignal | undefined;
}

/** @param prompt the question, for a folder of pictures only. @throws UserError when there is nothing to read */
export async function openQuestions(
  data: string | readonly DataFile[],
  prompt: string | undefined,
  options: QuestionOptions = {},
): Promise<Questions> {
  const isFolder = typeof data === "string" && (await stat(data).catch(() => undefined))?.isDirectory() === true;
  if (isFolder) {
    if (prompt === undefined) throw new UserError(`${data} is a folder of pictures: there is no question`);
    return pictureQuestions(data, prompt, options);
  }
  if (prompt !== undefined)
    throw new UserError(
      `the data has questions of its own, and a prompt was given`,
      "Leave the prompt out, or name a folder of pictures.",
    );
  const { seed, onProgress, signal } = options;
  const records = await openRecords(data, {
    ...(seed !== undefined && { seed }),
    ...(onProgress && { onProgress }),
    ...(signal && { signal }),
  });
  assertPicturesHaveAPlace(records, options);
  return dataQuestions(records, options);
}

function assertPicturesHaveAPlace({ parts }: Records, { unpackTo }: QuestionOptions): void {
  const shard = parts.find(({ index }) => index.kind === "tar");
  if (shard === undefined || unpackTo !== undefined) return;
  throw new UserError(
    `${shard.index.file} holds its pictures itself, and a draft names a picture's file`,
    wording`Give ${option("unpackTo")} DIR: they are written there.`,
  );
}

function dataQuestions(records: Records, options: QuestionOptions): Questions {
  const reader = new RecordReader();
  return {
    count: records.count,
    async read(number) {
      const place = records.place(number);
      let source: SampleSource = place;
      try {
        const record = await reader.read(place);
        source = record.source;
        return await toQuestion(record, number, options);
      } catch (error) {
        if (!(error instanceof SampleError)) throw error;
        const reason = error.kind === "missing" ? "missing" : error.kind === "unreadable" ? "unusable" : "broken";
        throw new LeftOutError(reason, `${describeSource(source)}: ${error.line}`, source.id);
      }
    },
    [Symbol.asyncDispose]: () => reader.close(),
  };
}

async function toQuestion(record: DataRecord, number: number, options: QuestionOptions): Promise<Question> {
  const { source, turns, images, video } = record;
  const id = source.id ?? String(number);
  const leaveOut = (reason: LeftOutError["reason"], message: string) =>
    new LeftOutError(reason, `${describeSource(source)}: ${message}`, id);
  const [image] = images;
  if (video !== undefined) throw leaveOut("not_one_picture", "has a video");
  if (image === undefined) throw leaveOut("no_picture", "has no picture");
  if (images.length > 1) throw leaveOut("not_one_picture", `has ${images.length} pictures`);
  const asked = turns.findIndex(({ role }) => role === "user");
  const question = turns[asked]?.content ?? "";
  if (question.replaceAll(imageToken, "").trim() === "") throw leaveOut("no_question", "has no question");
  if (question.split(imageToken).length > 2) throw leaveOut("markers", `its question has more than one ${imageToken}`);
  const answer = turns.slice(asked + 1).find(({ role }) => role === "assistant")?.content;
  const path = typeof image === "string" ? await pathOf(image, record, options) : await unpack(image, record, options);
  return {
    id,
    img: options.absolute ? resolve(path) : path,
    ques: placeImages(question, 1),
    ...(answer !== undefined && { ans: answer }),
  };
}

async function pathOf(name: string, record: DataRecord, { imageFolder, imageFolder2 }: QuestionOptions) {
  return findPicture(name, record, {
    ...(imageFolder !== undefined && { imageFolder }),
    ...(imageFolder2 !== undefined && { imageFolder2 }),
  });
}

/** A picture of a shard goes to FOLDER/shard-name/its-name, whole or not at all. */
async function unpack({ name, bytes }: Exclude<Media, string>, { source }: DataRecord, options: QuestionOptions) {
  const member = memberPath(name);
  if (typeof member !== "string") throw new SampleError("form", `the name ${name} ${member.wrong}`);
  const shard = basename(source.file, extname(source.file));
  const path = join(options.unpackTo ?? "", shard, member);
  const there = await readFile(path).catch(() => undefined);
  if (there?.equals(bytes)) return path;
  if (there !== undefined)
    throw new UserError(`${path} is there already and is another picture`, "Name an empty folder for the pictures.");
  const partial = `${path}.partial-${process.pid}`;
  try {
    await mkdir(dirname(path), { recursive: true });
    await writeFile(partial, bytes);
    await rename(partial, path);
  } catch (cause) {
    throw writeError(path, cause);
  }
  return path;
}

/** Those of inner folders are not taken. */
async function pictureQuestions(folder: string, prompt: string, options: QuestionOptions): Promise<Questions> {
  const { absolute, onNoPictures } = options;
  if (prompt.replaceAll(imageToken, "").trim() === "") throw new UserError("the prompt is empty");
  if (prompt.split(imageToken).length > 2) throw new UserError(`the prompt has more than one ${imageToken}`);
  const { pictures: names, leftOut } = await picturesIn(folder);
  if (names.length === 0)
    throw new UserError(`folder ${folder} has no pictures`, leftOut.length > 0 ? describeLeftOut(leftOut) : undefined);
  if (leftOut.length > 0) onNoPictures?.(leftOut);
  const ques = placeImages(prompt, 1);
  return {
    count: names.length,
    async read(number) {
      const name = names[number] as string;
      const path = join(folder, name);
      return { id: name, img: absolute ? resolve(path) : path, ques };
    },
    [Symbol.asyncDispose]: async () => undefined,
  };
}
