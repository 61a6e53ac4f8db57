/** Models that are pulled from the hub while the server runs, and then served beside the others. Clients ask for it, so it
 *  is bounded: one at a time, so many in all, the hub's names only, and nothing that points out of its own folder. What is
 *  under way belongs to the server: clients may leave and come back. */
import { randomUUID } from "node:crypto";
import { existsSync } from "node:fs";
import { isAdapterFolder } from "../../checkpoint/adapter/adapter-config.js";
import { loadPartsConfig, locateModel } from "../../checkpoint/adapter/locate-model.js";
import { UserError } from "../../errors.js";
import { repoFolder, writeRef } from "../../hub/hub-cache.js";
import { checkModelId } from "../../hub/hub-names.js";
import { type HubSettings, hubSettings } from "../../hub/hub-settings.js";
import { listModel } from "../../hub/listing.js";
import { DEFAULT_RETRY, type PullEvent, type PullOptions, pull } from "../../hub/pull.js";
import type { PulledModel } from "../../hub/pulled-models.js";
import type { Retry, RetryPolicy } from "../../network/backoff.js";
import { formatBytes } from "../../units.js";
import type { EngineOptions } from "../engine/engine-options.js";
import { ApiError } from "../http/error-object.js";
import type { ServedModel } from "../served-model.js";

/** A model as it is to be served. */
export interface NewModel {
  model: ServedModel;
  engine: EngineOptions;
}

export interface PullingOptions {
  /** How one is served that was pulled. @param folder its snapshot in the hub's cache */
  beside: (id: string, folder: string) => NewModel;
  /** Those that were pulled before, here or with `rediff pull`; each that this server can run is served too. Default none. */
  pulled?: (() => Promise<readonly PulledModel[]>) | undefined;
  /** Default: the environment's hub. */
  hub?: Pick<PullOptions, "settings" | "retry"> | undefined;
}

export type PullStatus = "running" | "done" | "failed" | "cancelled";

/** One pull as it stands. */
export interface PullRecord {
  id: string;
  /** Of the hub. */
  model: string;
  /** Seconds of Unix time. */
  created: number;
  status: PullStatus;
  /** On disk, of all that is wanted; undefined until the hub has said what there is. */
  bytes: number | undefined;
  totalBytes: number | undefined;
  /** What happened last that is worth a word: a try that failed, a lock that is waited for. */
  note: string | undefined;
  problem: UserError | undefined;
}

interface Surroundings extends PullingOptions {
  isServed: (id: string) => boolean;
  /** @throws UserError for what this server cannot run, judged by the small files alone */
  judge: (model: NewModel) => Promise<void>;
  /** @throws UserError likewise */
  serve: (model: NewModel) => Promise<void>;
  log: (line: string) => void;
}

/** Each has a queue and threads of its own, and stays until the server ends. */
const MOST_ADDED = 16;
const MOST_OFFERED = 16;
const MOST_RECORDS = 8;

/** All but the weights: what a model is, is known before gigabytes of it come. */
const SMALL_FILES = { exclude: ["*.safetensors"] };

export class ModelPulls {
  readonly #around: Surroundings;
  /** Newest first. */
  readonly #records: PullRecord[] = [];
  #running: { record: PullRecord; stop: AbortController; ended: Promise<void> } | undefined;
  #added = 0;
  #isClosed = false;
  readonly #offered: Promise<void>;

  constructor(around: Surroundings) {
    this.#around = around;
    this.#offered = this.#offer();
  }

  /** Serves what was pulled before. A cache has models of all kinds: those that are none of ours are passed over. */
  async #offer(): Promise<void> {
    const { pulled, beside, isServed, judge, serve, log } = this.#around;
    const offered: string[] = [];
    for (const { id, folder } of (await pulled?.()) ?? [])
      try {
        if (this.#isClosed || offered.length >= MOST_OFFERED) break;
        if (isServed(id) || isAdapterFolder(folder)) continue;
        const model = await confined(beside(id, folder));
        await judge(model);
        if (this.#isClosed || isServed(id)) continue;
        await serve(model);
        offered.push(id);
      } catch {} // which kind of model it is, or that it does not fit, is told to whoever asks for it by name
    if (offered.length > 0) log(`offered too, from the hub's cache: ${offered.join(", ")}`);
  }

  /** Newest first. */
  get records(): readonly PullRecord[] {
    return this.#records;
  }

  /** Begins, and does not wait for the end.
   *  @throws ApiError for what is no name, is served already, or while another one is under way */
  begin(model: string): PullRecord {
    assertName(model);
    if (this.#isClosed)
      throw new ApiError(503, "the server is shutting down", {
        type: "service_unavailable_error",
        code: "shutting_down",
        headers: { "retry-after": "5" },
      });
    if (this.#around.isServed(model))
      throw new ApiError(409, `${model} is served already`, { param: "model", code: "model_served" });
    if (this.#running !== undefined)
      throw new ApiError(409, `${this.#running.record.model} is being pulled; one at a time`, { code: "pull_running" });
    if (this.#added >= MOST_ADDED)
      throw new ApiError(
        409,
        `${MOST_ADDED} models were added to this server, which is the most; start it with --also`,
        {
          code: "too_many_models",
        },
      );
    const record: PullRecord = {
      ...{ id: randomUUID(), model, created: Math.floor(Date.now() / 1000), status: "running" },
      ...{ bytes: undefined, totalBytes: undefined, note: undefined, problem: undefined },
    };
    this.#records.unshift(record);
    this.#records.splice(MOST_RECORDS);
    const stop = new AbortController();
    this.#running = { record, stop, ended: this.#run(record, stop.signal) };
    return record;
  }

  /** Resolves when nothing more of it happens; what has come is kept, and the next pull goes on from there. One that has
   *  ended stays as it is. @returns undefined for none of that id */
  async cancel(id: string): Promise<PullRecord | undefined> {
    const running = this.#running;
    if (running?.record.id === id) {
      running.stop.abort(new Cancelled());
      await running.ended;
    }
    return this.#records.find((record) => record.id === id);
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    this.#running?.stop.abort(new Cancelled());
    await Promise.all([this.#running?.ended, this.#offered]);
  }

  async #run(record: PullRecord, signal: AbortSignal): Promise<void> {
    const { log } = this.#around;
    const { model } = record;
    log(`pulling ${model}, which a client asks for`);
    try {
      await this.#bring(record, signal);
      record.status = "done";
      this.#added++;
      log(`${model} is here, and is loaded when a request names it`);
    } catch (error) {
      record.status = signal.aborted ? "cancelled" : "failed";
      if (signal.aborted) log(`the pull of ${model} was cancelled`);
      else {
        record.problem =
          error instanceof UserError ? error : new UserError("internal error", "The server's log has it.");
        log(`${model} was not added: ${error instanceof UserError ? error.line : stackOf(error)}`);
      }
    } finally {
      this.#running = undefined;
    }
  }

  async #bring(record: PullRecord, signal: AbortSignal): Promise<void> {
    const { beside, hub: { settings = hubSettings(), retry = DEFAULT_RETRY } = {}, judge, serve } = this.#around;
    const { model } = record;
    const told = { retry, signal, onEvent: (event: PullEvent) => note(record, event) };
    // By its commit: until all of it is there, the branch's name stays with an older snapshot.
    const revision = settings.offline ? BRANCH : await commitOf(model, settings, told);
    const small = await pull(model, { ...told, ...SMALL_FILES, settings, revision });
    assertWhole(model, small.folder);
    await judge(await confined(beside(model, small.folder)));
    const onEvent = (event: PullEvent) => {
      note(record, event);
      count(record, event);
    };
    const { folder, commit } = await pull(model, { ...told, settings, revision, onEvent });
    signal.throwIfAborted();
    await writeRef(repoFolder(settings.cacheDir, model), BRANCH, commit);
    await serve(await confined(beside(model, folder)));
  }
}

const BRANCH = "main";

async function commitOf(
  model: string,
  settings: HubSettings,
  { retry, signal, onEvent }: { retry: RetryPolicy; signal: AbortSignal; onEvent: (event: PullEvent) => void },
): Promise<string> {
  const onRetry = (again: Retry) => onEvent({ type: "retry", file: undefined, retry: again });
  return (await listModel(settings, model, BRANCH, { retry, signal, onRetry }, () => false)).commit;
}

class Cancelled extends Error {
  override readonly name = "AbortError";
}

function assertName(model: string): void {
  try {
    checkModelId(model);
  } catch (cause) {
    if (!(cause instanceof UserError)) throw cause;
    throw new ApiError(400, cause.line, { param: "model", code: "invalid_value", cause });
  }
}

/** An adapter says where its base is: any folder of this machine. */
function assertWhole(model: string, folder: string): void {
  if (!isAdapterFolder(folder)) return;
  throw new UserError(
    `${model} is an adapter, and only whole models are added here`,
    `Pull it (rediff pull ${model}) and start the server with --also ${model}.`,
  );
}

/** A config names a vision tower for weights that have none. Where that is a folder of this machine, the model's own is the
 *  only one that is read. */
async function confined({ model, engine }: NewModel): Promise<NewModel> {
  const { folder, load } = engine;
  const { multimodal } = await loadPartsConfig(await locateModel(folder));
  if (load.visionTower !== undefined || multimodal === undefined || !existsSync(multimodal.visionTower))
    return { model, engine };
  return { model, engine: { ...engine, load: { ...load, visionTower: folder } } };
}

function note(record: PullRecord, event: PullEvent): void {
  if (event.type === "notice") record.note = event.message;
  if (event.type === "retry") {
    const { reason, waitMs, failures, tries } = event.retry;
    record.note = `${reason}; again in ${(waitMs / 1000).toFixed(1)} s (${failures} of ${tries})`;
  }
}

function count(record: PullRecord, event: PullEvent): void {
  if (event.type === "start") {
    record.bytes = event.bytes - event.bytesToGet;
    record.totalBytes = event.bytes;
    record.note = `${event.files} files, ${formatBytes(event.bytesToGet)} to download`;
  }
  if (event.type === "progress") {
    if (event.done > (record.bytes ?? 0)) record.note = undefined; // what was the matter is over
    record.bytes = event.done;
    record.totalBytes = event.total;
  }
}

const stackOf = (error: unknown): string => (error instanceof Error ? (error.stack ?? error.message) : String(error));
