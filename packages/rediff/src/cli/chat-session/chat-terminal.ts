/** A chat in a terminal: a prompt, the answer as it forms, the answer.
 *
 *  Lines typed while an answer forms wait for their turn, unseen, so that they do not mix with it. Ctrl-C stops an answer
 *  or clears the line; twice, or Ctrl-D, leaves. */
import { createInterface, type Interface } from "node:readline";
import { Writable } from "node:stream";
import type { PassProgress } from "../../models/chain.js";
import { printable } from "../../printable.js";
import type { Tokenizer } from "../../text/tokenizer.js";
import { approximateNotes } from "../terminal/cache-note.js";
import { errorText } from "../terminal/error-text.js";
import { layersText } from "../terminal/layers-text.js";
import { type LiveStream, LiveText } from "../terminal/live-text.js";
import { unreadNote } from "../terminal/unread-note.js";
import type { Conversation } from "./conversation.js";

export interface ChatTerminal {
  input: NodeJS.ReadableStream;
  output: LiveStream;
  tokenizer: Tokenizer;
  /** Ends the chat; its reason is thrown. */
  signal: AbortSignal;
  verbose?: boolean | undefined;
}

const GREETING = "/help lists the commands; Ctrl-C stops an answer, Ctrl-D leaves.\n\n";
const HINT = "(Ctrl-C again to leave)\n";

export async function chatInTerminal(conversation: Conversation, terminal: ChatTerminal): Promise<void> {
  const { output, signal, verbose } = terminal;
  const screen = new Screen(output);
  const rl = createInterface({ input: terminal.input, output: screen, terminal: true, prompt: "> " });
  const typed = new Typed(rl, signal);
  const live = new LiveText(output, terminal.tokenizer);
  let answering: AbortController | undefined;
  let isArmed = false;
  rl.on("SIGINT", () => {
    if (answering === undefined && rl.line !== "") {
      isArmed = false;
      rl.write(null, { ctrl: true, name: "e" });
      rl.write(null, { ctrl: true, name: "u" });
      return;
    }
    if (isArmed) rl.close();
    isArmed = true;
    if (answering !== undefined) answering.abort();
    else if (!typed.isOver) {
      output.write(`\n${HINT}`);
      rl.prompt(true);
    }
  });

  output.write(GREETING);
  try {
    while (!typed.isOver) {
      rl.prompt(true);
      const line = await typed.next();
      if (line === undefined) break;
      isArmed = false;
      screen.isMuted = true;
      try {
        const turn = await conversation.read(line);
        if (turn?.kind === "quit") break;
        if (turn?.kind === "note") output.write(`${turn.text}\n\n`);
        if (turn?.kind === "ask") {
          answering = new AbortController();
          const stop = AbortSignal.any([answering.signal, signal, typed.over]);
          await answer(conversation, turn.text, stop, live, output);
        }
      } catch (error) {
        live.clear();
        signal.throwIfAborted();
        if (answering?.signal.aborted) output.write("stopped\n\n");
        else if (!typed.isOver) output.write(`${problem(error, conversation, verbose)}\n\n`);
      } finally {
        answering = undefined;
        screen.isMuted = false;
      }
    }
    signal.throwIfAborted();
  } finally {
    rl.close();
    output.write("\n");
  }
}

async function answer(
  conversation: Conversation,
  text: string,
  signal: AbortSignal,
  live: LiveText,
  output: LiveStream,
): Promise<void> {
  const onLayers = (progress: PassProgress) => {
    const line = layersText(progress);
    if (line !== undefined) live.drawBelow(line);
  };
  const watching = conversation.ask(text, { signal, onLayers });
  let turn = await watching.next();
  while (!turn.done) {
    live.draw(turn.value);
    turn = await watching.next();
  }
  live.clear();
  const { text: answered, unread } = turn.value;
  const notes = [...(unread.length > 0 ? [unreadNote(unread)] : []), ...approximateNotes(turn.value)];
  const note = notes.map((line) => `(${line})\n`).join("");
  output.write(`${printable(answered.trim())}\n${note}\n`);
}

function problem(error: unknown, conversation: Conversation, verbose: boolean | undefined): string {
  const line = printable(errorText(error, verbose));
  return conversation.length > 0 && line.includes("positions") ? `${line} /reset begins anew.` : line;
}

/** What readline writes to; nothing gets through while an answer forms. */
class Screen extends Writable {
  isMuted = false;
  readonly #stream: LiveStream;

  constructor(stream: LiveStream) {
    super();
    this.#stream = stream;
  }

  /** readline wraps its line by it. */
  get columns(): number {
    return this.#stream.columns || 80;
  }

  override _write(chunk: Buffer | string, _encoding: BufferEncoding, done: () => void): void {
    if (!this.isMuted) this.#stream.write(chunk.toString());
    done();
  }
}

/** Lines in their order, also those that come before anyone asks. */
class Typed {
  readonly #lines: string[] = [];
  readonly #over = new AbortController();
  #wake: (() => void) | undefined;

  constructor(rl: Interface, signal: AbortSignal) {
    rl.on("line", (line) => {
      this.#lines.push(line);
      this.#wake?.();
    });
    rl.once("close", () => {
      this.#over.abort();
      this.#wake?.();
    });
    signal.addEventListener("abort", () => rl.close(), { once: true });
  }

  get isOver(): boolean {
    return this.#over.signal.aborted;
  }

  /** Aborted when there will be no more lines. */
  get over(): AbortSignal {
    return this.#over.signal;
  }

  /** undefined when there are no more. */
  async next(): Promise<string | undefined> {
    while (this.#lines.length === 0 && !this.isOver)
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    return this.#lines.shift();
  }
}
