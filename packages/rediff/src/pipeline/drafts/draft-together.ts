/** Drafts of several processes: each appends to files of its own what falls to it, and rank 0 puts them together. */
import { withLock } from "../../files/file-lock.js";
import { mergeRankFiles, rankFile } from "../../ranks/rank-files.js";
import { countsSchema, pieceOf, type SharedWork } from "../../ranks/shared-work.js";
import { type DraftReport, type DraftRun, draftAll } from "./draft-all.js";
import { type DraftDataOptions, withRun } from "./draft-data.js";
import { asidePath, DraftsFile, openDrafts, openLeftOut } from "./drafts-file.js";

/** As `draftData`, with the work handed out.
 *  @returns on rank 0 what is in the file then; undefined on the others */
export async function draftTogether(
  options: DraftDataOptions,
  work: SharedWork,
  onWait?: (line: string) => void,
): Promise<DraftReport | undefined> {
  const { output, signal } = options;
  return await withRun(options, async (run) => {
    const draft = () => draftOurs(options, run, work);
    if (work.rank !== 0) return await draft();
    // Where all were started again on other machines, the lock of the last ones has to grow old.
    const wait = () => onWait?.(`another process is writing ${output}; waiting for it`);
    return await withLock(`${output}.lock`, { onWait: wait, signal }, draft);
  });
}

async function draftOurs(
  { output, withModel, batch = 1, signal }: DraftDataOptions,
  run: DraftRun,
  work: SharedWork,
): Promise<DraftReport | undefined> {
  const started = performance.now();
  const { plan, settings } = run;
  const aside = rankFile(asidePath(output), work);
  await work.begin(() => mergeDrafts(output, run));
  const before = await DraftsFile.open(output, plan, settings);
  const file = await DraftsFile.open(rankFile(output, work), plan, settings, { aside, before });
  const { length, readAhead } = pieceOf(batch);
  const round = work.round("drafts", length);
  let [made, tokens] = [0, 0];
  try {
    if (![...plan.drafts()].every(({ record }) => file.isSettled(record))) {
      signal?.throwIfAborted();
      const isOurs = (at: number) => round.isOurs(at);
      ({ made, tokens } = await withModel((loaded) => draftAll(loaded, file, { ...run, isOurs, readAhead })));
    }
  } finally {
    await file.close();
  }
  const reports = await round.end({ made, tokens }, countsSchema, signal);
  if (reports === undefined) return undefined;
  await mergeDrafts(output, run);
  const whole = await DraftsFile.open(output, plan, settings);
  await whole.finish();
  const sum = (name: string) => reports.reduce((total, report) => total + (report[name] ?? 0), 0);
  return {
    ...{ records: plan.count, ...whole.counts(plan), made: sum("made"), tokens: sum("tokens") },
    seconds: (performance.now() - started) / 1000,
  };
}

/** In the order in which one process makes them; drafts of other plans come first. */
async function mergeDrafts(output: string, { plan, settings }: Pick<DraftRun, "plan" | "settings">): Promise<void> {
  const places = new Map<number, number>();
  for (const steps of plan.steps)
    for (const draft of plan.drafts()) if (draft.steps === steps) places.set(draft.record, places.size);
  await mergeRankFiles<number>(output, {
    async read(path, onRecord) {
      await (await openDrafts(path, plan, settings, ({ record }, line) => onRecord(record, line))).close();
    },
    placeOf: (record) => places.get(record) ?? -1,
  });
  await mergeRankFiles<number>(asidePath(output), {
    async read(path, onRecord) {
      await (await openLeftOut(path, ({ record }, line) => onRecord(record, line))).close();
    },
    placeOf: (record) => record,
  });
}
