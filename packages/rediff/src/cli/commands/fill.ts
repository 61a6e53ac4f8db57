/** `rediff fill [IMAGE...] --template T`: fills in the blanks of a text. */
import { Command } from "commander";
import { UserError } from "../../errors.js";
import { readUtf8, readUtf8Stream } from "../../files/utf8-text.js";
import type { Filling } from "../../inference/answers.js";
import { checkOptions, type FillOptions } from "../../inference/request.js";
import { namedApproximations } from "../../inference/request-record.js";
import { parseTemplate } from "../../inference/template/fill-template.js";
import type { VisionLanguageModel } from "../../inference/vision-language-model.js";
import { printable } from "../../printable.js";
import { statusOfInputs } from "../exit-status.js";
import {
  addModelOptions,
  addPromptOptions,
  addStepOptions,
  chosenModel,
  type ModelFlags,
  type PromptFlags,
  promptOptions,
  type StepFlags,
  stepOptions,
} from "../options/describe-options.js";
import { openModel } from "../options/load-engine.js";
import { collect } from "../options/parse-values.js";
import { expandInputs } from "../options/picture-inputs.js";
import { TraceFile } from "../output/trace-file.js";
import { noteApproximate } from "../terminal/cache-note.js";
import { errorText } from "../terminal/error-text.js";
import { listenForInterrupts } from "../terminal/interrupts.js";
import { layersText } from "../terminal/layers-text.js";
import { answerLine, noteLine, paintedLine } from "../terminal/lines.js";
import { LiveText } from "../terminal/live-text.js";
import { markerNote, namedPromptUnread, unreadNote } from "../terminal/unread-note.js";

interface Flags extends ModelFlags, PromptFlags, StepFlags {
  template?: string[];
  templateFile?: string;
  together?: true;
  json?: true;
  trace?: string;
}

const HELP = `
[[N]] in a template is a blank of N tokens; all other text stays as it is, character for character; words in it that the
model cannot read are named. \\[[ stands for the brackets themselves. A space before a blank is part of its first token. Every picture is asked for every template; without
a picture the text is filled in alone.

--json prints, per picture and template: {"image","template","text","blanks":[{"start","end","text"}],
"unread":[{"start","end","text"}],"token_ids","steps","seconds"}; start and end count the text's characters. Words of
the question that the model cannot read are in "prompt_unread", where there are any. --trace writes a JSON line after every step, as caption does.

Examples:
  $ rediff fill photo.jpg --template "A [[2]] sits on the [[1]]." --model LLaDA-V
  $ rediff fill pictures/ --template "Objects:[[12]]" --template "Colour:[[1]]" --json --model LLaDA-V
  $ rediff fill --template "The capital of France is[[1]]." --prompt "Where is the Louvre?" --model LLaDA-V
`;

export function fillCommand(): Command {
  const command = new Command("fill")
    .description("fill in the blanks of a text about a picture")
    .argument("[IMAGE...]", "pictures, videos, folders, patterns, or -")
    .option("--template <T>", "text with blanks [[N]] of N tokens, may be given again", collect)
    .option("--template-file <FILE>", "read a template from a file, - for stdin");
  addModelOptions(command);
  addPromptOptions(command, { compat: true });
  addStepOptions(command)
    .option("--together", "all pictures in one prompt")
    .option("--json", "JSON lines on stdout and nothing else")
    .option("--trace <FILE>", "write every step as a JSON line");
  return command.addHelpText("after", HELP).action(run);
}

/** One template about one prompt's pictures. */
interface TemplateAboutPictures {
  /** Paths, as they were given; undefined without pictures. */
  image: string | undefined;
  paths: readonly string[];
  template: string;
}

async function run(args: string[], _flags: Flags, command: Command): Promise<void> {
  const flags = command.optsWithGlobals<Flags>();
  chosenModel(flags);
  const options: FillOptions = { ...promptOptions(flags), ...stepOptions(flags) };
  checkOptions(options);
  if (flags.templateFile === "-" && args.includes("-"))
    throw new UserError("templates and pictures cannot both come from stdin", "Name one of them.");
  const templates = await readTemplates(flags);
  for (const template of templates) parseTemplate(template);
  const paths = args.length === 0 ? [] : await expandInputs(args);
  const groups = flags.together || paths.length === 0 ? [paths] : paths.map((path) => [path]);
  const jobs = groups.flatMap((group) =>
    templates.map(
      (template): TemplateAboutPictures => ({
        image: group.length > 0 ? group.join(" ") : undefined,
        paths: group,
        template,
      }),
    ),
  );
  const trace = flags.trace === undefined ? undefined : await TraceFile.plan(flags.trace);
  // The question about a picture is the default only where there is one.
  if (paths.length === 0 && command.getOptionValueSource("prompt") === "default") delete options.prompt;

  const note = markerNote(options.prompt, groups[0]?.length ?? 0);
  if (note !== undefined) noteLine(note);

  using model = await openModel(flags, { pictures: paths.length > 0 });
  using interrupt = listenForInterrupts();
  try {
    const failures = await fillAll(model, jobs, { ...options, signal: interrupt.signal }, flags, trace);
    if (failures === 0) return;
    process.exitCode = statusOfInputs(failures, jobs.length);
    if (jobs.length > 1) noteLine(`rediff: ${failures} of ${jobs.length} failed`);
  } finally {
    trace?.close();
  }
}

async function readTemplates({ template = [], templateFile }: Flags): Promise<string[]> {
  if (templateFile !== undefined) {
    const content = await (templateFile === "-"
      ? readUtf8Stream(process.stdin, "standard input")
      : readUtf8(templateFile));
    // A file's last line ends with a newline that is not part of the text.
    return [...template, content.replace(/\r?\n$/, "")];
  }
  if (template.length > 0) return template;
  throw new UserError("no template was given", 'Use --template "A [[2]] is here." or --template-file FILE.');
}

/** One after the other, each text shown while it forms. @returns how many failed */
async function fillAll(
  model: VisionLanguageModel,
  jobs: readonly TemplateAboutPictures[],
  options: FillOptions,
  flags: Flags,
  trace: TraceFile | undefined,
): Promise<number> {
  const isLive = process.stdout.isTTY && !flags.json;
  const live = isLive ? new LiveText(process.stdout, model.model.tokenizer) : undefined;
  const isNamed = new Set(jobs.map(({ image }) => image)).size > 1;
  let failures = 0;
  for (const job of jobs) {
    const { image, paths, template } = job;
    const watching = model.watchFill(paths, template, {
      ...options,
      onLayers(progress) {
        const text = layersText(progress);
        if (text !== undefined) live?.drawBelow(text);
      },
      ...(trace && { onTrace: (step) => trace.write(image ?? "", step) }),
    });
    try {
      let turn = await watching.next();
      while (!turn.done) {
        live?.draw(turn.value);
        turn = await watching.next();
      }
      live?.clear();
      const filling = turn.value;
      if (flags.json) answerLine(JSON.stringify(toRecord(image, template, filling)));
      else {
        const name = isNamed && image !== undefined ? `${image}: ` : "";
        if (isLive) paintedLine(printable(name) + marked(filling));
        else answerLine(name + filling.text);
      }
      const { promptUnread } = filling;
      if (jobs[0] === job) noteApproximate(filling);
      if (!flags.json && jobs[0] === job && promptUnread.length > 0)
        noteLine(`of the question ${unreadNote(promptUnread)}`);
      if (!flags.json && filling.unread.length > 0) noteLine(`${unreadNote(filling.unread)}; left as they are`);
    } catch (error) {
      live?.clear();
      if (options.signal?.aborted) throw error;
      failures++;
      noteLine(`rediff: ${errorText(error, flags.verbose)}`);
    }
  }
  return failures;
}

function toRecord(image: string | undefined, template: string, filling: Filling) {
  const { text, blanks, unread, promptUnread, tokenIds, steps, seconds } = filling;
  return {
    image: image ?? null,
    template,
    text,
    blanks,
    unread,
    ...namedPromptUnread(promptUnread),
    token_ids: tokenIds,
    steps,
    seconds: Number(seconds.toPrecision(6)),
    ...namedApproximations(filling),
  };
}

/** For terminals: what was filled in is bold. */
function marked({ text, blanks }: Filling): string {
  let result = "";
  let at = 0;
  for (const { start, end } of blanks) {
    result += `${printable(text.slice(at, start))}\x1b[1m${printable(text.slice(start, end))}\x1b[22m`;
    at = end;
  }
  return result + printable(text.slice(at));
}
