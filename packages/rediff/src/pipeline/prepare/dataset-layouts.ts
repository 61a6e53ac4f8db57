/** The public data sets that LLaDA-V was trained on, as they are published on the Hugging Face hub.
 *
 *  File names as of 2026-11: LLaVA-Pretrain 27 GB, LLaVA-NeXT-Data 51 GB (raw format) or 86 GB (parquet),
 *  MAmmoTH-VL-Instruct-12M 3.4 TB of single pictures, 200 GB of several, 120 GB of videos, VisualWebInstruct 29 GB. */

export const DATASETS = ["llava-pretrain", "llava-next", "mammoth-vl", "visualwebinstruct"] as const;
export type DatasetName = (typeof DATASETS)[number];

/** Where pictures or videos come from. */
export interface MediaGroup {
  /** Folder in the output. */
  into: "images" | "videos";
  /** Archives among the files, by their path without part suffixes. */
  archives: RegExp;
  /** All that the publisher has, by file name. */
  expected: readonly string[];
  /** Folders of the download in which someone may have unpacked them already. */
  unpacked: readonly string[];
}

/** One file of records to make. */
export interface RecordsSpec {
  /** Name in the output, which the recipes know. */
  output: string;
  /** Its source, the first kind that is there. Of parquet shards there are several. */
  sources: readonly { files: RegExp; what: string; picturesInside?: true }[];
  /** Media that its records name. */
  media: readonly MediaGroup[];
}

export interface Layout {
  name: DatasetName;
  /** Data set on the hub. */
  hub: string;
  records: readonly RecordsSpec[];
}

const shards = (count: number, name: (number: number) => string): string[] =>
  Array.from({ length: count }, (_, i) => name(i + 1));

const shardGroup = (folder: string, into: "images" | "videos", count: number): MediaGroup => ({
  into,
  archives: new RegExp(`(?:^|/)${folder}/[^/]+\\.(?:tar|tar\\.gz|tgz|zip)$`),
  expected: shards(count, (number) => `${folder}/shard_${number}.tar.gz`),
  unpacked: [into],
});

const single = shardGroup("single_image_data", "images", 100);
const multiple = shardGroup("multi_image_data", "images", 20);
const videos = shardGroup("video_data", "videos", 20);

export const layouts: Readonly<Record<DatasetName, Layout>> = {
  "llava-pretrain": {
    name: "llava-pretrain",
    hub: "liuhaotian/LLaVA-Pretrain",
    records: [
      {
        output: "blip_laion_cc_sbu_558k.json",
        sources: [{ files: /(?:^|\/)blip_laion_cc_sbu_558k\.jsonl?$/, what: "blip_laion_cc_sbu_558k.json" }],
        media: [
          {
            into: "images",
            archives: /(?:^|\/)images\.(?:zip|tar|tar\.gz|tgz)$/,
            expected: ["images.zip"],
            unpacked: ["images"],
          },
        ],
      },
    ],
  },
  "llava-next": {
    name: "llava-next",
    hub: "lmms-lab/LLaVA-NeXT-Data",
    records: [
      {
        output: "llava_next_raw_format_processed.json",
        sources: [
          {
            files: /(?:^|\/)llava_next_raw_format_processed\.jsonl?$/,
            what: "llava_next_raw_format/llava_next_raw_format_processed.json",
          },
          {
            files: /(?:^|\/)train-\d{5}-of-\d{5}\.parquet$/,
            what: "data/train-*.parquet",
            picturesInside: true,
          },
        ],
        media: [
          {
            into: "images",
            archives: /(?:^|\/)llava_next_raw_format_images_\d+\.(?:tar|tar\.gz|tgz|zip)$/,
            expected: shards(11, (number) => `llava_next_raw_format/llava_next_raw_format_images_${number}.tar.gz`),
            unpacked: ["llava_next_raw_format/images", "images", "llava_next_raw_format"],
          },
        ],
      },
    ],
  },
  "mammoth-vl": {
    name: "mammoth-vl",
    hub: "MAmmoTH-VL/MAmmoTH-VL-Instruct-12M",
    records: [
      {
        output: "mammoth_si_10M.json",
        sources: [{ files: /(?:^|\/)mammoth_si_10M\.jsonl?$/, what: "mammoth_si_10M.json" }],
        media: [single],
      },
      {
        output: "mammoth_ov_2M.json",
        sources: [{ files: /(?:^|\/)mammoth_ov_2M\.jsonl?$/, what: "mammoth_ov_2M.json" }],
        // Its single pictures lie in archives of both kinds.
        media: [multiple, single, videos],
      },
    ],
  },
  visualwebinstruct: {
    name: "visualwebinstruct",
    hub: "TIGER-Lab/VisualWebInstruct",
    records: [
      {
        output: "mixed_conversation.json",
        sources: [
          { files: /(?:^|\/)(?:mixed_conversation|conversation_mixed)\.jsonl?$/, what: "mixed_conversation.jsonl" },
          { files: /(?:^|\/)mixed_conversation\.parquet$/, what: "mixed_conversation.parquet" },
        ],
        media: [
          {
            into: "images",
            // The data set began with imgs.tar.gz.
            archives: /(?:^|\/)(?:images|imgs)\.(?:zip|tar|tar\.gz|tgz)$/,
            expected: ["images.zip"],
            unpacked: ["images", "imgs"],
          },
        ],
      },
    ],
  },
};
