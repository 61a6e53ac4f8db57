// The types are made of Node's, and of no newer ones than those of ES2022: they check in projects that name neither.
/// <reference types="node" preserve="true" />
/// <reference lib="es2022" preserve="true" />

/** Vision-language diffusion models for TypeScript: LLaDA-V and ReDiff. */

export { loadConfig } from "./checkpoint/config.js";
export { type AssembleOptions, assembleLladaV } from "./checkpoint/convert/assemble-llada-v.js";
export { type MergeOptions, mergeAdapter } from "./checkpoint/convert/merge-adapter.js";
export { type Conversion, type ConvertOptions, renameLlada } from "./checkpoint/convert/rename-llada.js";
export type { InspectOptions } from "./checkpoint/inspect/inspect-folder.js";
export { inspectFolder } from "./checkpoint/inspect/inspect-folder.js";
export type {
  AdapterSummary,
  CheckpointKind,
  Inspection,
  ListedTensor,
  Part as InspectedPart,
  PictureSummary,
  TokenizerSummary,
} from "./checkpoint/inspect/inspection.js";
export { inspectionJson, inspectionText } from "./checkpoint/inspect/inspection-report.js";
export { type LoadOptions, loadModelFolder } from "./checkpoint/load-model.js";
export type { MemoryNeed } from "./checkpoint/memory.js";
export type { TensorProblems } from "./checkpoint/weights.js";
export type { DataFile } from "./data/records/record-list.js";
export type { Skip } from "./data/samples/sample-error.js";
export type { CacheBudget, CacheReport } from "./diffusion/cache/cache-budget.js";
export type {
  CacheKind,
  CacheOptions,
  DllmCacheOptions,
  FastDllmOptions,
  FeatureCacheOptions,
  RefreshOptions,
} from "./diffusion/cache/cache-options.js";
export type { Canvas } from "./diffusion/canvas.js";
export {
  type Ban,
  type DecodeOptions,
  decodeOptions,
  type Remasking,
} from "./diffusion/decode-options.js";
export type { DecodeResult, DecodeStep, Edit, Guess, Query } from "./diffusion/decode-step.js";
export type { AddOptions, Loop } from "./diffusion/decoder.js";
export { Decoder, type Decoding, decode, decodeBatch, type RunOptions } from "./diffusion/decoder.js";
export type { HeadPiece } from "./diffusion/head/head-answers.js";
export type { Noise } from "./diffusion/head/token-candidates.js";
export type { RuleOptions } from "./diffusion/rule-options.js";
export { type RuleName, ruleNames } from "./diffusion/rule-options.js";
export type { DecodingRules } from "./diffusion/rules.js";
export { embeddedModelFolder } from "./embedded.js";
export type { OptionProblem, Spelling, UserErrorOptions, Wording } from "./errors.js";
export { type ErrorCode, OptionError, UserError } from "./errors.js";
export {
  type CaptionEvaluation,
  type CaptionSuite,
  type EvaluateCaptionsOptions,
  evaluateCaptions,
} from "./evaluation/captions/evaluate-captions.js";
export type { AskSuite, SuiteQuestion, Troubles } from "./evaluation/captions/suite.js";
export { type CaptureDocument, type CaptureResult, captureCaptions } from "./evaluation/capture/capture-captions.js";
export { type CaptureParts, loadCaptureParts } from "./evaluation/capture/capture-parts.js";
export type { Scores as CaptureScores, Similarity } from "./evaluation/capture/matching.js";
export type { SentenceGraph } from "./evaluation/capture/scene-graph.js";
export { Judge } from "./evaluation/judges/judge.js";
export type { JudgeOptions } from "./evaluation/judges/judge-options.js";
export type { FailureReason as JudgeFailureReason, JudgeReport } from "./evaluation/judges/judge-report.js";
export type { ComparedMetric, DifferentSample } from "./evaluation/results/compare-runs.js";
export { type ComparedTask, type CompareOptions, compareRuns } from "./evaluation/results/compare-runs.js";
export { reportPage } from "./evaluation/results/report-page.js";
export { type KeptResult, readResults } from "./evaluation/results/result-files.js";
export { comparisonTable, resultTable } from "./evaluation/results/result-table.js";
export type { AnswerOrigin } from "./evaluation/running/answers-file.js";
export { evaluate, type ModelToAsk } from "./evaluation/running/evaluate.js";
export type { AnswerSettings, EvaluateOptions } from "./evaluation/running/evaluate-options.js";
export type { EvaluatedSample, EvaluationResult } from "./evaluation/running/evaluation-result.js";
export { type Answered, type ScoredTask, type ScoreOptions, scoreAnswers } from "./evaluation/score-answers.js";
export type { Mark, ScoredAnswer } from "./evaluation/scored-answer.js";
export type { DataSource, GenerationSettings, ScoreContext, Submission } from "./evaluation/task.js";
export { defineTask, type Task, type TaskDefinition } from "./evaluation/task.js";
export type { TaskListing } from "./evaluation/task-registry.js";
export { findTask, listTasks } from "./evaluation/task-registry.js";
export type { TaskScores } from "./evaluation/task-scores.js";
export { parseUserTask } from "./evaluation/user-task.js";
export type { WordNet } from "./evaluation/wordnet/wordnet.js";
export { openWordNet } from "./evaluation/wordnet/wordnet-files.js";
export type { HubSettings } from "./hub/hub-settings.js";
export type { PullEvent } from "./hub/pull.js";
export { type Pulled, type PullOptions, pull } from "./hub/pull.js";
export type { ResolveOptions } from "./hub/resolve-model.js";
export { resolveModel } from "./hub/resolve-model.js";
export type { Filling } from "./inference/answers.js";
export type { Group as ManyGroup } from "./inference/describe-many.js";
export { describeMany, type ManyItem, type ManyResult } from "./inference/describe-many.js";
export type { WatchedStep } from "./inference/forming/step-text.js";
export type { GivenPicture, GivenVideo } from "./inference/given-visuals.js";
export type { AskableModel, ModelFacts } from "./inference/model-facts.js";
export type { Awaiting, FillOptions, ManyOptions } from "./inference/request.js";
export type { FillRequest, VisualHandling } from "./inference/resolve.js";
export { fillRequest } from "./inference/tasks/fill.js";
export { parseTemplate, type Template, type TemplatePart } from "./inference/template/fill-template.js";
export type { FormPart } from "./inference/template/template-form.js";
export { type FilledBlank, type FilledText, type Form, readForm } from "./inference/template/template-form.js";
export type {
  CacheRecord,
  GivenToken,
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
export type { PassProgress, Pieces } from "./models/chain.js";
export type { Llada } from "./models/llada/llada.js";
export { promptEmbeddings } from "./models/llava/assembly.js";
export type { Model, ModelConfig, VisionEncoder } from "./models/llava/llava.js";
export type { SiglipConfig } from "./models/siglip/siglip.js";
export type { RetryPolicy } from "./network/backoff.js";
export type { UnusableAnswer } from "./pipeline/correction/answer-kind.js";
export { correctDrafts } from "./pipeline/correction/correct-drafts.js";
export type { CorrectOptions } from "./pipeline/correction/correct-options.js";
export type { AnswerTotals, CorrectionReport } from "./pipeline/correction/correction-report.js";
export type { FailureReason as CorrectionFailureReason } from "./pipeline/correction/failed-file.js";
export type { LedgerLine } from "./pipeline/correction/ledger.js";
export type { SelectionReport } from "./pipeline/correction/select-records.js";
export type { DraftOptions, DraftReport } from "./pipeline/drafts/draft-all.js";
export { type DraftDataOptions, draftData } from "./pipeline/drafts/draft-data.js";
export type { Shard } from "./pipeline/drafts/draft-plan.js";
export type { DraftRecord } from "./pipeline/drafts/draft-record.js";
export type { LeftOut, LeftOutReason } from "./pipeline/drafts/left-out.js";
export type { Computing } from "./pipeline/drafts/result-origin.js";
export type { Prices } from "./pipeline/expert/budget.js";
export type { LoopCorrections } from "./pipeline/improve/correct-round.js";
export { type ImproveOptions, improve } from "./pipeline/improve/improve.js";
export { type ImproveKeys, readImproveRecipe } from "./pipeline/improve/improve-recipe.js";
export type { ImproveReport, RoundReport } from "./pipeline/improve/improve-report.js";
export type { Evaluation as ImproveEvaluation } from "./pipeline/improve/measure-round.js";
export type { TrainingReport } from "./pipeline/improve/train-round.js";
export type { Ranks } from "./ranks/ranks.js";
export { type StartOptions, startModel } from "./serving/started/model-start.js";
export { StartedModel } from "./serving/started/started-model.js";
export type { UnreadText } from "./text/alignment/aligned-text.js";
export type { ChatMessage } from "./text/chat-template.js";
export { DEFAULT_QUESTION } from "./text/default-question.js";
export type { ImageJoin } from "./text/image-tokens.js";
export { applyEdits, type TextEdit } from "./text/text-edits.js";
export type { SpecialIds, TokenizerStages } from "./text/tokenizer.js";
export { loadTokenizer, type Tokenizer } from "./text/tokenizer.js";
export type { Terms } from "./training/backward/micro-batch.js";
export type { FileLogOptions } from "./training/logging/combine-logs.js";
export { combineLogs, type RunLog } from "./training/logging/combine-logs.js";
export { metricsLog } from "./training/logging/metrics-log.js";
export type { ProgressLogOptions } from "./training/logging/progress-log.js";
export { progressLog } from "./training/logging/progress-log.js";
export { tensorboardLog } from "./training/logging/tensorboard-log.js";
export type { Override } from "./training/recipe/overrides.js";
export type { RecipeKeys } from "./training/recipe/recipe.js";
export { parseRecipe, readRecipe } from "./training/recipe/recipe-file.js";
export type { RunRequests } from "./training/run/run-parts.js";
export type {
  EvaluationReport,
  ProcessesReport,
  RunFacts,
  StepProgress,
  StepReport,
  TrainObserver,
  TrainResult,
} from "./training/run/run-report.js";
export { type TrainOptions, train } from "./training/run/trainer.js";
export type { LeftOutFile } from "./vision/picture/folder-pictures.js";
export type { Size } from "./vision/tiles/anyres.js";
export type { Visual } from "./vision/tiles/tiles.js";
