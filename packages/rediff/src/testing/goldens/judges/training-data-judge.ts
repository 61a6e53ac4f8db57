/** Golden cases about training data: samples as the reference's data set makes them, its collator, its sampler. Every
 *  output has to be equal; inputs or outputs that are not known here fail the case. */
import { join } from "node:path";
import { z } from "zod";
import { loadConfig } from "../../../checkpoint/config.js";
import { modalityLengthOrder } from "../../../data/loading/epoch-order.js";
import { parseRecord } from "../../../data/records/parse-record.js";
import { countWords } from "../../../data/records/python-words.js";
import { buildSample, type SampleContext } from "../../../data/samples/build-sample.js";
import type { SampleSource, TrainingSample } from "../../../data/samples/sample.js";
import { originalSamples } from "../../../data/samples/sample-rules.js";
import { UserError } from "../../../errors.js";
import { visionGeometry } from "../../../models/llava/llava.js";
import { collate } from "../../../text/collate.js";
import { turnSchema } from "../../../text/labels.js";
import { loadTokenizer } from "../../../text/tokenizer.js";
import { compareExact } from "../compare.js";
import type { GoldenCase, Outcome } from "../golden-case.js";

export async function run(golden: GoldenCase): Promise<Outcome> {
  const { referenceFunction } = golden;
  if (referenceFunction.includes("get_modality_length_grouped_indices")) return compareOrders(golden);
  if (referenceFunction.includes("DataCollatorForSupervisedDataset")) return compareBatch(golden);
  if (referenceFunction.includes("_get_item")) return compareItems(golden);
  return { status: "failed", deviation: Number.NaN, note: `unknown function "${referenceFunction}"` };
}

/** The reference's own rules, from the model folder and picture folder of a case. */
export async function goldenContext(golden: GoldenCase, imageFolder = "images"): Promise<SampleContext> {
  const { multimodal } = await loadConfig(golden.checkpoint);
  if (multimodal === undefined) throw new Error(`${golden.checkpoint} is a text-only model`);
  return {
    tokenizer: await loadTokenizer(golden.checkpoint),
    settings: {
      template: "llava_llada",
      maxLength: multimodal.tokenizerModelMaxLength ?? Number.POSITIVE_INFINITY,
      rules: originalSamples,
      media: { imageFolder: join(golden.root, imageFolder), geometry: visionGeometry(multimodal) },
    },
  };
}

const ids = z.array(z.int());

async function compareItems(golden: GoldenCase): Promise<Outcome> {
  const { image_folder } = z.strictObject({ image_folder: z.string() }).parse(golden.inputs);
  const row = z.strictObject({
    record: z.unknown(),
    input_ids: ids,
    labels: ids,
    revise_indices: ids,
    images: z.array(z.strictObject({ shape: ids, size: ids, modality: z.string() })),
  });
  const failed = z.strictObject({ record: z.unknown(), error: z.string() });
  const outputs = z.strictObject({
    rows: z.array(z.union([row, failed])),
    modality_lengths: ids.optional(),
    lengths: ids.optional(),
  });
  const expected = outputs.parse(golden.outputs);
  const context = await goldenContext(golden, image_folder);
  const rows: unknown[] = [];
  for (const [index, wanted] of expected.rows.entries()) {
    try {
      rows.push(await buildRow(wanted.record, { file: golden.id, index }, context));
    } catch (error) {
      // Which error the reference runs into is its own affair, that there is one is not.
      if (!(error instanceof UserError) || !("error" in wanted)) throw error;
      rows.push(wanted);
    }
  }
  const records = expected.rows.map(({ record }) => measured.parse(record));
  const words = records.map(({ conversations }) =>
    conversations.reduce((sum, { content }) => sum + countWords(content), 0),
  );
  return compareExact(
    {
      rows,
      ...(expected.modality_lengths && {
        modality_lengths: records.map((record, i) => (words[i] ?? 0) * (record.image || record.video ? 1 : -1)),
      }),
      ...(expected.lengths && {
        lengths: records.map(({ image }, i) => (words[i] ?? 0) + (image ? 128 : 0)),
      }),
    },
    expected,
  );
}

/** The keys that lengths depend on; the rest of a record may be broken. */
const measured = z.looseObject({
  image: z.unknown().optional(),
  video: z.unknown().optional(),
  conversations: z.array(turnSchema),
});

async function buildRow(record: unknown, source: SampleSource, context: SampleContext): Promise<object> {
  const sample = await buildSample(parseRecord(record, source), context);
  return {
    record,
    input_ids: sample.ids,
    labels: sample.labels,
    revise_indices: sample.revise.map(Number),
    images: describeImages(sample, context),
  };
}

/** What the reference hands on beside the tokens. It gives a sample without pictures an empty tile. */
function describeImages(sample: TrainingSample, { settings }: SampleContext): object[] {
  const { tileSize = 0, aspectRatio } = settings.media?.geometry ?? {};
  const tile = [3, tileSize, tileSize];
  const { modality, visuals } = sample;
  if (modality === "text") return [{ shape: [1, ...tile], size: [tileSize, tileSize], modality }];
  const isTiled = modality === "video" || (aspectRatio?.kind === "anyres" && visuals.length === 1);
  return visuals.map(({ tiles, imageSize }) => ({
    shape: isTiled ? [tiles, ...tile] : tile,
    size: [imageSize.width, imageSize.height],
    modality,
  }));
}

async function compareBatch(golden: GoldenCase): Promise<Outcome> {
  const inputs = z
    .strictObject({ keys: z.unknown(), records: z.array(z.unknown()), use_conversation_mask: z.boolean() })
    .parse(golden.inputs);
  const context = await goldenContext(golden);
  const samples: TrainingSample[] = [];
  for (const [index, record] of inputs.records.entries()) {
    samples.push(await buildSample(parseRecord(record, { file: golden.id, index }), context));
  }
  const batch = collate(samples, { pad: context.tokenizer.special.pad, maxLength: context.settings.maxLength });
  const tileSize = context.settings.media?.geometry.tileSize ?? 0;
  return compareExact(
    {
      input_ids: batch.ids,
      labels: batch.labels,
      revise_indices: batch.revise.map((row) => row.map(Number)),
      image_sizes: samples.flatMap(({ visuals }) =>
        visuals.length === 0
          ? [[tileSize, tileSize]]
          : visuals.map(({ imageSize }) => [imageSize.width, imageSize.height]),
      ),
      modalities: samples.flatMap(({ visuals, modality }) =>
        visuals.length === 0 ? [modality] : visuals.map(() => modality),
      ),
      // The reference asks for it only with the conversation mask, and then nothing is padded.
      ...(inputs.use_conversation_mask && { attention_mask: batch.ids.map((row) => row.map(() => 1)) }),
    },
    golden.outputs,
  );
}

/** The recorded permutations are given out in the order in which the reference drew them. */
function compareOrders(golden: GoldenCase): Outcome {
  z.strictObject({}).parse(golden.inputs);
  const row = z.strictObject({
    lengths: ids,
    batch_size: z.int(),
    world_size: z.int(),
    randperms_in_call_order: z.array(ids),
    indices: ids,
  });
  const expected = z.strictObject({ rows: z.array(row) }).parse(golden.outputs);
  const rows = expected.rows.map((wanted) => {
    const recorded = [...wanted.randperms_in_call_order];
    const permute = (n: number): number[] => {
      const next = recorded.shift();
      if (next?.length !== n) throw new Error(`asked for a permutation of ${n}, recorded is one of ${next?.length}`);
      return next;
    };
    const indices = modalityLengthOrder(wanted.lengths, wanted.batch_size, wanted.world_size, permute);
    if (recorded.length > 0) throw new Error(`${recorded.length} recorded permutations were not asked for`);
    return { ...wanted, indices };
  });
  return compareExact({ rows }, expected);
}
