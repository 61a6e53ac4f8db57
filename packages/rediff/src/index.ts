// The types are made of Node's, and of no newer ones than those of ES2022: they check in projects that name neither.
/// <reference types="node" preserve="true" />
/// <reference lib="es2022" preserve="true" />

/** Vision-language diffusion models for TypeScript: LLaDA-V and ReDiff. */

export { loadConfig } from "./checkpoint/config.js";
export { type AssembleOptions, assembleLladaV } from "./checkpoint/convert/assemble-llada-v.js";
export { type MergeOptions, mergeAdapter } from "./checkpoint/convert/merge-adapter.js";
export { type Conversion, type ConvertOptions, renameLlada } from "./checkpoint/convert/rename-llada.js";
export { inspectFolder } from "./checkpoint/inspect/inspect-folder.js";
export type { AdapterSummary, CheckpointKind, Inspection } from "./checkpoint/inspect/inspection.js";
export { inspectionJson, inspectionText } from "./checkpoint/inspect/inspection-report.js";
export { type LoadOptions, loadModelFolder } from "./checkpoint/load-model.js";
export type { CacheReport } from "./diffusion/cache/cache-budget.js";
export type {
  CacheKind,
  CacheOptions,
  DllmCacheOptions,
  FastDllmOptions,
  FeatureCacheOptions,
  RefreshOptions,
} from "./diffusion/cache/cache-options.js";
export {
  type Ban,
  type DecodeOptions,
  decodeOptions,
  type Remasking,
} from "./diffusion/decode-options.js";
export type { DecodeResult, DecodeStep, Edit } from "./diffusion/decode-step.js";
export { Decoder, type Decoding, decode, decodeBatch, type RunOptions } from "./diffusion/decoder.js";
export { type RuleName, ruleNames } from "./diffusion/rule-options.js";
export { embeddedModelFolder } from "./embedded.js";
export { type ErrorCode, OptionError, UserError } from "./errors.js";
export {
  type CaptionEvaluation,
  type CaptionSuite,
  type EvaluateCaptionsOptions,
  evaluateCaptions,
} from "./evaluation/captions/evaluate-captions.js";
export { type CaptureDocument, type CaptureResult, captureCaptions } from "./evaluation/capture/capture-captions.js";
export { type CaptureParts, loadCaptureParts } from "./evaluation/capture/capture-parts.js";
export { Judge } from "./evaluation/judges/judge.js";
export type { JudgeOptions } from "./evaluation/judges/judge-options.js";
export type { JudgeReport } from "./evaluation/judges/judge-report.js";
export { type ComparedTask, type CompareOptions, compareRuns } from "./evaluation/results/compare-runs.js";
export { reportPage } from "./evaluation/results/report-page.js";
export { type KeptResult, readResults } from "./evaluation/results/result-files.js";
export { comparisonTable, resultTable } from "./evaluation/results/result-table.js";
export { evaluate, type ModelToAsk } from "./evaluation/running/evaluate.js";
export type { EvaluateOptions } from "./evaluation/running/evaluate-options.js";
export type { EvaluatedSample, EvaluationResult } from "./evaluation/running/evaluation-result.js";
export { type Answered, type ScoredTask, type ScoreOptions, scoreAnswers } from "./evaluation/score-answers.js";
export type { ScoredAnswer } from "./evaluation/scored-answer.js";
export { defineTask, type Task, type TaskDefinition } from "./evaluation/task.js";
export { findTask, listTasks } from "./evaluation/task-registry.js";
export { parseUserTask } from "./evaluation/user-task.js";
export { openWordNet } from "./evaluation/wordnet/wordnet-files.js";
export { type Pulled, type PullOptions, pull } from "./hub/pull.js";
export { resolveModel } from "./hub/resolve-model.js";
export type { Filling } from "./inference/answers.js";
export { describeMany, type ManyItem, type ManyResult } from "./inference/describe-many.js";
export type { WatchedStep } from "./inference/forming/step-text.js";
export type { FillOptions, ManyOptions } from "./inference/request.js";
export type { FillRequest } from "./inference/resolve.js";
export { fillRequest } from "./inference/tasks/fill.js";
export { parseTemplate, type Template, type TemplatePart } from "./inference/template/fill-template.js";
export { type FilledBlank, type FilledText, type Form, readForm } from "./inference/template/template-form.js";
export type {
  RequestRecord,
  TraceChange,
  TraceEnd,
  TraceEvent,
  TraceStart,
  TraceStep,
} from "./inference/trace-format.js";
export {
  type DescribeOptions,
  type Description,
  loadModel,
  type Refinement,
  type RefineOptions,
  type TokenEdit,
  VisionLanguageModel,
  type VisualSource,
} from "./inference/vision-language-model.js";
export { promptEmbeddings } from "./models/llava/assembly.js";
export type { Model } from "./models/llava/llava.js";
export { correctDrafts } from "./pipeline/correction/correct-drafts.js";
export type { CorrectOptions } from "./pipeline/correction/correct-options.js";
export type { AnswerTotals, CorrectionReport } from "./pipeline/correction/correction-report.js";
export type { LedgerLine } from "./pipeline/correction/ledger.js";
export type { DraftReport } from "./pipeline/drafts/draft-all.js";
export { type DraftDataOptions, draftData } from "./pipeline/drafts/draft-data.js";
export type { DraftRecord } from "./pipeline/drafts/draft-record.js";
export { type ImproveOptions, improve } from "./pipeline/improve/improve.js";
export { type ImproveKeys, readImproveRecipe } from "./pipeline/improve/improve-recipe.js";
export type { ImproveReport } from "./pipeline/improve/improve-report.js";
export type { UnreadText } from "./text/alignment/aligned-text.js";
export type { ChatMessage } from "./text/chat-template.js";
export { DEFAULT_QUESTION } from "./text/default-question.js";
export { applyEdits, type TextEdit } from "./text/text-edits.js";
export { loadTokenizer, type Tokenizer } from "./text/tokenizer.js";
export { combineLogs, type RunLog } from "./training/logging/combine-logs.js";
export { metricsLog } from "./training/logging/metrics-log.js";
export { progressLog } from "./training/logging/progress-log.js";
export { tensorboardLog } from "./training/logging/tensorboard-log.js";
export type { RecipeKeys } from "./training/recipe/recipe.js";
export { parseRecipe, readRecipe } from "./training/recipe/recipe-file.js";
export type { RunRequests } from "./training/run/run-parts.js";
export type { EvaluationReport, RunFacts, StepReport, TrainObserver, TrainResult } from "./training/run/run-report.js";
export { type TrainOptions, train } from "./training/run/trainer.js";
export type { Visual } from "./vision/tiles/tiles.js";
