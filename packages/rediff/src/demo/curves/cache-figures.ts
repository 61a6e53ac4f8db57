/** What approximate options cost in quality: the same scenes described with each of them and without, figure by figure,
 *  differences from pairs of captions of the same scene. */
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import type { Description } from "../../inference/answers.js";
import type { ManyOptions } from "../../inference/request.js";
import type { VisionLanguageModel } from "../../inference/vision-language-model.js";
import type { Scene } from "../../scenes/records/scene-records.js";
import { compareAll, figures, scoreAll, scoreCaption, type Tally } from "../../scenes/scoring/score.js";
import { describeScenes, nameOfOptions } from "./described-scenes.js";

/** One way of being asked. */
export interface CacheSetting {
  /** As the table says it. */
  title: string;
  /** The model's weights. */
  quantize?: "int8" | "int4";
  /** Beside those of all settings; what is undefined takes one of those away. */
  options: ManyOptions;
  /** In every figure, at most so much below the exact path, at 95 % confidence: what is promised. */
  margin?: number;
}

/** The first is the exact path, which the others are measured against.
 *  @param tokensPerStep of those that do not find their own pace */
export function cacheSettings(tokensPerStep: number): CacheSetting[] {
  const paced = { tokensPerStep };
  return [
    { title: "exact", options: paced },
    {
      title: "`--cache refresh --refresh-every 1`",
      options: { ...paced, cache: "refresh", refreshEvery: 1 },
      margin: 0,
    },
    { title: "`--cache refresh`", options: { ...paced, cache: "refresh" }, margin: 0.01 },
    { title: "`--cache refresh --no-certify`", options: { ...paced, cache: "refresh", certify: false } },
    { title: "`--cache fast-dllm`", options: { ...paced, cache: "fast-dllm" } },
    { title: "`--cache dllm-cache`", options: { ...paced, cache: "dllm-cache" } },
    { title: "`--quantize int8`", quantize: "int8", options: paced, margin: 0.01 },
    { title: "`--quantize int8 --cache refresh`", quantize: "int8", options: { ...paced, cache: "refresh" } },
    { title: "`--fast`", quantize: "int8", options: { fast: true }, margin: 0.02 },
    // What else it could be.
    fastBut("threshold 0.9", { threshold: 0.9 }),
    fastBut("threshold 0.5", { threshold: 0.5 }),
    fastBut("rule factor", { rule: "factor" }),
    fastBut("rule joint", { rule: "joint", threshold: 0.7 }),
    fastBut("refreshed every 8, after a quarter", { threshold: 0.7, refreshEvery: 8, refreshChanged: 0.25 }),
  ];
}

const fastBut = (what: string, options: ManyOptions): CacheSetting => ({
  title: `\`--fast\`, but ${what}`,
  quantize: "int8",
  options: { cache: "refresh", refreshEvery: 16, refreshChanged: 0.5, ...options },
});

/** Tallies of a setting's captions, and what they took. */
export interface MeasuredSetting {
  setting: CacheSetting;
  /** One for each scene, in order. */
  tallies: readonly Tally[];
  texts: readonly string[];
  /** Forward passes of a caption, on average, and those of them that computed everything. */
  passes: number;
  fullPasses: number;
  /** Of all rows of all passes, the share that was computed. */
  computed: number;
  /** Of the captions with a certificate to give. */
  certified: number | undefined;
}

const keptSchema = z.array(
  z.object({
    text: z.string(),
    steps: z.number(),
    full: z.number(),
    rowsComputed: z.number(),
    rowsKept: z.number(),
    certified: z.boolean().optional(),
  }),
);
type Kept = z.infer<typeof keptSchema>;

/** @param kept folder of captions: a setting that is there is not decoded again
 *  @param load gives the model, where captions are missing */
export async function measureSetting(
  setting: CacheSetting,
  { scenes, folder }: { scenes: readonly Scene[]; folder: string },
  run: {
    kept: string;
    options: ManyOptions;
    load: (quantize: CacheSetting["quantize"]) => Promise<VisionLanguageModel>;
    onProgress?: (done: number) => void;
  },
): Promise<MeasuredSetting> {
  const all = { ...run.options, ...setting.options };
  const file = join(run.kept, `${nameOfOptions({ quantize: setting.quantize, ...all })}.json`);
  const captions = existsSync(file)
    ? keptSchema.parse(JSON.parse(readFileSync(file, "utf8")))
    : await describeScenes(await run.load(setting.quantize), {
        scenes,
        folder,
        options: { batch: 16, ...all },
        keep: keptOf,
        onProgress: run.onProgress,
      });
  if (captions.length !== scenes.length)
    throw new Error(`${file} has ${captions.length} captions of ${scenes.length} scenes: remove it`);
  mkdirSync(run.kept, { recursive: true });
  writeFileSync(`${file}.part`, JSON.stringify(captions));
  renameSync(`${file}.part`, file);
  return measured(setting, captions, scenes);
}

/** What the table needs of an answer. */
function keptOf({ text, steps, cache }: Description): Kept[number] {
  return {
    text,
    steps,
    full: cache?.fullPasses ?? steps,
    rowsComputed: cache?.rowsComputed ?? 1,
    rowsKept: cache?.rowsKept ?? 0,
    ...(cache?.certified !== undefined && { certified: cache.certified }),
  };
}

function measured(setting: CacheSetting, captions: Kept, scenes: readonly Scene[]): MeasuredSetting {
  const sum = (of: (caption: Kept[number]) => number) => captions.reduce((total, caption) => total + of(caption), 0);
  const judged = captions.filter(({ certified }) => certified !== undefined);
  return {
    setting,
    tallies: captions.map(({ text }, i) => scoreCaption(text, (scenes[i] as Scene).facts)),
    texts: captions.map(({ text }) => text),
    passes: sum(({ steps }) => steps) / captions.length,
    fullPasses: sum(({ full }) => full) / captions.length,
    computed: sum(({ rowsComputed }) => rowsComputed) / sum(({ rowsComputed, rowsKept }) => rowsComputed + rowsKept),
    certified: judged.length === 0 ? undefined : judged.filter(({ certified }) => certified).length / judged.length,
  };
}

/** Of a caption, and no share of anything: words that would have to be changed. */
const counted: ReadonlySet<string> = new Set(["edits"]);

/** Points of a hundred where a figure is a share. */
const shown = (figure: string, value: number): string =>
  counted.has(figure) ? value.toFixed(2) : (100 * value).toFixed(1);

const difference = (figure: string, value: number): string => `${value < 0 ? "" : "+"}${shown(figure, value)}`;

/** A line for each setting: what it took, and every figure, as a difference from the first in points with its interval. */
export function cacheTable([exact, ...others]: readonly MeasuredSetting[]): string {
  if (exact === undefined) throw new Error("cacheTable: nothing was measured");
  const scores = scoreAll(exact.tallies);
  const took = ({ passes, fullPasses, computed, certified }: MeasuredSetting) => [
    passes.toFixed(1),
    fullPasses.toFixed(1),
    `${(100 * computed).toFixed(0)} %`,
    certified === undefined ? "" : `${(100 * certified).toFixed(0)} %`,
  ];
  const same = ({ texts }: MeasuredSetting) => texts.filter((text, i) => text === exact.texts[i]).length;
  const rows = others.map((one) => {
    const { values, intervals } = compareAll(one.tallies, exact.tallies);
    const cells = figures.map((figure) => {
      const [value, range] = [values[figure], intervals[figure]];
      if (value === null) return "-";
      const of = (number: number) => difference(figure, number);
      return range === null ? of(value) : `${of(value)} (${of(range[0])} to ${of(range[1])})`;
    });
    return [one.setting.title, ...took(one), `${same(one)} of ${one.texts.length}`, ...cells];
  });
  const first = figures.map((figure) => {
    const value = scores.values[figure];
    return value === null ? "-" : shown(figure, value);
  });
  return [
    ["", "passes", "full", "rows computed", "certified", "same caption", ...figures],
    ["---", "---:", "---:", "---:", "---:", "---:", ...figures.map(() => "---:")],
    [exact.setting.title, ...took(exact), "", ...first],
    ...rows,
  ]
    .map((cells) => `| ${cells.join(" | ")} |`)
    .join("\n");
}

/** Of every setting with a promise: which shares are worse, and which cannot be told with so many scenes. */
export function keptPromises([exact, ...others]: readonly MeasuredSetting[]): string {
  const lines = others.flatMap(({ setting: { title, margin }, tallies }) => {
    if (exact === undefined || margin === undefined) return [];
    const { values, intervals } = compareAll(tallies, exact.tallies);
    const shares = figures.filter((figure) => !counted.has(figure));
    const broken = shares.filter((figure) => (intervals[figure]?.[1] ?? 0) < -margin);
    const open = shares.filter((figure) => {
      const [low, high] = intervals[figure] ?? [values[figure] ?? 0, values[figure] ?? 0];
      return low < -margin && high >= -margin;
    });
    const within = broken.length + open.length === 0 ? "every figure" : "";
    const rest = [
      ...(broken.length > 0 ? [`not ${broken.join(", ")}`] : []),
      ...(open.length > 0 ? [`not to be told of ${open.join(", ")}`] : []),
    ];
    const words = [within, ...rest].filter((text) => text !== "").join("; ");
    return [`- ${title}: at most ${100 * margin} points below the exact path: ${words}.`];
  });
  return lines.join("\n");
}
