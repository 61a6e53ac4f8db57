/** The tensors of a low-rank adapter, and what they make of its base's.
 *  r rank, I inputs, O outputs of a linear weight */
import { type Device, type DType, noGrad, Scope, scope, type Tensor } from "@rediff/torch";
import { readTorchFile } from "../convert/torch-pickle.js";
import type { Shapes } from "../tensor-names.js";
import { openCheckpoint } from "../weights.js";
import { type AdapterConfig, readAdapterConfig } from "./adapter-config.js";
import {
  type AdapterLayout,
  adapterFiles,
  adapterLayout,
  assertFits,
  incompleteText,
  missingTargets,
} from "./adapter-layout.js";
import { merged } from "./merged-weight.js";

/** A weight's correction. */
export interface Correction {
  down_rI: Tensor;
  up_Or: Tensor;
  scale: number;
}

export class AdapterTensors implements Disposable {
  readonly #folder: string;
  readonly #config: AdapterConfig;
  readonly #layout: AdapterLayout;
  readonly #stored: Scope;
  /** By the name of the weight in the base. */
  readonly corrections = new Map<string, Correction>();
  /** What stands in place of the base's tensors. */
  readonly replacements = new Map<string, Tensor>();

  private constructor(
    folder: string,
    config: AdapterConfig,
    layout: AdapterLayout,
    stored: Scope,
    tensors: ReadonlyMap<string, Tensor>,
  ) {
    this.#folder = folder;
    this.#config = config;
    this.#layout = layout;
    this.#stored = stored;
    const tensor = (name: string) => tensors.get(name) as Tensor;
    for (const [weight, { A, B, embedding, scale }] of layout.pairs) {
      const [down, up] = [tensor(A), tensor(B)];
      // (B A)^T = A^T B^T: of an embedding the two change places.
      const [down_rI, up_Or] = embedding ? stored.run(() => noGrad(() => [up.t(), down.t()] as const)) : [down, up];
      this.corrections.set(weight, { down_rI, up_Or, scale });
    }
    for (const [weight, { name }] of layout.whole) this.replacements.set(weight, tensor(name));
  }

  /** Values are mapped from safetensors files and read of others.
   *  @throws UserError when a file is missing or damaged, holds no adapter, or does not fit adapter_config.json */
  static async open(folder: string): Promise<AdapterTensors> {
    const config = await readAdapterConfig(folder);
    const stored = new Scope();
    try {
      const tensors = stored.run(() => new Map(adapterFiles(folder).flatMap(readTensors)));
      const shapes = new Map([...tensors].map(([name, tensor]) => [name, tensor.shape]));
      return new AdapterTensors(folder, config, adapterLayout(folder, config, shapes), stored, tensors);
    } catch (error) {
      stored[Symbol.dispose]();
      throw error;
    }
  }

  /** @throws UserError listing what has no place in the model, or another shape there */
  assertFits(model: Shapes): void {
    assertFits(this.#folder, this.#layout, model);
  }

  /** A line about what the adapter should correct and does not; undefined where it is whole. */
  incompleteness(model: Shapes): string | undefined {
    return incompleteText(this.#folder, missingTargets(this.#config, this.#layout, model));
  }

  changes(name: string): boolean {
    return this.corrections.has(name) || this.replacements.has(name);
  }

  /** A tensor of the model with its correction, in float32 (or float64); `value` where there is none. */
  corrected(name: string, value: Tensor): Tensor {
    const correction = this.corrections.get(name);
    if (correction === undefined) return value;
    const { down_rI, up_Or, scale } = correction;
    return merged(value, down_rI, up_Or, scale, value.dtype === "float64" ? "float64" : "float32");
  }

  [Symbol.dispose](): void {
    this.#stored[Symbol.dispose]();
  }
}

function readTensors(path: string): [string, Tensor][] {
  if (path.endsWith(".bin")) return [...readTorchFile(path)];
  using file = openCheckpoint(path);
  return file.names().map((name): [string, Tensor] => [name, file.get(name)]);
}

/** A tensor of a model whose base has `stored` (undefined where it has none), cast once. */
export function adaptedTensor(
  adapters: readonly AdapterTensors[],
  name: string,
  stored: (() => Tensor) | undefined,
  place: { dtype: DType; device: Device },
): Tensor {
  return scope(() =>
    noGrad(() => {
      const last = adapters.findLastIndex((adapter) => adapter.replacements.has(name));
      const whole = adapters[last]?.replacements.get(name) ?? stored?.();
      if (whole === undefined) throw new Error(`neither base nor adapter has ${name}`);
      let value = whole.to({ device: place.device });
      for (const adapter of adapters.slice(Math.max(0, last))) value = adapter.corrected(name, value);
      return value.to(place);
    }),
  );
}
