/** `npm run demo:rules`: quality against forward passes, for every rule of decoding, with the embedded model. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { setThreads } from "@rediff/torch";
import { errorText } from "../cli/terminal/error-text.js";
import { progress } from "../cli/terminal/progress.js";
import { UserError } from "../errors.js";
import type { ManyOptions } from "../inference/request.js";
import { loadModel } from "../inference/vision-language-model.js";
import { weightsKey } from "./caption-grid.js";
import { scenesOf, TABLE_SEED } from "./demo-table.js";
import { curvePoints, curveTable, type MeasuredPoint, measurePoint, withSection } from "./rule-curve.js";

const usage = `npm run demo:rules -- [options]

  --scenes N             held-out scenes, those of demo:table (default 500)
  --model DIR            default models/demo
  --confidence-among T   allowed or all (default all: see docs/embedded-model.md)
  --rule NAME            only points whose rule begins so, may be given again; prints them and writes nothing
  --kept DIR             scenes and captions; a run that was cut off goes on (default exp/demo/rules)
  --docs FILE            whose section is replaced (default docs/decoding.md)
  --threads N            CPU threads of one operator (default 1)`;

async function main(args: readonly string[]): Promise<void> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      scenes: { type: "string", default: "500" },
      model: { type: "string", default: "models/demo" },
      "confidence-among": { type: "string", default: "all" },
      rule: { type: "string", multiple: true },
      kept: { type: "string", default: "exp/demo/rules" },
      docs: { type: "string", default: "docs/decoding.md" },
      threads: { type: "string", default: "1" },
      help: { type: "boolean", default: false },
    },
  });
  if (values.help) {
    console.log(usage);
    return;
  }
  const count = Number(values.scenes);
  if (!Number.isSafeInteger(count) || count < 1) throw new UserError(`--scenes ${values.scenes}`, "Give a number.");
  const among = values["confidence-among"];
  if (among !== "allowed" && among !== "all")
    throw new UserError(`--confidence-among ${among}`, "It is allowed or all.");
  const points = curvePoints.filter(({ rule }) => values.rule?.some((name) => rule.startsWith(name)) ?? true);
  if (points.length === 0) throw new UserError(`no rule begins with ${values.rule?.join(", ")}`);
  setThreads(Number(values.threads));
  const scenes = await scenesOf(join(values.kept, "scenes"), count, {
    seed: TABLE_SEED,
    style: "train",
    split: "train",
  });
  const kept = join(values.kept, `captions-${count}-${weightsKey(values.model)}`);
  using model = await loadModel(values.model);
  const options: ManyOptions = { confidenceAmong: among, revise: true };
  const measured: MeasuredPoint[] = [];
  for (const point of points) {
    const bar = progress({ label: `${point.rule}, ${point.setting}`, unit: "captions", total: count });
    try {
      measured.push(await measurePoint(model, point, scenes, { kept, options, onProgress: bar.update }));
    } finally {
      bar.finish();
    }
  }
  const text = [
    `${count} held-out scenes, every point revising, confidence among ${among} tokens. \`passes\` are forward passes of a
caption, on average; in brackets the 95 % interval from resampled scenes. \`npm run demo:rules\` writes this section.`,
    curveTable(measured),
  ].join("\n\n");
  process.stdout.write(`${text}\n`);
  if (values.rule === undefined)
    writeFileSync(values.docs, withSection(readFileSync(values.docs, "utf8"), "rules", text));
}

main(process.argv.slice(2)).catch((error: unknown) => {
  process.stderr.write(`demo:rules: ${errorText(error)}\n`);
  process.exitCode = 1;
});
