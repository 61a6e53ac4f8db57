/** Which adapter judges a case: by its group and by the function of the reference that made its outputs.
 *
 *  A pair that is not listed is a failure, not a skip: new cases must not pass unseen. */
import type { Adapter, GoldenCase } from "./golden-case.js";

/** Adapters are loaded when a case needs them, so that one that cannot be loaded fails its own cases only. */
export type Route = { group: string; function: string; adapter: () => Promise<Adapter> } | Skip;
type Skip = { group: string; function: string; skip: string };

const trainingData = () => import("./judges/training-data-judge.js");
const tokenization = () => import("./judges/tokenization-judge.js");
const imagePreprocess = () => import("./judges/image-preprocess-judge.js");
const features = () => import("./judges/features-judge.js");
const llmForward = () => import("./judges/llm-forward-judge.js");
const generation = () => import("./judges/generation-judge.js");
const trainingStep = () => import("./judges/training-step-judge.js");
const dataPipe = () => import("./judges/data-pipe-judge.js");
const capture = () => import("./judges/capture-judge.js");
const captionSuites = () => import("./judges/caption-suites-judge.js");
const schedule = () => import("./judges/learning-rate-judge.js");

/** `function` is a part of the case's reference_function; the first match counts, so the narrower comes first. */
export const routes: readonly Route[] = [
  { group: "tokenization", function: "DataCollatorForSupervisedDataset", adapter: trainingData },
  { group: "tokenization", function: "LazySupervisedDataset._get_item", adapter: trainingData },
  { group: "tokenization", function: "PreTrainedTokenizerFast", adapter: tokenization },
  { group: "tokenization", function: "Conversation.get_prompt", adapter: tokenization },
  { group: "tokenization", function: "tokenizer_image_token", adapter: tokenization },
  { group: "tokenization", function: "preprocess_plain", adapter: tokenization },
  { group: "tokenization", function: "preprocess_llada", adapter: tokenization },
  { group: "tokenization", function: "generate_conversation_ids", adapter: tokenization },

  { group: "image_preprocess", function: "process_images", adapter: imagePreprocess },
  { group: "image_preprocess", function: "select_best_resolution", adapter: imagePreprocess },
  { group: "image_preprocess", function: "expand2square", adapter: imagePreprocess },
  { group: "image_preprocess", function: "SigLipImageProcessor.preprocess", adapter: imagePreprocess },

  { group: "features", function: "prepare_inputs_labels_for_multimodal", adapter: features },

  { group: "llm_forward", function: "LLaDAModel.forward", adapter: llmForward },
  { group: "llm_forward", function: "register_cache_LLaDA_V", adapter: llmForward },
  { group: "llm_forward", function: "get_masked_indices_from_embeds", adapter: llmForward },

  { group: "generation", function: "generate_with_embeds", adapter: generation },
  { group: "generation", function: "generate_demo.py", adapter: generation },
  { group: "generation", function: "LlavaLLaDAModelLM.generate", adapter: generation },
  { group: "generation", function: "get_num_transfer_tokens", adapter: generation },

  { group: "misc", function: "LLaDAModel.forward", adapter: llmForward },
  { group: "misc", function: "LLaDARotaryEmbedding", adapter: llmForward },
  { group: "misc", function: "generate_with_embeds", adapter: generation },
  { group: "misc", function: "get_cosine_schedule_with_warmup", adapter: schedule },
  { group: "misc", function: "get_modality_length_grouped_indices", adapter: trainingData },

  { group: "data_pipe", function: "data_pipeline_gpt.py", adapter: dataPipe },
  { group: "data_pipe", function: "process.py", adapter: dataPipe },
  { group: "data_pipe", function: "preprocess_vicrit.py", adapter: dataPipe },
  { group: "train_loss", function: "LLaDAModelLM.forward", adapter: trainingStep },
  { group: "train_steps", function: "LLaVATrainer.create_optimizer", adapter: trainingStep },

  { group: "evaluation", function: "evaluation/clair", adapter: captionSuites },
  { group: "evaluation", function: "evaluation/coverage", adapter: captionSuites },
  { group: "evaluation", function: "evaluation/factuality", adapter: captionSuites },
  { group: "evaluation", function: "evaluation/caparena_auto", adapter: captionSuites },
  { group: "evaluation", function: "evaluation/capture_matching", adapter: capture },
];

export function findRoute(table: readonly Route[], goldenCase: GoldenCase): Route | undefined {
  return table.find(
    (route) => route.group === goldenCase.group && goldenCase.referenceFunction.includes(route.function),
  );
}
