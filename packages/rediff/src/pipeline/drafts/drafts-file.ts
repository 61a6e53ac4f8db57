/** A file of drafts under way, and beside it FILE.left-out.jsonl, which names every record that got none. Both are only
 *  appended to; a run that was killed goes on behind them. */
import { rm } from "node:fs/promises";
import { option, UserError, wording } from "../../errors.js";
import { writeText } from "../../files/atomic-file.js";
import { LineLog } from "../../files/line-log.js";
import type { DraftPlan } from "./draft-plan.js";
import { type Drafted, draftRecordSchema, type NewDraft } from "./draft-record.js";
import { isSettled, type LeftOut, type LeftOutReason, leftOutSchema } from "./left-out.js";

/** How all drafts of a run are made; the number of steps is the plan's. */
export type DraftSettings = Omit<Drafted, "record" | "steps" | "versions">;

/** Of a file of drafts. */
export interface DraftCounts {
  /** Drafts in the file that this plan asks for. */
  drafts: number;
  left_out: Partial<Record<LeftOutReason, number>>;
}

/** Owns two open files: `close()` it. */
export class DraftsFile {
  readonly #done: Set<number>;
  readonly #leftOut = new Map<number, LeftOut>();

  private constructor(
    readonly path: string,
    private readonly drafts: LineLog,
    private readonly aside: LineLog,
    done: ReadonlySet<number>,
    leftOut: Iterable<LeftOut>,
  ) {
    this.#done = new Set(done);
    for (const one of leftOut) if (!this.#done.has(one.record)) this.#leftOut.set(one.record, one);
  }

  /** @param before what is settled in it is not done again here
   *  @throws UserError when the file holds something else, or drafts of another model or other settings */
  static async open(
    path: string,
    plan: DraftPlan,
    settings: DraftSettings,
    { aside = asidePath(path), before }: { aside?: string; before?: DraftsFile } = {},
  ): Promise<DraftsFile> {
    const done = new Set<number>(before === undefined ? [] : before.#done);
    const leftOut = new Map<number, LeftOut>(before === undefined ? [] : before.#leftOut);
    const drafts = await openDrafts(path, plan, settings, ({ record }) => done.add(record));
    const list = await openLeftOut(aside, (one) => leftOut.set(one.record, one));
    return new DraftsFile(path, drafts, list, done, leftOut.values());
  }

  /** Whether nothing remains to be done about a record. */
  isSettled(record: number): boolean {
    const leftOut = this.#leftOut.get(record);
    return this.#done.has(record) || (leftOut !== undefined && isSettled(leftOut.reason));
  }

  async add(draft: NewDraft): Promise<void> {
    await this.drafts.append(draft);
    this.#done.add(draft.drafted.record);
    this.#leftOut.delete(draft.drafted.record);
  }

  /** @returns whether this is news */
  async leaveOut(one: LeftOut): Promise<boolean> {
    const before = this.#leftOut.get(one.record);
    this.#leftOut.set(one.record, one);
    if (before?.reason === one.reason && before.message === one.message) return false;
    const { record, id, reason, message } = one;
    await this.aside.append({ record, id, reason, message });
    return true;
  }

  counts(plan: DraftPlan): DraftCounts {
    const counts: DraftCounts = { drafts: 0, left_out: {} };
    for (const record of this.#done) if (plan.stepsOf(record) !== undefined) counts.drafts++;
    for (const { record, reason } of this.#leftOut.values()) {
      if (plan.stepsOf(record) === undefined) continue;
      counts.left_out[reason] = (counts.left_out[reason] ?? 0) + 1;
    }
    return counts;
  }

  async close(): Promise<void> {
    await this.drafts.close();
    await this.aside.close();
  }

  /** When all is done: the file is there even without a draft, so that shards can be put together, and the list of
   *  what was left out holds every record once, or is gone. */
  async finish(): Promise<void> {
    await this.drafts.touch();
    await this.close();
    const list = [...this.#leftOut.values()].sort((a, b) => a.record - b.record);
    const file = asidePath(this.path);
    if (list.length > 0) await writeText(file, list.map((one) => `${JSON.stringify(one)}\n`).join(""));
    else await rm(file, { force: true });
  }
}

/** @param onDraft hears of every draft that is there, with the number of its line
 *  @throws UserError when the file holds something else, or drafts of another model or other settings */
export function openDrafts(
  path: string,
  plan: DraftPlan,
  settings: DraftSettings,
  onDraft: (drafted: Drafted, line: number) => void,
): Promise<LineLog> {
  return LineLog.open(path, {
    beginning: '{"id":',
    what: "no draft",
    onLine: (value, line) => {
      const { data } = draftRecordSchema.safeParse(value);
      if (data?.drafted === undefined) return false;
      assertSame(data.drafted, plan, settings, `${path}:${line}`);
      onDraft(data.drafted, line);
      return true;
    },
  });
}

/** The same of what was left out. */
export function openLeftOut(path: string, onLeftOut: (one: LeftOut, line: number) => void): Promise<LineLog> {
  return LineLog.open(path, {
    beginning: '{"record":',
    what: "no record left out",
    onLine: (value, line) => {
      const { data } = leftOutSchema.safeParse(value);
      if (data === undefined) return false;
      onLeftOut(data, line);
      return true;
    },
  });
}

export const asidePath = (path: string): string => `${path}.left-out.jsonl`;

/** Only names differ without making other drafts. */
const HARMLESS = new Set(["record", "model", "versions", "steps"]);

function assertSame(drafted: Drafted, plan: DraftPlan, settings: DraftSettings, where: string): void {
  const fail = (key: string, was: unknown, is: unknown): never => {
    const show = (value: unknown) => (value === undefined ? "the default" : JSON.stringify(value));
    throw new UserError(
      `${where} was drafted with ${key} ${show(was)}, now it is ${show(is)}`,
      wording`Go on with the same model and options, or give another ${option("output")}.`,
    );
  };
  const [before, now]: Record<string, unknown>[] = [drafted, settings];
  for (const key of new Set([...Object.keys(drafted), ...Object.keys(settings)])) {
    const [was, is] = [before?.[key], now?.[key]];
    if (!HARMLESS.has(key) && JSON.stringify(was) !== JSON.stringify(is)) fail(key, was, is);
  }
  // Records of other shards and slices may be there: files can be put together.
  const steps = plan.stepsOf(drafted.record);
  if (steps !== undefined && steps !== drafted.steps) fail("steps", drafted.steps, steps);
}
