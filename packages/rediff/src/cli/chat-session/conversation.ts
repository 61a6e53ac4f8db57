/** What a chat remembers: messages, the pictures they are about, and the commands that change both. */
import { writeFile } from "node:fs/promises";
import { extname } from "node:path";
import type { DecodeStep } from "../../diffusion/decode-step.js";
import { UserError } from "../../errors.js";
import type { DescribeOptions } from "../../inference/request.js";
import type { Description, VisionLanguageModel } from "../../inference/vision-language-model.js";
import type { ChatMessage } from "../../text/chat-template.js";
import { placePictures, wordsOf } from "../../text/image-markers.js";
import type { Visual } from "../../vision/tiles/tiles.js";
import { expandInputs } from "../options/picture-inputs.js";

export const COMMANDS = `/image PATH   add a picture (or video, folder, pattern); it goes with the next message
/reset        begin anew; the pictures stay and go with the next message
/reset all    begin anew without them
/save FILE    write the conversation, as JSON if FILE ends in .json
/help         this
/quit         leave (or Ctrl-D)
A message that begins with / is written with two: //path means "/path".
<image> in a message places its new pictures, one each; \\<image> is the word.
`;

/** What a line that was typed means. */
export type TypedLine = { kind: "ask"; text: string } | { kind: "note"; text: string } | { kind: "quit" };

interface Picture {
  path: string;
  visual: Visual;
}

export class Conversation {
  readonly #model: VisionLanguageModel;
  readonly #options: DescribeOptions;
  #messages: ChatMessage[] = [];
  #pictures: Picture[] = [];
  /** Pictures that a message has; the others go with the next one. */
  #placed = 0;

  constructor(model: VisionLanguageModel, options: DescribeOptions) {
    this.#model = model;
    this.#options = options;
  }

  /** @throws UserError for files that are none or cannot be read; then none of them is added */
  async addPictures(paths: readonly string[]): Promise<void> {
    const read: Picture[] = [];
    for (const path of paths) read.push({ path, visual: await this.#model.load(path, this.#options) });
    this.#pictures.push(...read);
  }

  /** Obeys a command, or tells what is to be asked; undefined for an empty line.
   *  @throws UserError for commands that are none or cannot be obeyed */
  async read(line: string): Promise<TypedLine | undefined> {
    const text = line.trim();
    if (text === "") return undefined;
    if (text.startsWith("//")) return { kind: "ask", text: text.slice(1) };
    if (!text.startsWith("/")) return { kind: "ask", text };
    const [, command = "", argument = ""] = /^(\S+)\s*(.*)$/s.exec(text) ?? [];
    return this.#obey(command, argument);
  }

  async #obey(command: string, argument: string): Promise<TypedLine> {
    const path = argument.replace(/^(["'])(.*)\1$/s, "$2");
    switch (command) {
      case "/image": {
        if (path === "") throw new UserError("/image needs a file", "For example /image photo.jpg.");
        const paths = await expandInputs([path]);
        await this.addPictures(paths);
        return { kind: "note", text: `${paths.join(", ")}: goes with the next message` };
      }
      case "/reset": {
        if (argument !== "" && argument !== "all")
          throw new UserError(`/reset ${argument} is unknown`, "Use /reset, or /reset all to drop the pictures too.");
        this.#messages = [];
        this.#placed = 0;
        if (argument === "all") this.#pictures = [];
        return { kind: "note", text: `begun anew, with ${count(this.#pictures.length, "picture")}` };
      }
      case "/save": {
        if (path === "") throw new UserError("/save needs a file", "For example /save chat.txt or /save chat.json.");
        await this.#save(path);
        return { kind: "note", text: `${count(this.#messages.length, "message")} in ${path}` };
      }
      case "/help":
        return { kind: "note", text: COMMANDS.trimEnd() };
      case "/quit":
        return { kind: "quit" };
      default:
        throw new UserError(`${command} is no command`, "/help lists them; // begins a message that begins with /.");
    }
  }

  /** Answers a message, a step at a time. It is remembered once it is answered. */
  async *ask(
    text: string,
    awaiting: Pick<DescribeOptions, "signal" | "onLayers">,
  ): AsyncGenerator<DecodeStep, Description> {
    const content = placePictures(text, this.#pictures.length - this.#placed);
    const messages = [...this.#messages, { role: "user", content }];
    const visuals = this.#pictures.map(({ visual }) => visual);
    const answer = yield* this.#model.watchLoaded(visuals, { ...this.#options, messages, ...awaiting });
    this.#messages = [...messages, { role: "assistant", content: answer.text.trim() }];
    this.#placed = this.#pictures.length;
    return answer;
  }

  get length(): number {
    return this.#messages.length;
  }

  async #save(path: string): Promise<void> {
    const images = this.#pictures.map((picture) => picture.path);
    const content =
      extname(path).toLowerCase() === ".json"
        ? `${JSON.stringify({ model: this.#model.model.folder, images, messages: this.#messages }, null, 2)}\n`
        : [...images, "", ...this.#messages.map(transcript)].join("\n");
    await writeFile(path, content, { flag: "wx" }).catch((error: NodeJS.ErrnoException) => {
      if (error.code === "EEXIST") throw new UserError(`${path} exists`, "Choose another name.");
      throw new UserError(`${path} cannot be written: ${error.message}`);
    });
  }
}

/** Pictures are named above; their places are of interest to programs only. */
const transcript = (message: ChatMessage): string => `${message.role}: ${wordsOf(message)}\n`;

const count = (n: number, what: string): string => `${n} ${what}${n === 1 ? "" : "s"}`;
