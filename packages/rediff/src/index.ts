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
export type { SampleSource } from "./data/samples/sample.js";
export type { ProblemKind as DataProblem, Skip } from "./data/samples/sample-error.js";
export type { CacheBudget, CacheReport } from "./diffusion/cache/cache-budget.js";
export type {
  CacheKind,
  CacheOptions,
  DllmCacheOptions,
  FastDllmOptions,
  FeatureCacheOptions,
  RefreshOptions,
} from "./diffusion/cache/cache-options.js";
export type { CacheUse } from "./diffusion/cache/decoding-cache.js";
export {
  type Ban,
  type ConfidenceAmong,
  type DecodeOptions,
  decodeOptions,
  type Remasking,
} from "./diffusion/decode-options.js";
export type { DecodeResult, DecodeStep, Edit, Guess, Query } from "./diffusion/decode-step.js";
export type { AddOptions } from "./diffusion/decoder.js";
export { Decoder, type Decoding, decode, decodeBatch, type RunOptions } from "./diffusion/decoder.js";
export type { HeadPiece } from "./diffusion/head/head-answers.js";
export type { Noise } from "./diffusion/head/token-candidates.js";
export type { Term as LossTerm } from "./diffusion/objective.js";
export type { GraphUse } from "./diffusion/pass/captured-passes.js";
export type { RuleOptions } from "./diffusion/rule-options.js";
export { type RuleName, type RuleNumbers, ruleNames } from "./diffusion/rule-options.js";
export { embeddedModelFolder } from "./embedded.js";
export type { OptionProblem, Spelling, UserErrorOptions, Wording } from "./errors.js";
export { type ErrorCode, OptionError, UserError } from "./errors.js";
export {
  type CaptionEvaluation,
  type CaptionSuite,
  type EvaluateCaptionsOptions,
  evaluateCaptions,
} from "./evaluation/captions/evaluate-captions.js";
export type { AskSuite, SuiteQuestion, Trouble, Troubles } from "./evaluation/captions/suite.js";
export { type CaptureDocument, type CaptureResult, captureCaptions } from "./evaluation/capture/capture-captions.js";
export { type CaptureParts, loadCaptureParts } from "./evaluation/capture/capture-parts.js";
export type { Scores as CaptureScores, Similarity } from "./evaluation/capture/matching.js";
export type { SentenceGraph } from "./evaluation/capture/scene-graph.js";
export { Judge } from "./evaluation/judges/judge.js";
export type { JudgeOptions } from "./evaluation/judges/judge-options.js";
export type { FailureReason as JudgeFailureReason, JudgeReport } from "./evaluation/judges/judge-report.js";
export type { Protocol } from "./evaluation/protocols.js";
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
export type { Counts as AnswerCounts, SubScore, TaskScores } from "./evaluation/task-scores.js";
export { parseUserTask } from "./evaluation/user-task.js";
export type { PartOfSpeech } from "./evaluation/wordnet/morphy.js";
export type { WordNet } from "./evaluation/wordnet/wordnet.js";
export { openWordNet } from "./evaluation/wordnet/wordnet-files.js";
export type { HubSettings } from "./hub/hub-settings.js";
export type { PullEvent } from "./hub/pull.js";
export { type Pulled, type PullOptions, pull } from "./hub/pull.js";
export type { ResolveOptions } from "./hub/resolve-model.js";
export { resolveModel } from "./hub/resolve-model.js";
export type { Approximated, Filling } from "./inference/answers.js";
export type { Group as ManyGroup } from "./inference/describe-many.js";
export { describeMany, type ManyItem, type ManyResult } from "./inference/describe-many.js";
export type { WatchedStep } from "./inference/forming/step-text.js";
export type { FileBytes, GivenPicture, GivenVideo } from "./inference/given-visuals.js";
export type { AskableModel, ModelFacts } from "./inference/model-facts.js";
export type { Awaiting, FillOptions, ManyOptions } from "./inference/request.js";
export type { CompleteRequest, FillRequest, VisualHandling } from "./inference/resolve.js";
export { fillRequest } from "./inference/tasks/fill.js";
export { parseTemplate, type Template, type TemplatePart } from "./inference/template/fill-template.js";
export type { FormPart } from "./inference/template/template-form.js";
export { type FilledBlank, type FilledText, type Form, readForm } from "./inference/template/template-form.js";
export type {
  ApproximatedRecord,
  CacheRecord,
  CacheReportRecord,
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
export type { LayersDone, PassProgress, Pieces } from "./models/chain.js";
export type { LinearWeight, LowRank, StoredWeight } from "./models/kernels.js";
export type { BlockWeights as LladaBlockWeights, HeadWeight, Llada, LladaWeights } from "./models/llada/llada.js";
export type { LladaConfig, RopeScaling } from "./models/llada/llada-config.js";
export { promptEmbeddings } from "./models/llava/assembly.js";
export type {
  DecodingDefaults,
  Model,
  ModelConfig,
  ModelDefaults,
  MultimodalConfig,
  VisionEncoder,
} from "./models/llava/llava.js";
export type { Quantization, QuantizationScheme, RoundedWeight } from "./models/quantization.js";
export type { Affine, Siglip, SiglipConfig, SiglipLayerWeights, SiglipWeights } from "./models/siglip/siglip.js";
export type { Retry, RetryPolicy } from "./network/backoff.js";
export type { UnusableAnswer } from "./pipeline/correction/answer-kind.js";
export { correctDrafts } from "./pipeline/correction/correct-drafts.js";
export type { CorrectOptions } from "./pipeline/correction/correct-options.js";
export type { AnswerTotals, CorrectionReport } from "./pipeline/correction/correction-report.js";
export type { UnusableReply } from "./pipeline/correction/expert-reply.js";
export type { FailureReason as CorrectionFailureReason } from "./pipeline/correction/failed-file.js";
export type { ExpertProvenance, LedgerLine } from "./pipeline/correction/ledger.js";
export type { PairDrop } from "./pipeline/correction/phrase-pairs.js";
export type { SelectionReport } from "./pipeline/correction/select-records.js";
export type { AnyPairDrop, DraftDrop } from "./pipeline/correction/selection-rules.js";
export type { DraftOptions, DraftReport } from "./pipeline/drafts/draft-all.js";
export { type DraftDataOptions, draftData } from "./pipeline/drafts/draft-data.js";
export type { PlanOptions, Shard } from "./pipeline/drafts/draft-plan.js";
export type { Drafted, DraftRecord } from "./pipeline/drafts/draft-record.js";
export type { StepsAsked } from "./pipeline/drafts/draft-settings.js";
export type { DraftCounts } from "./pipeline/drafts/drafts-file.js";
export type { LeftOut, LeftOutReason } from "./pipeline/drafts/left-out.js";
export type { QuestionOptions } from "./pipeline/drafts/questions.js";
export type { Computing, ResultOrigin } from "./pipeline/drafts/result-origin.js";
export type { AskingOptions } from "./pipeline/expert/asking-options.js";
export type { Prices } from "./pipeline/expert/budget.js";
export type {
  ChatMessage as ExpertMessage,
  MessagePart as ExpertMessagePart,
} from "./pipeline/expert/expert-client.js";
export type { LoopCorrections } from "./pipeline/improve/correct-round.js";
export { type ImproveOptions, improve } from "./pipeline/improve/improve.js";
export {
  type DraftKeys as ImproveDraftKeys,
  type EvaluateKeys as ImproveEvaluateKeys,
  type ExpertKeys as ImproveExpertKeys,
  type ImproveKeys,
  type Measure as ImproveMeasure,
  readImproveRecipe,
  type TrainKeys as ImproveTrainKeys,
} from "./pipeline/improve/improve-recipe.js";
export type { ImproveReport, RoundReport } from "./pipeline/improve/improve-report.js";
export type {
  RoundState,
  Stage as ImproveStage,
  StageReports as ImproveStageReports,
} from "./pipeline/improve/loop-state.js";
export type {
  DecodingScores,
  Evaluation as ImproveEvaluation,
  ExpertScores,
  SceneScores,
} from "./pipeline/improve/measure-round.js";
export type { RoundSelection } from "./pipeline/improve/select-round.js";
export type { TrainingReport } from "./pipeline/improve/train-round.js";
export type { Ranks } from "./ranks/ranks.js";
export type { Figure as SceneFigure, Interval } from "./scenes/scoring/score.js";
export { type StartOptions, startModel } from "./serving/started/model-start.js";
export { StartedModel } from "./serving/started/started-model.js";
export type { TerminalStream } from "./status-line.js";
export type { UnreadText } from "./text/alignment/aligned-text.js";
export type { Span as TextSpan } from "./text/alignment/normalized-text.js";
export type { ChatMessage, PromptTemplate } from "./text/chat-template.js";
export { DEFAULT_QUESTION } from "./text/default-question.js";
export type { ImageJoin } from "./text/image-tokens.js";
export { applyEdits, type TextEdit } from "./text/text-edits.js";
export type { SpecialIds, TokenizerStages } from "./text/tokenizer.js";
export { loadTokenizer, type Tokenizer } from "./text/tokenizer.js";
export type { Terms as LossTerms } from "./training/backward/micro-batch.js";
export type { FileLogOptions } from "./training/logging/combine-logs.js";
export { combineLogs, type RunLog } from "./training/logging/combine-logs.js";
export { metricsLog } from "./training/logging/metrics-log.js";
export type { ProgressLogOptions } from "./training/logging/progress-log.js";
export { progressLog } from "./training/logging/progress-log.js";
export { tensorboardLog } from "./training/logging/tensorboard-log.js";
export type { Override } from "./training/recipe/overrides.js";
export type { RecipeDataFile, RecipeKeys } from "./training/recipe/recipe.js";
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
export type { AspectRatio, Size } from "./vision/tiles/anyres.js";
export type { Tiles, Visual } from "./vision/tiles/tiles.js";
export type { MergeType, NewlinePosition, PoolMode, VisionGeometry } from "./vision/tiles/token-layout.js";
