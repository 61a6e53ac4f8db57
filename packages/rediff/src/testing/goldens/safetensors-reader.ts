/** A plain reader of small safetensors files, for recorded tensors only.
 *
 *  Independent of @rediff/torch on purpose: the runner has to work, and to judge, where the engine does not. The whole
 *  file is read at once: recorded tensors are small. */
import { readFileSync } from "node:fs";
import { z } from "zod";
import { UserError } from "../../errors.js";

export type GoldenData = Uint8Array | Uint16Array | Int32Array | BigInt64Array | Float32Array | Float64Array;

/** `dtype` is the name in the file. BOOL is one byte each; BF16 and F16 keep their bits as Uint16Array. */
export type GoldenTensor = { shape: number[]; dtype: string; data: GoldenData };

const headerEntry = z.object({
  dtype: z.string(),
  shape: z.array(z.int().nonnegative()),
  data_offsets: z.tuple([z.int().nonnegative(), z.int().nonnegative()]),
});

const views: Record<
  string,
  { bytes: number; view: (buffer: ArrayBuffer, start: number, count: number) => GoldenData }
> = {
  U8: { bytes: 1, view: (buffer, start, count) => new Uint8Array(buffer, start, count) },
  BOOL: { bytes: 1, view: (buffer, start, count) => new Uint8Array(buffer, start, count) },
  BF16: { bytes: 2, view: (buffer, start, count) => new Uint16Array(buffer, start, count) },
  F16: { bytes: 2, view: (buffer, start, count) => new Uint16Array(buffer, start, count) },
  I32: { bytes: 4, view: (buffer, start, count) => new Int32Array(buffer, start, count) },
  F32: { bytes: 4, view: (buffer, start, count) => new Float32Array(buffer, start, count) },
  I64: { bytes: 8, view: (buffer, start, count) => new BigInt64Array(buffer, start, count) },
  F64: { bytes: 8, view: (buffer, start, count) => new Float64Array(buffer, start, count) },
};

/** Every tensor of the file by name. Throws a UserError that names file and tensor. */
export function readGoldenTensors(path: string): Map<string, GoldenTensor> {
  const file = readFileSync(path);
  const headerLength = file.length >= 8 ? Number(file.readBigUInt64LE(0)) : Number.POSITIVE_INFINITY;
  if (headerLength > file.length - 8) throw new UserError(`${path}: not a safetensors file, or cut off`);
  const body = 8 + headerLength;

  const tensors = new Map<string, GoldenTensor>();
  for (const [name, entry] of Object.entries(parseHeader(path, file.toString("utf8", 8, body)))) {
    const kind = views[entry.dtype];
    if (kind === undefined) throw new UserError(`${path}: tensor ${name} has the unknown dtype ${entry.dtype}`);
    const count = entry.shape.reduce((product, size) => product * size, 1);
    const [start, end] = entry.data_offsets;
    if (end - start !== count * kind.bytes || body + end > file.length) {
      throw new UserError(
        `${path}: tensor ${name} needs ${count * kind.bytes} bytes, its offsets are ${start}..${end}`,
      );
    }
    // A copy has offset 0, which every element size divides; Buffer's pool and the header promise no alignment.
    const bytes = new Uint8Array(file.subarray(body + start, body + end));
    tensors.set(name, { shape: entry.shape, dtype: entry.dtype, data: kind.view(bytes.buffer, 0, count) });
  }
  return tensors;
}

function parseHeader(path: string, text: string): Record<string, z.infer<typeof headerEntry>> {
  try {
    const { __metadata__: _, ...entries } = z.record(z.string(), z.unknown()).parse(JSON.parse(text));
    return z.record(z.string(), headerEntry).parse(entries);
  } catch (cause) {
    throw new UserError(`${path}: unreadable safetensors header`, undefined, { cause });
  }
}
