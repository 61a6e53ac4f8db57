/** `rediff chat [IMAGE...]`: a conversation about pictures, in a terminal or a line at a time. */
import { addAbortSignal } from "node:stream";
import { Command } from "commander";
import { UserError } from "../../errors.js";
import { utf8LineReaders } from "../../files/utf8-text.js";
import { checkOptions, type DescribeOptions } from "../../inference/request.js";
import { COMMANDS, Conversation } from "../chat-session/conversation.js";
import { statusOfInputs } from "../exit-status.js";
import {
  type AnswerFlags,
  addAnswerOptions,
  addModelOptions,
  addPromptOptions,
  answerOptions,
  chosenModel,
  type ModelFlags,
  type PromptFlags,
  promptOptions,
} from "../options/describe-options.js";
import { openModel } from "../options/load-engine.js";
import { expandInputs } from "../options/picture-inputs.js";
import { descriptionRecord } from "../output/caption-many.js";
import { noteApproximate } from "../terminal/cache-note.js";
import { errorText } from "../terminal/error-text.js";
import { listenForInterrupts } from "../terminal/interrupts.js";
import { layerLine } from "../terminal/layers-text.js";
import { answerLine, noteLine } from "../terminal/lines.js";
import { unreadNote } from "../terminal/unread-note.js";

interface Flags extends ModelFlags, PromptFlags, AnswerFlags {
  json?: true;
}

const HELP = `
The pictures go with the first message. In a terminal the answer is shown while it forms, and these are commands:

${COMMANDS.replace(/^/gm, "  ").trimEnd()}

Ctrl-C stops an answer and keeps the chat; twice, it leaves. Without a terminal each line of stdin is a message or a
command, and each answer goes to stdout; one that fails is told on stderr, and the next line has its turn.

--json prints, per message: {"message","text","token_ids","steps","seconds","tokens_per_second",
"edits":[{"step","position","from","to"}],"unread":[{"start","end","text"}]}; unread are words of the message that the model
cannot read.

Examples:
  $ rediff chat photo.jpg --model LLaDA-V
  $ rediff chat a.jpg b.jpg --model ReDiff-8B --revise --tokens-per-step 4
  $ rediff chat photo.jpg --model LLaDA-V --json < questions.txt
`;

export function chatCommand(): Command {
  const command = new Command("chat")
    .description("talk about pictures, turn by turn")
    .argument("[IMAGE...]", "pictures, videos, folders or patterns");
  addModelOptions(command);
  addPromptOptions(command, { prompt: true });
  addAnswerOptions(command).option("--json", "JSON lines on stdout and nothing else");
  return command.addHelpText("after", HELP).action(run);
}

async function run(args: string[], _flags: Flags, command: Command): Promise<void> {
  const flags = command.optsWithGlobals<Flags>();
  chosenModel(flags);
  const options: DescribeOptions = { ...promptOptions(flags), ...answerOptions(flags) };
  checkOptions(options);
  if (options.conversation === "llada_plain")
    throw new UserError("llada_plain has no turns", "Use --conversation llava_llada, the default.");
  if (args.includes("-")) throw new UserError("messages come from stdin, not pictures", "Name the pictures.");
  const paths = args.length === 0 ? [] : await expandInputs(args);

  using model = await openModel(flags, { pictures: paths.length > 0 });
  const conversation = new Conversation(model, options);
  await conversation.addPictures(paths);
  using interrupt = listenForInterrupts();
  const { signal } = interrupt;
  if (process.stdin.isTTY && process.stdout.isTTY && !flags.json) {
    const { chatInTerminal } = await import("../chat-session/chat-terminal.js");
    const { tokenizer } = model.model;
    const { verbose } = flags;
    await chatInTerminal(conversation, { input: process.stdin, output: process.stdout, tokenizer, signal, verbose });
  } else {
    const { failed, done } = await chatByLine(conversation, flags, signal);
    process.exitCode = statusOfInputs(failed, failed + done);
  }
}

/** A line, an answer. @returns how many messages and commands failed, and how many did not */
async function chatByLine(conversation: Conversation, flags: Flags, signal: AbortSignal) {
  const lines = utf8LineReaders(addAbortSignal(signal, process.stdin), "standard input");
  let [failed, done] = [0, 0];
  try {
    for await (const read of lines) {
      try {
        const turn = await conversation.read(read());
        if (turn?.kind === "quit") break;
        if (turn?.kind === "note") noteLine(turn.text);
        if (turn?.kind === "ask") await answerMessage(conversation, turn.text, flags, signal);
        if (turn !== undefined) done++;
      } catch (error) {
        signal.throwIfAborted();
        failed++;
        noteLine(`rediff: ${errorText(error, flags.verbose)}`);
      }
    }
  } catch (error) {
    signal.throwIfAborted();
    throw error;
  }
  return { failed, done };
}

async function answerMessage(conversation: Conversation, message: string, flags: Flags, signal: AbortSignal) {
  const layers = layerLine();
  const watching = conversation.ask(message, { signal, onLayers: layers.onLayers });
  let turn = await watching.next().finally(layers.clear);
  while (!turn.done) turn = await watching.next().finally(layers.clear);
  const { unread } = turn.value;
  if (conversation.length === 2) noteApproximate(turn.value); // of the first answer
  const record = { message, ...descriptionRecord(turn.value), unread };
  if (!flags.json && unread.length > 0) noteLine(unreadNote(unread));
  answerLine(flags.json ? JSON.stringify(record) : turn.value.text.trim());
}
