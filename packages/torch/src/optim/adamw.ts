/** AdamW with decoupled weight decay (arXiv 1711.05101), with the numbers of torch.optim.AdamW.
 *
 *      m <- b1 m + (1 - b1) g        v <- b2 v + (1 - b2) g^2
 *      w <- w - lr * decay * w - lr * (m / (1 - b1^t)) / (sqrt(v / (1 - b2^t)) + eps)
 *
 *  - Weights of 16 bits are updated through a float32 copy, the master weight, and rounded back once per step: a step
 *    is usually smaller than half a unit in the last place of a bfloat16 weight and would be lost.
 *  - The state of a parameter begins with its first gradient, so what never gets one (SigLIP's post_layernorm) costs
 *    nothing and is never decayed.
 *  - With `offload`, moments and master weights stay on the CPU and the update is computed there.
 *  - A parameter whose gradient has some rows only, the embedding's, has moments of the rows it ever had
 *    (row-moments.ts). */
import { noGrad } from "../autograd.js";
import { tensor } from "../create.js";
import type { Device } from "../device.js";
import type { DType } from "../dtype.js";
import { _fusedAdamw_ } from "../generated/ops.generated.js";
import { Scope, scope } from "../scope.js";
import type { Tensor } from "../tensor.js";
import type { Parameter, ParameterGroup } from "./parameter.js";
import { RowMoments } from "./row-moments.js";
import { StateError } from "./state-error.js";

export interface AdamWOptions {
  /** Default [0.9, 0.999]. */
  betas?: readonly [number, number];
  /** Default 1e-8. */
  eps?: number;
  /** Keep float32 copies of 16-bit weights; default true. Without them small updates are lost to rounding. */
  masterWeights?: boolean;
  /** Keep moments and master weights on the CPU while the weights are elsewhere; default false. */
  offload?: boolean;
}

/** Moments in the weight's shape, or of its rows. */
type Moments = { expAvg: Tensor; expAvgSq: Tensor } | { rows: RowMoments };

type State = Moments & {
  steps: number;
  /** The weight that is updated, where it is not the model's own tensor. */
  master: Tensor | undefined;
};

/** Wide enough for the update: 16-bit weights are computed in float32. */
const wide = (dtype: DType): DType => (dtype === "float64" ? "float64" : "float32");

/** The names of a parameter's tensors in a checkpoint: these, a slash, and the parameter's own name. */
const KINDS = ["exp_avg", "exp_avg_sq", "master", "step", "rows"] as const;

export class AdamW implements Disposable {
  readonly groups: readonly ParameterGroup[];
  readonly #options: Required<AdamWOptions>;
  readonly #states = new Map<string, State>();
  readonly #owned = new Scope();

  constructor(groups: readonly ParameterGroup[], options: AdamWOptions = {}) {
    const { betas = [0.9, 0.999], eps = 1e-8, masterWeights = true, offload = false } = options;
    this.groups = groups;
    this.#options = { betas, eps, masterWeights, offload };
  }

  /** Updates every parameter that has a gradient, with `factor` times its group's learning rate. */
  step(factor = 1): void {
    noGrad(() =>
      scope(() => {
        for (const group of this.groups)
          for (const bucket of this.#buckets(group.parameters)) scope(() => this.#update(bucket, group, factor));
        for (const group of this.groups)
          for (const parameter of group.parameters)
            if (parameter.gradientRows !== undefined) scope(() => this.#updateRows(parameter, group, factor));
      }),
    );
  }

  /** The parameter in the precision in which it is updated: its master weight, or else the model's tensor. */
  precise(parameter: Parameter): Tensor {
    return this.#states.get(parameter.name)?.master ?? parameter.weight;
  }

  /** Bytes of moments and master weights. */
  get bytes(): number {
    let bytes = 0;
    for (const state of this.#states.values()) {
      const moments = "rows" in state ? [] : [state.expAvg, state.expAvgSq];
      if ("rows" in state) bytes += state.rows.bytes;
      for (const part of [...moments, state.master])
        if (part !== undefined) bytes += part.numel * (part.dtype === "float64" ? 8 : 4);
    }
    return bytes;
  }

  /** Moments, master weights and step counts by name, for a checkpoint. The tensors are the optimizer's own: write
   *  them before the next step. Step counts, and moments that go by rows, belong to the open scope. */
  exportState(): Map<string, Tensor> {
    const entries = new Map<string, Tensor>();
    for (const [name, state] of this.#states) {
      const { expAvg, expAvgSq, ...rest } = "rows" in state ? state.rows.export() : { ...state, rows: undefined };
      entries.set(`exp_avg/${name}`, expAvg);
      entries.set(`exp_avg_sq/${name}`, expAvgSq);
      if (rest.rows !== undefined) entries.set(`rows/${name}`, rest.rows);
      if (state.master !== undefined) entries.set(`master/${name}`, state.master);
      entries.set(`step/${name}`, tensor(state.steps, { dtype: "int64" }));
    }
    return entries;
  }

  /** Takes over copies of what `exportState` gave, in place of all that is there. Entries of other kinds are not ours.
   *  @throws StateError when they are the state of other parameters, or of other settings */
  importState(entries: ReadonlyMap<string, Tensor>): void {
    const parameters = new Map(this.groups.flatMap(({ parameters }) => parameters).map((p) => [p.name, p]));
    const names = new Set<string>();
    for (const entry of entries.keys()) {
      const kind = KINDS.find((kind) => entry.startsWith(`${kind}/`));
      if (kind !== undefined) names.add(entry.slice(kind.length + 1));
    }
    const foreign = [...names].filter((name) => !parameters.has(name));
    if (foreign.length > 0)
      throw mismatch(`has the state of ${foreign.length} parameters that are not tuned now, such as ${foreign[0]}`);
    this.#owned[Symbol.dispose]();
    this.#states.clear();
    for (const name of names) {
      const parameter = parameters.get(name) as Parameter;
      this.#states.set(name, this.#imported(parameter, entries));
    }
  }

  [Symbol.dispose](): void {
    this.#states.clear();
    this.#owned[Symbol.dispose]();
  }

  #imported(parameter: Parameter, entries: ReadonlyMap<string, Tensor>): State {
    const { name, weight, rowwise } = parameter;
    const place = this.#place(weight);
    const take = (kind: (typeof KINDS)[number], shape: readonly number[]): Tensor => {
      const found = entries.get(`${kind}/${name}`);
      if (found === undefined) throw mismatch(`lacks ${kind}/${name}`);
      if (found.shape.join() !== shape.join())
        throw mismatch(`has ${kind}/${name} of shape [${found.shape.join(", ")}], not [${shape.join(", ")}]`);
      return found;
    };
    // Copies, also where nothing is to be converted: what was read may be a file that goes away.
    const own = (found: Tensor) => this.#own(() => found.to({ ...place, copy: true }));
    const hasMaster = this.#needsMaster(weight);
    if (!hasMaster && entries.has(`master/${name}`)) throw mismatch(`has master weights, which are not kept now`);
    const common = {
      steps: take("step", []).item(),
      master: hasMaster ? own(take("master", weight.shape)) : undefined,
    };
    if (!rowwise)
      return {
        ...common,
        expAvg: own(take("exp_avg", weight.shape)),
        expAvgSq: own(take("exp_avg_sq", weight.shape)),
      };
    const numbers = take("rows", entries.get(`rows/${name}`)?.shape ?? []).toNumbers();
    const shape = [numbers.length, weight.size(1)];
    const rows = this.#rowMoments(weight);
    noGrad(() => scope(() => rows.import(numbers, take("exp_avg", shape), take("exp_avg_sq", shape))));
    return { ...common, rows };
  }

  #rowMoments(weight: Tensor): RowMoments {
    return new RowMoments(weight.size(1), this.#place(weight), (make) => this.#own(make));
  }

  #place(weight: Tensor): { dtype: DType; device: Device } {
    return { dtype: wide(weight.dtype), device: this.#options.offload ? "cpu" : weight.device };
  }

  #needsMaster(weight: Tensor): boolean {
    if (this.#options.offload && weight.device !== "cpu") return true;
    return this.#options.masterWeights && weight.dtype !== wide(weight.dtype);
  }

  #own(make: () => Tensor): Tensor {
    return this.#owned.adopt(noGrad(() => scope(make)));
  }

  #stateOf({ name, weight, rowwise }: Parameter): State {
    const known = this.#states.get(name);
    if (known !== undefined) return known;
    const place = this.#place(weight);
    const moment = () => this.#own(() => weight.zerosLike({ ...place }));
    const state: State = {
      steps: 0,
      ...(rowwise ? { rows: this.#rowMoments(weight) } : { expAvg: moment(), expAvgSq: moment() }),
      master: this.#needsMaster(weight) ? this.#own(() => weight.detach().to({ ...place, copy: true })) : undefined,
    };
    this.#states.set(name, state);
    return state;
  }

  /** Parameters that are updated by one call. What needs temporary copies goes in portions, to bound their memory. */
  #buckets(parameters: readonly Parameter[]): Parameter[][] {
    const buckets: Parameter[][] = [];
    let room = 0;
    for (const parameter of parameters) {
      if (parameter.gradient === undefined || parameter.rowwise) continue;
      const { weight } = parameter;
      const isCopied = weight.dtype !== wide(weight.dtype) || this.#place(weight).device !== weight.device;
      const cost = isCopied ? weight.numel : 0;
      if (buckets.length === 0 || cost > room) {
        buckets.push([]);
        room = BUCKET_ELEMENTS;
      }
      buckets.at(-1)?.push(parameter);
      room -= cost;
    }
    return buckets;
  }

  #update(bucket: readonly Parameter[], group: ParameterGroup, factor: number): void {
    const { betas, eps } = this.#options;
    const states = bucket.map((parameter) => this.#stateOf(parameter) as Exclude<State, { rows: RowMoments }>);
    const places = bucket.map(({ weight }) => this.#place(weight));
    const targets = bucket.map(({ weight }, i) => states[i]?.master ?? weight.to(places[i]));
    const gradients = bucket.map(({ gradient }, i) => (gradient as Tensor).to(places[i]).contiguous());
    for (const state of states) state.steps++;
    _fusedAdamw_(
      targets,
      gradients,
      states.map(({ expAvg }) => expAvg),
      states.map(({ expAvgSq }) => expAvgSq),
      [],
      stepTensors(states, places),
      {
        lr: group.learningRate * factor,
        beta1: betas[0],
        beta2: betas[1],
        weightDecay: group.weightDecay,
        eps,
        amsgrad: false,
        maximize: false,
      },
    );
    // Where the target is the weight itself, `to` gave another handle to it and there is nothing to write back.
    for (const [i, { weight }] of bucket.entries()) {
      const target = targets[i] as Tensor;
      if (target.dtype !== weight.dtype || target.device !== weight.device) weight.copy_(target);
    }
  }

  #updateRows(parameter: Parameter, group: ParameterGroup, factor: number): void {
    const { weight, gradient, gradientRows } = parameter;
    const state = this.#stateOf(parameter);
    if (!("rows" in state) || gradient === undefined || gradientRows === undefined) return;
    const settings = { ...this.#options, learningRate: group.learningRate * factor, weightDecay: group.weightDecay };
    const { master } = state;
    const changed = { rows: gradientRows, values: gradient };
    state.rows.update(master ?? weight, changed, ++state.steps, settings, (index, values) => {
      if (master === undefined) return;
      const { device, dtype } = weight;
      weight.indexCopy_(0, index.to({ device }), values.to({ dtype, device }));
    });
    if (master !== undefined && group.weightDecay !== 0) weight.copy_(master);
  }
}

const BUCKET_ELEMENTS = 2 ** 26;

/** The step counts as the operator takes them: a float32 tensor for each parameter, equal ones shared. */
function stepTensors(states: readonly { steps: number }[], places: readonly { device: Device }[]): Tensor[] {
  const made = new Map<string, Tensor>();
  return states.map(({ steps }, i) => {
    const device = places[i]?.device ?? "cpu";
    const key = `${steps} ${device}`;
    const known = made.get(key);
    if (known !== undefined) return known;
    const fresh = tensor(steps, { dtype: "float32", device });
    made.set(key, fresh);
    return fresh;
  });
}

const mismatch = (problem: string): StateError => new StateError(`the optimizer's saved state ${problem}`);
