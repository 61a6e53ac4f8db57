/** `npm run demo:caches`: what caches, rounded weights and `--fast` cost in quality, with the embedded model. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { setThreads } from "@rediff/torch";
import { errorText } from "../../cli/terminal/error-text.js";
import { progress } from "../../cli/terminal/progress.js";
import { UserError } from "../../errors.js";
import type { ManyOptions } from "../../inference/request.js";
import { loadModel, type VisionLanguageModel } from "../../inference/vision-language-model.js";
import { weightsKey } from "../caption-grid.js";
import { scenesOf, TABLE_SEED } from "../demo-table.js";
import { withSection } from "../rule-curve.js";
import {
  type CacheSetting,
  cacheSettings,
  cacheTable,
  keptPromises,
  type MeasuredSetting,
  measureSetting,
} from "./cache-figures.js";

const usage = `npm run demo:caches -- [options]

  --scenes N             held-out scenes, those of demo:table (default 500)
  --model DIR            default models/demo
  --tokens-per-step N    of the exact path and the settings without a pace of their own (default 4)
  --setting TEXT         only the exact path and settings whose title has this in it, may be given again
  --kept DIR             scenes and captions; a run that was cut off goes on (default exp/demo/caches)
  --write                put the table into docs/speed.md; without it, it is only printed
  --docs FILE            whose section that is (default docs/speed.md)
  --threads N            CPU threads of one operator (default 1)`;

/** One at a time: a model that is rounded is another one. */
class Models implements Disposable {
  #model: VisionLanguageModel | undefined;
  #quantize: CacheSetting["quantize"];

  constructor(private readonly folder: string) {}

  readonly load = async (quantize: CacheSetting["quantize"]): Promise<VisionLanguageModel> => {
    if (this.#model !== undefined && this.#quantize === quantize) return this.#model;
    this[Symbol.dispose]();
    this.#quantize = quantize;
    this.#model = await loadModel(this.folder, quantize === undefined ? {} : { quantize });
    return this.#model;
  };

  [Symbol.dispose](): void {
    this.#model?.[Symbol.dispose]();
    this.#model = undefined;
  }
}

async function main(args: readonly string[]): Promise<void> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      scenes: { type: "string", default: "500" },
      model: { type: "string", default: "models/demo" },
      "tokens-per-step": { type: "string", default: "4" },
      setting: { type: "string", multiple: true },
      kept: { type: "string", default: "exp/demo/caches" },
      write: { type: "boolean", default: false },
      docs: { type: "string", default: "docs/speed.md" },
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
  const tokensPerStep = Number(values["tokens-per-step"]);
  const [exact, ...others] = cacheSettings(tokensPerStep);
  const chosen = others.filter(({ title }) => values.setting?.some((text) => title.includes(text)) ?? true);
  if (exact === undefined || chosen.length === 0)
    throw new UserError(`no setting has ${values.setting?.join(", ")}`, others.map(({ title }) => title).join("; "));
  if (values.write && values.setting !== undefined)
    throw new UserError("--write and --setting exclude each other", "The document has the whole table.");
  setThreads(Number(values.threads));
  const style = { seed: TABLE_SEED, style: "train", split: "train" } as const;
  const scenes = await scenesOf(join(values.kept, "scenes"), count, style);
  const kept = join(values.kept, `captions-${count}-${weightsKey(values.model)}`);
  const options: ManyOptions = { revise: true };
  using models = new Models(values.model);
  const measured: MeasuredSetting[] = [];
  for (const setting of [exact, ...chosen]) {
    const bar = progress({ label: setting.title, unit: "captions", total: count });
    try {
      const run = { kept, options, load: models.load, onProgress: bar.update };
      measured.push(await measureSetting(setting, scenes, run));
    } finally {
      bar.finish();
    }
  }
  const text = [
    `${count} held-out scenes, revising, ${tokensPerStep} tokens per step but for \`--fast\`, which finds its own pace.
The first line has the exact path's figures in points of a hundred, the others their differences from it, captions of the
same scene in pairs, in brackets the 95 % interval from resampled scenes. \`passes\` are forward passes of a caption, \`full\`
those that computed everything. \`npm run demo:caches -- --write\` writes this section.`,
    cacheTable(measured),
    keptPromises(measured),
  ].join("\n\n");
  process.stdout.write(`${text}\n`);
  if (values.write) writeFileSync(values.docs, withSection(readFileSync(values.docs, "utf8"), "caches", text));
}

main(process.argv.slice(2)).catch((error: unknown) => {
  process.stderr.write(`demo:caches: ${errorText(error)}\n`);
  process.exitCode = 1;
});
