/** `npm run demo:rules`: quality against forward passes, for every rule of decoding, with the embedded model. */
import { parseArgs } from "node:util";
import { progress } from "../../cli/terminal/progress.js";
import { UserError } from "../../errors.js";
import type { ManyOptions } from "../../inference/request.js";
import { loadModel } from "../../inference/vision-language-model.js";
import { curvePoints, curveTable, type MeasuredPoint, measurePoint } from "./rule-curve.js";
import { heldOutScenes, runDemo, sceneCount, sceneOptions, sceneUsage, writeSection } from "./scene-flags.js";

const defaults = { kept: "exp/demo/rules", docs: "docs/decoding.md" };

const usage = `npm run demo:rules -- [options]

${sceneUsage(defaults)}
  --confidence-among T   allowed or all (default all: see docs/embedded-model.md)
  --rule NAME            only points whose rule begins so, may be given again; prints them and writes nothing`;

async function main(args: readonly string[]): Promise<void> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      ...sceneOptions(defaults),
      "confidence-among": { type: "string", default: "all" },
      rule: { type: "string", multiple: true },
    },
  });
  if (values.help) {
    console.log(usage);
    return;
  }
  sceneCount(values); // before anything takes long
  const among = values["confidence-among"];
  if (among !== "allowed" && among !== "all")
    throw new UserError(`--confidence-among ${among}`, "It is allowed or all.");
  const points = curvePoints.filter(({ rule }) => values.rule?.some((name) => rule.startsWith(name)) ?? true);
  if (points.length === 0) throw new UserError(`no rule begins with ${values.rule?.join(", ")}`);
  const { count, scenes, kept } = await heldOutScenes(values);
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
  if (values.rule === undefined) writeSection(values.docs, "rules", text);
}

runDemo("demo:rules", main);
