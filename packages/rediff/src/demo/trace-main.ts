/** `npm run demo:trace`: decodes scenes and says what went wrong at which point, for one model and rules to choose. */
import { dirname, join } from "node:path";
import { parseArgs } from "node:util";
import { setThreads } from "@rediff/torch";
import { errorText } from "../cli/terminal/error-text.js";
import { UserError } from "../errors.js";
import { describeMany } from "../inference/describe-many.js";
import type { ManyOptions } from "../inference/request.js";
import { loadModel, type VisionLanguageModel } from "../inference/vision-language-model.js";
import { readScenes, type Scene } from "../scenes/records/scene-records.js";
import { GEN_LENGTH } from "./asked/caption-grid.js";
import { type DecodingReport, faults, reportDecoding, type TracedCaption } from "./decoding-report.js";

const usage = `npm run demo:trace -- --scenes FILE [options]

  --scenes FILE            scenes.jsonl, as rediff scenes generate writes it
  --model DIR              default models/demo
  --count N                scenes, from the first (default 200)
  --tokens-per-step N,...  default 1,4,8,16
  --revise                 as ReDiff's models are meant to be used
  --confidence-among T     allowed or all; default the model's
  --revise-rest            revise in the steps that are left
  --block-length N         default the whole answer
  --show N                 so many wrong captions, step by step (default 0)
  --threads N              CPU threads of one operator (default 1)`;

async function main(args: readonly string[]): Promise<void> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      scenes: { type: "string" },
      model: { type: "string", default: "models/demo" },
      count: { type: "string", default: "200" },
      "tokens-per-step": { type: "string", default: "1,4,8,16" },
      revise: { type: "boolean", default: false },
      "confidence-among": { type: "string" },
      "revise-rest": { type: "boolean" },
      "block-length": { type: "string" },
      show: { type: "string", default: "0" },
      threads: { type: "string", default: "1" },
      help: { type: "boolean", default: false },
    },
  });
  if (values.help) {
    console.log(usage);
    return;
  }
  if (values.scenes === undefined) throw new UserError("no --scenes", "Make some with rediff scenes generate.");
  const among = values["confidence-among"];
  if (among !== undefined && among !== "allowed" && among !== "all")
    throw new UserError(`--confidence-among ${among}`, "It is allowed or all.");
  setThreads(Number(values.threads));
  const scenes: Scene[] = [];
  for await (const scene of readScenes(values.scenes)) {
    if (scenes.length >= Number(values.count)) break;
    scenes.push(scene);
  }
  using model = await loadModel(values.model);
  const { eot, mask } = model.model.tokenizer.special;
  for (const tokensPerStep of values["tokens-per-step"].split(",").map(Number)) {
    const traced = await trace(model, scenes, dirname(values.scenes), {
      genLength: GEN_LENGTH,
      tokensPerStep,
      revise: values.revise,
      imageJoin: "correct",
      batch: 32,
      ...(among !== undefined && { confidenceAmong: among }),
      ...(values["revise-rest"] !== undefined && { reviseRest: values["revise-rest"] }),
      ...(values["block-length"] !== undefined && { blockLength: Number(values["block-length"]) }),
    });
    console.log(`\n${tokensPerStep} tokens per step: ${lines(reportDecoding(traced, eot, mask)).join("\n  ")}`);
    const wrong = traced.filter((one) => reportDecoding([one], eot, mask).exact === 0);
    for (const one of wrong.slice(0, Number(values.show))) console.log(`\n${stepsOf(one, model).join("\n")}`);
  }
}

async function trace(
  model: VisionLanguageModel,
  scenes: readonly Scene[],
  folder: string,
  options: ManyOptions,
): Promise<TracedCaption[]> {
  const traced = scenes.map(({ facts }) => ({ text: "", facts, steps: [] as TracedCaption["steps"][number][] }));
  const pictures = scenes.map(({ record }) => [join(folder, record.image)]);
  const onStep: ManyOptions["onStep"] = (index, step) => traced[index]?.steps.push(step);
  for await (const result of describeMany(model, pictures, { ...options, onStep })) {
    if (!result.ok) throw result.error;
    const own = traced[result.index];
    if (own !== undefined) own.text = result.description.text;
  }
  return traced;
}

function lines(report: DecodingReport): string[] {
  const found = faults.map((fault) => `${fault} ${report.faults[fault]}`).join(", ");
  return [
    `${report.exact} of ${report.captions} captions without an error; ${report.words.toFixed(1)} words, ${report.steps.toFixed(1)} steps`,
    `faults: ${found}`,
    `the end was written before any word in ${report.endFirst}, several at once in ${report.severalEnds}, and moved in ${report.endMoved}`,
    `${(100 * report.replaced).toFixed(1)} % of the tokens were replaced later; ${(100 * report.unrevised).toFixed(1)} % were written last, and never revised`,
  ];
}

/** A caption as it came about: _ for a mask, | for an end. */
function stepsOf({ facts, text, steps }: TracedCaption, { model }: VisionLanguageModel): string[] {
  const { eot, mask } = model.tokenizer.special;
  const shown = (token: number) =>
    token === mask ? "_" : token === eot ? "|" : model.tokenizer.decode([token]).trim();
  const truth = facts.objects.map(({ name, count, position }) => `${count} ${name}, ${position}`).join("; ");
  return [
    `${truth}; ${facts.background} background`,
    text,
    ...steps.map(({ tokens, revised }, i) => {
      const edits = revised.map(({ from, to }) => `${shown(from)} to ${shown(to)}`).join(", ");
      return `${String(i).padStart(3)}  ${Array.from(tokens, shown).join(" ")}${edits === "" ? "" : `  [${edits}]`}`;
    }),
  ];
}

main(process.argv.slice(2)).catch((error: unknown) => {
  process.stderr.write(`demo:trace: ${errorText(error)}\n`);
  process.exitCode = 1;
});
