/** `rediff refine IMAGE --draft TEXT`: repairs a description against its picture. */
import { Command } from "commander";
import { UserError } from "../../errors.js";
import { storedPath } from "../../files/stored-path.js";
import { readUtf8, readUtf8Stream } from "../../files/utf8-text.js";
import { checkRefineOptions } from "../../inference/request.js";
import { namedApproximations } from "../../inference/request-record.js";
import { printable } from "../../printable.js";
import type { UnreadText } from "../../text/alignment/aligned-text.js";
import type { TextEdit } from "../../text/text-edits.js";
import {
  addModelOptions,
  addPromptOptions,
  chosenModel,
  type ModelFlags,
  type PromptFlags,
  promptOptions,
} from "../options/describe-options.js";
import { openModel } from "../options/load-engine.js";
import { decimal, given, whole } from "../options/parse-values.js";
import { noteApproximate } from "../terminal/cache-note.js";
import { listenForInterrupts } from "../terminal/interrupts.js";
import { layerLine } from "../terminal/layers-text.js";
import { answerLine, noteLine, paintedLine } from "../terminal/lines.js";
import { markerNote, namedPromptUnread, unreadNote } from "../terminal/unread-note.js";

interface Flags extends ModelFlags, PromptFlags {
  draft?: string;
  draftFile?: string;
  rounds?: number;
  threshold?: number;
  keep?: number;
  json?: true;
}

const HELP = `
Needs a model that was trained to refine (ReDiff). What is wrong is replaced by as many tokens; what is right stays as it
was typed, case, spaces and line breaks included. Words that the model cannot read are named and left alone, and the two
words on either side of one are not judged.

--json prints {"text","edits":[{"start","end","from","to","confidence"}],"unread":[{"start","end","text"}]}; start and end
count the draft's characters (UTF-16 units). Words of the question that the model cannot read are in "prompt_unread", where
there are any.

Examples:
  $ rediff refine photo.jpg --draft "A dog sits on the sofa." --model ReDiff-8B
  $ rediff refine photo.jpg --draft-file caption.txt --threshold 0.5 --json --model ReDiff-8B
`;

export function refineCommand(): Command {
  const command = new Command("refine")
    .description("repair a description of a picture")
    .argument("<IMAGE>", "picture, video, or folder of frames")
    .option("--draft <TEXT>", "the description to repair")
    .option("--draft-file <FILE>", "read it from a file, - for stdin");
  addModelOptions(command);
  addPromptOptions(command)
    .option("--rounds <N>", "rounds of correction at most (default 8)", whole(1))
    .option(
      "--threshold <P>",
      "replace a token only when at least this sure, 0 to 1 (default the model's, else 0)",
      decimal,
    )
    .option(
      "--keep <P>",
      "leave a token alone that is at least this likely, 0 to 1 (default the model's, else 1)",
      decimal,
    )
    .option("--json", "one JSON line on stdout");
  return command.addHelpText("after", HELP).action(run);
}

async function run(image: string, flags: Flags): Promise<void> {
  chosenModel(flags);
  const { rounds, threshold, keep } = flags;
  const options = { ...promptOptions(flags), ...given({ rounds, threshold, keep }) };
  checkRefineOptions(options);
  const draft = await readDraft(flags);
  const picture = storedPath(image);
  if (picture === undefined) throw new UserError(`there is no file ${image === "" ? '""' : image}`);
  const note = flags.compat ? undefined : markerNote(options.prompt, 1);
  if (note !== undefined) noteLine(note);
  using model = await openModel(flags, { pictures: true });
  using interrupt = listenForInterrupts();
  const layers = layerLine();
  const awaiting = { signal: interrupt.signal, onLayers: layers.onLayers };
  const refined = await model.refine(picture, draft, { ...options, ...awaiting }).finally(layers.clear);
  const { text, edits, unread, promptUnread } = refined;
  noteApproximate(refined);
  if (flags.json) {
    const record = { text, edits, unread, ...namedPromptUnread(promptUnread), ...namedApproximations(refined) };
    answerLine(JSON.stringify(record));
    return;
  }
  paintedLine(process.stdout.isTTY ? marked(draft, edits, unread) : text);
  for (const { from, to, start, confidence } of edits)
    noteLine(`${start}: ${JSON.stringify(from)} -> ${JSON.stringify(to)} (${confidence.toFixed(2)})`);
  if (edits.length === 0) noteLine("nothing to change");
  if (promptUnread.length > 0) noteLine(`of the question ${unreadNote(promptUnread)}`);
  if (unread.length > 0) noteLine(`${unreadNote(unread)}; left as they are`);
}

/** For terminals: what was written is bold, what the model cannot read is underlined. */
function marked(draft: string, edits: readonly TextEdit[], unread: readonly UnreadText[]): string {
  const parts = [
    ...edits.map(({ start, end, to }) => ({ start, end, shown: `\x1b[1m${printable(to)}\x1b[22m` })),
    ...unread.map(({ start, end, text }) => ({ start, end, shown: `\x1b[4m${printable(text)}\x1b[24m` })),
  ].sort((a, b) => a.start - b.start);
  let result = "";
  let at = 0;
  for (const { start, end, shown } of parts) {
    result += printable(draft.slice(at, start)) + shown;
    at = end;
  }
  return result + printable(draft.slice(at));
}

async function readDraft({ draft, draftFile }: Flags): Promise<string> {
  if (draft !== undefined && draftFile !== undefined)
    throw new UserError("--draft and --draft-file exclude each other", "Give one of them.");
  if (draft !== undefined) return draft;
  if (draftFile === undefined) throw new UserError("no draft was given", "Use --draft TEXT or --draft-file FILE.");
  const text = await (draftFile === "-" ? readUtf8Stream(process.stdin, "standard input") : readUtf8(draftFile));
  // A file's last line ends with a newline that is not part of the text.
  return text.replace(/\r?\n$/, "");
}
