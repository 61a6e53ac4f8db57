/** A folder that is watched: of a run, or of a loop of runs. */
import { existsSync, statSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { UserError } from "../../errors.js";
import { type LoopProgress, readLoop } from "../../pipeline/improve/loop-progress.js";
import { METRICS_FILE } from "../../training/logging/metrics-log.js";
import { whoIsAtWork } from "../../training/run/run-lock.js";
import { MetricsFollower } from "../../training/watch/metrics-follower.js";
import type { RunHistory } from "../../training/watch/run-history.js";
import { type RunSummary, summarize } from "../../training/watch/run-summary.js";
import { SavedRunReader } from "../../training/watch/saved-run.js";

/** A training, as its folder has it now. */
export interface RunSight {
  folder: string;
  summary: RunSummary;
  history: RunHistory;
}

export interface Sight {
  /** Of a folder of `rediff improve`. */
  loop?: LoopProgress & { folder: string };
  /** The run, or the newest training of the loop; none where no round trains yet. */
  run?: RunSight;
  /** Why there is neither. */
  problem?: string;
}

export class WatchedFolder {
  #run: WatchedRun | undefined;

  private constructor(readonly folder: string) {}

  /** @throws UserError for a folder in which nothing was trained and nobody is at work */
  static open(folder: string): WatchedFolder {
    const info = statSync(folder, { throwIfNoEntry: false });
    if (info === undefined) throw new UserError(`${folder}: no such folder`, HINT, { code: "file_not_found" });
    if (!info.isDirectory()) throw new UserError(`${folder} is a file`, HINT);
    if (isRun(folder) || readLoop(folder) !== undefined) return new WatchedFolder(folder);
    const above = dirname(folder);
    const isPart = /^checkpoint-\d+$/.test(basename(folder)) && isRun(above);
    throw new UserError(
      `${folder} has no ${METRICS_FILE}`,
      isPart ? `The run of this checkpoint is in ${above}.` : HINT,
    );
  }

  /** Reads what is new. @throws UserError when something there cannot be read */
  look(): Sight {
    if (isRun(this.folder) || this.#run?.folder === this.folder) return { run: this.#look(this.folder) };
    const loop = readLoop(this.folder);
    const training = loop?.training ?? this.#run?.folder;
    return {
      ...(loop && { loop: { ...loop, folder: this.folder } }),
      ...(training !== undefined && { run: this.#look(training) }),
    };
  }

  #look(folder: string): RunSight {
    if (this.#run?.folder !== folder) this.#run = new WatchedRun(folder);
    return this.#run.look();
  }
}

const HINT = "Name the output folder of rediff train or rediff improve; metrics are there from the first step on.";

const isRun = (folder: string): boolean => existsSync(join(folder, METRICS_FILE)) || whoIsAtWork(folder) !== undefined;

class WatchedRun {
  readonly #metrics: MetricsFollower;
  readonly #saved: SavedRunReader;

  constructor(readonly folder: string) {
    this.#metrics = new MetricsFollower(join(folder, METRICS_FILE));
    this.#saved = new SavedRunReader(folder);
  }

  look(): RunSight {
    const { folder } = this;
    this.#metrics.poll();
    const { history, writtenAt } = this.#metrics;
    return { folder, history, summary: summarize({ folder, history, saved: this.#saved.read(), writtenAt }) };
  }
}
