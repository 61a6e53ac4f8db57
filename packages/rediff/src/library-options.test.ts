/** Every public function judges its options where they come in: none is ignored, none ends in a TypeError. Nothing is
 *  read, written or asked before. */
import { expect } from "vitest";
import {
  assembleLladaV,
  compareRuns,
  correctDrafts,
  decodeOptions,
  describeMany,
  draftData,
  evaluate,
  evaluateCaptions,
  fillRequest,
  improve,
  inspectFolder,
  loadModel,
  loadModelFolder,
  mergeAdapter,
  metricsLog,
  progressLog,
  pull,
  renameLlada,
  resolveModel,
  startModel,
  tensorboardLog,
  train,
  type VisionLanguageModel,
} from "./index.js";
import { test } from "./testing/fixtures.js";

const nowhere = "/nowhere/at/all";
/** What JavaScript lets through. */
const js = <T>(value: unknown): T => value as T;

const whole = { data: nowhere, output: nowhere, model: { name: "m", folder: nowhere }, withModel: () => undefined };

type Work = (model: VisionLanguageModel) => unknown;
const many = (model: VisionLanguageModel, options: object) => describeMany(model, [[nowhere]], js(options)).next();

test.for<[string, Work, string]>([
  [
    "mergeAdapter",
    () => mergeAdapter(nowhere, nowhere, js({ bse: "x" })),
    "there is no option bse; did you mean base?",
  ],
  ["pull of nothing", () => pull(js(undefined)), "the model's id: expected a text that is not empty, got nothing"],
  ["renameLlada of nothing", () => renameLlada(js(null), nowhere), "the folder to read: expected a text"],
  [
    "renameLlada to nothing",
    () => renameLlada(nowhere, ""),
    'the folder to write: expected a text that is not empty, got ""',
  ],
  ["mergeAdapter to nothing", () => mergeAdapter(nowhere, js(undefined)), "the folder to write: expected a text"],
  [
    "assembleLladaV of a number",
    () => assembleLladaV(js(5), nowhere, { vision: nowhere }),
    "the folder to read: expected a text that is not empty, got 5",
  ],
  ["inspectFolder of nothing", () => inspectFolder(js(undefined)), "the folder: expected a text"],
  ["train of nothing", () => train(js(undefined)), "train takes a recipe, got nothing"],
  ["train of a recipe's name", () => train(js("first.yaml")), 'train takes a recipe, got "first.yaml"'],
  ["describe of nothing", (m) => m.describe(js(undefined)), "a picture is a path, a URL, or a file's bytes"],
  ["refine of nothing", (m) => m.refine(nowhere, js(undefined)), "the draft must be a text, got nothing"],
  ["fill of nothing", (m) => m.fill([], js(7)), "the template must be a text, got 7"],
  ["loadModel with options first", () => loadModel(js({ device: "cpu" })), "a model is a folder or a hub id, got"],
  ["draftData without its model", () => draftData(js({ data: nowhere, output: nowhere })), "model: expected "],
  [
    "correctDrafts without an output",
    () => correctDrafts(js({ drafts: nowhere })),
    "output: expected a text, got nothing",
  ],
  [
    "describe",
    (m) => m.describe(nowhere, js({ tokens_per_step: 4 })),
    "there is no option tokens_per_step; did you mean tokensPerStep?",
  ],
  [
    "watch",
    (m) => m.watch(nowhere, js({ genLenght: 4 })).next(),
    "there is no option genLenght; did you mean genLength?",
  ],
  ["watchLoaded", (m) => m.watchLoaded([], js({ genLength: "4" })).next(), 'genLength: expected a number, got "4"'],
  ["load", (m) => m.load(nowhere, js({ as_stored: true })), "there is no option as_stored; did you mean asStored?"],
  ["refine", (m) => m.refine(nowhere, "a", js({ round: 3 })), "there is no option round; did you mean rounds?"],
  ["fill", (m) => m.fill([], "[[1]]", js({ prompt: 5 })), "prompt: expected a text, got 5"],
  [
    "watchFill",
    (m) => m.watchFill([], "[[1]]", js({ onTrace: true })).next(),
    "onTrace: expected a function, got true",
  ],
  [
    "describe with both",
    (m) => m.describe(nowhere, { prompt: "a", messages: [] }),
    "messages: expected a user's message",
  ],
  [
    "describe with a question twice",
    (m) => m.describe(nowhere, { prompt: "a", messages: [{ role: "user", content: "b" }] }),
    "prompt and messages exclude each other",
  ],
  [
    "describe with a role of others",
    (m) => m.describe(nowhere, { messages: [{ role: "human", content: "b" }] }),
    'messages[0].role: expected system, user, assistant, got "human"',
  ],
  [
    "loadModel's device",
    () => loadModel(undefined, js({ device: "gpu" })),
    'device: expected cpu, cuda, cuda:N or mps, got "gpu"',
  ],
  ["describeMany", (m) => many(m, { batchSize: 2 }), "there is no option batchSize"],
  ["describeMany's batch", (m) => many(m, { batch: "2" }), 'batch: expected a number, got "2"'],
  [
    "fillRequest",
    (m) => fillRequest(m.model, 0, "[[1]]", js({ Steps: 1 })),
    "there is no option Steps; did you mean steps?",
  ],
  [
    "describe without an object",
    (m) => m.describe(nowhere, js("What is it?")),
    'the options must be an object such as {}, got "What is it?"',
  ],
  [
    "loadModel",
    () => loadModel(nowhere, js({ dtype: "fp16" })),
    'dtype: expected float32, bfloat16, float16, float64, got "fp16"',
  ],
  ["startModel", () => startModel(nowhere, js({ dtyp: "x" })), "there is no option dtyp; did you mean dtype?"],
  ["startModel's device", () => startModel(nowhere, js({ device: "gpu" })), "device: expected"],
  ["startModel's batch", () => startModel(nowhere, { batch: 0 }), "batch must be a whole number from 1, got 0"],
  ["loadModelFolder", () => loadModelFolder(nowhere, js({ torch_dtype: "float32" })), "there is no option torch_dtype"],
  [
    "resolveModel",
    () => resolveModel(nowhere, js({ downlaod: true })),
    "there is no option downlaod; did you mean download?",
  ],
  ["pull", () => pull("org/model", js({ cache_dir: "/tmp" })), "there is no option cache_dir; did you mean cacheDir?"],
  ["inspectFolder", () => inspectFolder(nowhere, js({ bass: "x" })), "there is no option bass; did you mean base?"],
  ["renameLlada", () => renameLlada(nowhere, nowhere, js({ overwrite: true })), "there is no option overwrite"],
  [
    "assembleLladaV",
    () => assembleLladaV(nowhere, nowhere, js({ vision: "x", vision_name: "y" })),
    "there is no option vision_name; did you mean visionName?",
  ],
  [
    "assembleLladaV's dtype",
    () => assembleLladaV(nowhere, nowhere, js({ vision: "x", dtype: "bf16" })),
    "dtype: expected ",
  ],
  [
    "decodeOptions",
    () => decodeOptions(js({ gen_length: 4 })),
    "there is no option gen_length; did you mean genLength?",
  ],
  ["decodeOptions' stop", () => decodeOptions(js({ stop: "." })), 'stop: expected a list, got "."'],
  ["train", () => train(js({}), js({ resum: "auto" })), "there is no option resum; did you mean resume?"],
  ["train's resume", () => train(js({}), js({ resume: true })), "resume: expected auto, never, got true"],
  ["improve", () => improve(js({}), js({ onstage: () => 0 })), "there is no option onstage; did you mean onStage?"],
  [
    "draftData",
    () => draftData(js({ data: nowhere, image_folder: "x" })),
    "there is no option image_folder; did you mean imageFolder?",
  ],
  [
    "draftData's options",
    () => draftData(js({ ...whole, options: { gen_length: 4 } })),
    "there is no option gen_length; did you mean genLength?",
  ],
  [
    "evaluateCaptions",
    () => evaluateCaptions(js({ judge_model: "m" })),
    "there is no option judge_model; did you mean judgeModel?",
  ],
  [
    "correctDrafts",
    () => correctDrafts(js({ drafts: nowhere, base_url: "http://127.0.0.1/v1" })),
    "there is no option base_url; did you mean baseUrl?",
  ],
  [
    "evaluate",
    (m) => evaluate(m, js({ tasks: ["pope"], limits: 5 })),
    "there is no option limits; did you mean limit?",
  ],
  ["evaluate without tasks", (m) => evaluate(m, js({})), "tasks: expected a list, got nothing"],
  [
    "compareRuns",
    () => compareRuns(nowhere, nowhere, js({ sample: 5 })),
    "there is no option sample; did you mean samples?",
  ],
  ["metricsLog", () => metricsLog(nowhere, js({ evry: 2 })), "there is no option evry; did you mean every?"],
  ["tensorboardLog", () => tensorboardLog(nowhere, js({ every: "2" })), 'every: expected a number, got "2"'],
  ["progressLog", () => progressLog(js({ stream: 1 })), "stream: expected an object, got 1"],
])("%s", async ([, work, line], { model }) => {
  const thrown = await Promise.resolve()
    .then(() => work(model))
    .catch((error: unknown) => error);
  expect((thrown as { name?: string }).name).toBe("UserError");
  expect((thrown as { line: string }).line.slice(0, line.length)).toBe(line);
});
