/** Vision-language diffusion models for TypeScript: LLaDA-V and ReDiff. */
export { correctDrafts } from "./data/correction/correct.js";
export type { CorrectOptions } from "./data/correction/correct-options.js";
export type { AnswerTotals, CorrectionReport } from "./data/correction/correction-report.js";
export type { LedgerLine } from "./data/correction/ledger.js";
export type { DraftReport } from "./data/drafts/draft.js";
export { type DraftDataOptions, draftData } from "./data/drafts/draft-data.js";
export type { DraftRecord } from "./data/drafts/draft-record.js";
export { describeMany, type ManyItem, type ManyOptions, type ManyResult } from "./describe-many.js";
export { Decoder, type Decoding, decode, decodeBatch, type RunOptions } from "./diffusion/decode.js";
export type { DecodeResult, DecodeStep, Edit } from "./diffusion/denoise.js";
export {
  type Ban,
  type DecodeOptions,
  decodeOptions,
  type FeatureCacheOptions,
  type Remasking,
} from "./diffusion/options.js";
export { embeddedModelFolder } from "./embedded.js";
export { UserError } from "./errors.js";
export { type Filling, type FillOptions, type FillRequest, fillRequest } from "./fill/fill.js";
export { type FilledBlank, type FilledText, type Form, readForm } from "./fill/form.js";
export { parseTemplate, type Template, type TemplatePart } from "./fill/template.js";
export { type Pulled, type PullOptions, pull } from "./hub/pull.js";
export { resolveModel } from "./hub/resolve.js";
export { type ImproveOptions, improve } from "./improvement/improve.js";
export { type ImproveKeys, readImproveRecipe } from "./improvement/recipe.js";
export type { ImproveReport } from "./improvement/report.js";
export { loadConfig, type ModelConfig } from "./models/config.js";
export { type Conversion, type ConvertOptions, renameLlada } from "./models/convert.js";
export { type AssembleOptions, assembleLladaV } from "./models/convert-assemble.js";
export { type CheckpointKind, type Inspection, inspectFolder } from "./models/inspect.js";
export { inspectionJson, inspectionText } from "./models/inspect-report.js";
export { type LoadOptions, loadModelFolder, type Model, promptEmbeddings, type Visual } from "./models/model.js";
export type { ChatMessage } from "./text/chat.js";
export { applyEdits, type TextEdit } from "./text/spans.js";
export { loadTokenizer, type Tokenizer } from "./text/tokenizer.js";
export { combineLogs, type RunLog } from "./training/logging/combine.js";
export { metricsLog } from "./training/logging/metrics-log.js";
export { progressLog } from "./training/logging/progress-log.js";
export { tensorboardLog } from "./training/logging/tensorboard-log.js";
export type { RecipeKeys } from "./training/recipe.js";
export { parseRecipe, readRecipe } from "./training/recipe-file.js";
export type { EvaluationReport, RunFacts, StepReport, TrainObserver } from "./training/report.js";
export { type RunRequests, type TrainOptions, type TrainResult, train } from "./training/trainer.js";
export {
  DEFAULT_QUESTION,
  type DescribeOptions,
  type Description,
  loadModel,
  type Refinement,
  type RefineOptions,
  type TokenEdit,
  VisionLanguageModel,
  type VisualSource,
} from "./vision-language-model.js";
