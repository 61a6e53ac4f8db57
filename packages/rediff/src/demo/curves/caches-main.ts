/** `npm run demo:caches`: what caches, rounded weights and `--fast` cost in quality, with the embedded model. */
import { parseArgs } from "node:util";
import { progress } from "../../cli/terminal/progress.js";
import { UserError } from "../../errors.js";
import type { ManyOptions } from "../../inference/request.js";
import { loadModel, type VisionLanguageModel } from "../../inference/vision-language-model.js";
import {
  type CacheSetting,
  cacheSettings,
  cacheTable,
  keptPromises,
  type MeasuredSetting,
  measureSetting,
} from "./cache-figures.js";
import { heldOutScenes, runDemo, sceneCount, sceneOptions, sceneUsage, writeSection } from "./scene-flags.js";

const defaults = { kept: "exp/demo/caches", docs: "docs/speed.md" };

const usage = `npm run demo:caches -- [options]

${sceneUsage(defaults)}
  --tokens-per-step N    of the exact path and the settings without a pace of their own (default 4)
  --setting TEXT         only the exact path and settings whose title has this in it, may be given again
  --write                put the table into the document; without it, it is only printed`;

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
      ...sceneOptions(defaults),
      "tokens-per-step": { type: "string", default: "4" },
      setting: { type: "string", multiple: true },
      write: { type: "boolean", default: false },
    },
  });
  if (values.help) {
    console.log(usage);
    return;
  }
  sceneCount(values); // before anything takes long
  const tokensPerStep = Number(values["tokens-per-step"]);
  const [exact, ...others] = cacheSettings(tokensPerStep);
  const chosen = others.filter(({ title }) => values.setting?.some((text) => title.includes(text)) ?? true);
  if (exact === undefined || chosen.length === 0)
    throw new UserError(`no setting has ${values.setting?.join(", ")}`, others.map(({ title }) => title).join("; "));
  if (values.write && values.setting !== undefined)
    throw new UserError("--write and --setting exclude each other", "The document has the whole table.");
  const { count, scenes, kept } = await heldOutScenes(values);
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
  if (values.write) writeSection(values.docs, "caches", text);
}

runDemo("demo:caches", main);
