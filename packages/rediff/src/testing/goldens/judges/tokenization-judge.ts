/** Tokenizer, prompts and labels against the reference's ids. Every output of a case has to be equal; a case with
 *  inputs or outputs that are not known here fails rather than being compared in part. */
import { z } from "zod";
import { type ChatMessage, pairContent, renderPrompt } from "../../../text/chat-template.js";
import { type ConversationTokens, conversationIds } from "../../../text/conversation-ids.js";
import { encodePrompt } from "../../../text/image-tokens.js";
import { labelCaption, labelConversation, placeTrainingImages, turnSchema } from "../../../text/labels.js";
import { loadTokenizer, type Tokenizer } from "../../../text/tokenizer.js";
import { compareExact } from "../compare.js";
import type { GoldenCase, Outcome } from "../golden-case.js";

type Check = (tokenizer: Tokenizer, goldenCase: GoldenCase) => Outcome;

/** By a part of reference_function; the narrower comes first. */
const checks: readonly (readonly [string, Check])[] = [
  ["PreTrainedTokenizerFast", checkEncodeDecode],
  ["Conversation.get_prompt", checkPrompt],
  ["tokenizer_image_token", checkImageTokens],
  ["preprocess_plain", checkCaption],
  ["preprocess_llada", checkConversation],
  ["generate_conversation_ids", checkConversationIds],
];

export async function run(goldenCase: GoldenCase): Promise<Outcome> {
  const entry = checks.find(([name]) => goldenCase.referenceFunction.includes(name));
  if (entry === undefined) {
    return { status: "failed", deviation: Number.NaN, note: `unknown function "${goldenCase.referenceFunction}"` };
  }
  return entry[1](await loadTokenizer(goldenCase.checkpoint), goldenCase);
}

const ids = z.array(z.int());

/** `vocab_size`, the words that are no added tokens, is taken as it is: nothing of ours depends on it. */
function checkEncodeDecode(tokenizer: Tokenizer, { outputs }: GoldenCase): Outcome {
  const row = z.strictObject({
    text: z.string(),
    ids,
    tokens: z.array(z.string()),
    decoded: z.string(),
    decoded_skip_special: z.string(),
  });
  const expected = z.strictObject({ rows: z.array(row), len_tokenizer: z.int(), vocab_size: z.int() }).parse(outputs);
  return compareExact(
    {
      rows: expected.rows.map(({ text, ids }) => ({
        text,
        ids: tokenizer.encode(text),
        tokens: tokenizer.encode(text).map((id) => tokenizer.token(id)),
        decoded: tokenizer.decode(ids),
        decoded_skip_special: tokenizer.decode(ids, { skipSpecialTokens: true }),
      })),
      len_tokenizer: tokenizer.length,
      vocab_size: expected.vocab_size,
    },
    expected,
  );
}

const pairSchema = z.strictObject({ tuple: z.tuple([z.string(), z.array(z.unknown())]) });
const messageSchema = z.tuple([z.string(), z.union([z.string(), z.null(), pairSchema])]);

function checkPrompt(tokenizer: Tokenizer, { inputs, outputs }: GoldenCase): Outcome {
  const { system, messages } = z.strictObject({ system: z.string(), messages: z.array(messageSchema) }).parse(inputs);
  // The reference looks for pairs in the first message by another rule than in later ones, unless that is no pair.
  const chat = messages.map(([role, content], index): ChatMessage => {
    if (content === null || typeof content === "string") return { role, content };
    const [text, images] = content.tuple;
    return { role, content: pairContent(text, images.length, index === 0) };
  });
  const prompt = renderPrompt(tokenizer, chat, { system });
  const expected = z.strictObject({ prompt: z.string(), input_ids: ids }).parse(outputs);
  return compareExact({ prompt, input_ids: encodePrompt(tokenizer, prompt, { join: "legacy" }) }, expected);
}

function checkImageTokens(tokenizer: Tokenizer, { outputs }: GoldenCase): Outcome {
  const expected = z.strictObject({ rows: z.array(z.strictObject({ prompt: z.string(), ids })) }).parse(outputs);
  const rows = expected.rows.map(({ prompt }) => ({
    prompt,
    ids: encodePrompt(tokenizer, prompt, { join: "legacy" }),
  }));
  return compareExact({ rows }, expected);
}

function checkCaption(tokenizer: Tokenizer, { inputs, outputs }: GoldenCase): Outcome {
  const { conversations } = z.strictObject({ conversations: z.array(turnSchema) }).parse(inputs);
  const expected = z.strictObject({ input_ids: ids, labels: ids }).parse(outputs);
  const labelled = labelCaption(tokenizer, conversations);
  return compareExact({ input_ids: labelled.ids, labels: labelled.labels }, expected);
}

function checkConversation(tokenizer: Tokenizer, { inputs, outputs }: GoldenCase): Outcome {
  const parsed = z.strictObject({ conversations: z.array(turnSchema), has_image: z.boolean() }).parse(inputs);
  const expected = z
    .strictObject({
      after_preprocess_multimodal: z.array(turnSchema),
      input_ids: ids,
      labels: ids,
      conversation_ids: ids,
    })
    .parse(outputs);
  const turns = parsed.has_image ? placeTrainingImages(parsed.conversations) : parsed.conversations;
  const labelled = labelConversation(tokenizer, turns, { hasImage: parsed.has_image });
  return compareExact(
    {
      after_preprocess_multimodal: turns,
      input_ids: labelled.ids,
      labels: labelled.labels,
      conversation_ids: conversationIds(labelled.labels, conversationTokens(tokenizer)),
    },
    expected,
  );
}

function checkConversationIds(tokenizer: Tokenizer, { outputs }: GoldenCase): Outcome {
  const expected = z
    .strictObject({ rows: z.array(z.strictObject({ labels: ids, conversation_ids: ids })) })
    .parse(outputs);
  const tokens = conversationTokens(tokenizer);
  const rows = expected.rows.map(({ labels }) => ({ labels, conversation_ids: conversationIds(labels, tokens) }));
  return compareExact({ rows }, expected);
}

function conversationTokens(tokenizer: Tokenizer): ConversationTokens {
  const { startHeader, eot } = tokenizer.special;
  return { startHeader, eot, assistant: tokenizer.encode("assistant")[0] ?? -1 };
}
