/** Earlier runs, kept in this browser: opened, compared, deleted. */
import { useEffect, useState } from "preact/hooks";
import { showTab, useApp, useSelect } from "../app/app.js";
import { deleteRuns, listRuns, MOST_BYTES, MOST_RUNS } from "../keep/kept-runs.js";
import type { Summary } from "../keep/saved-parts.js";
import { Icon } from "../ui/icons.js";
import { choose, openRun, timeText } from "./runs-actions.js";
import { RunsSideBySide } from "./side-by-side.js";

export const kindNames = { describe: "Described", proofread: "Proofread", fill: "Filled" } as const;

export function RunsTab() {
  const rest = useSelect((state) => state.rest);
  return rest.length === 0 ? <RunList /> : <RunsSideBySide ids={rest.slice(0, 2)} />;
}

function RunList() {
  const app = useApp();
  const { list, chosen } = useSelect((state) => state.runs);
  useEffect(() => void listRuns(app), [app]);
  if (list === undefined) return null;
  const there = chosen.filter((id) => list.some((run) => run.id === id));
  return (
    <section class="card" aria-labelledby="runs">
      <div class="card-head">
        <div>
          <h2 id="runs">Earlier runs</h2>
          <p class="note">
            They are kept in this browser only: the newest {MOST_RUNS}, {MOST_BYTES / 1e6} MB at most. When another
            comes, the oldest goes.
          </p>
        </div>
        {list.length > 0 && (
          <span class="row">
            <button
              type="button"
              class="button primary"
              disabled={there.length !== 2}
              onClick={() => showTab(app, "runs", ...there)}
            >
              Compare the two chosen
            </button>
            <DeleteAll list={list} />
          </span>
        )}
      </div>
      {list.length === 0 ? (
        <p class="note">There are none yet. Whatever Describe, Proofread and Fill come to is listed here.</p>
      ) : (
        <ul class="run-list">
          {list.map((run) => (
            <RunItem key={run.id} run={run} isChosen={chosen.includes(run.id)} />
          ))}
        </ul>
      )}
    </section>
  );
}

function RunItem({ run, isChosen }: { run: Summary; isChosen: boolean }) {
  const app = useApp();
  const { id, kind, created, model, asked, said, picture } = run;
  const name = `${kindNames[kind]}, ${timeText(created)}`;
  return (
    <li class="run-item">
      {picture === undefined ? <span class="run-picture" /> : <img class="run-picture" src={picture} alt="" />}
      <div class="run-words">
        <p class="row tight">
          <b>{kindNames[kind]}</b>
          <small>{[timeText(created), model].filter((part) => part !== "").join(", ")}</small>
        </p>
        <p class="run-asked">{asked}</p>
        <p class="run-said">{said}</p>
      </div>
      <div class="run-buttons">
        <label class="check">
          <input
            type="checkbox"
            checked={isChosen}
            aria-label={`Compare: ${name}`}
            onChange={({ currentTarget }) => choose(app, id, currentTarget.checked)}
          />
          Compare
        </label>
        <button type="button" class="button small" aria-label={`Open: ${name}`} onClick={() => void openRun(app, id)}>
          Open
        </button>
        <button
          type="button"
          class="button icon-only quiet"
          aria-label={`Delete: ${name}`}
          title="Delete"
          onClick={() => void deleteRuns(app, [id])}
        >
          <Icon name="trash" />
        </button>
      </div>
    </li>
  );
}

/** Asks once more: it cannot be taken back. */
function DeleteAll({ list }: { list: readonly Summary[] }) {
  const app = useApp();
  const [sure, setSure] = useState(false);
  useEffect(() => {
    if (!sure) return;
    const timer = setTimeout(() => setSure(false), 5_000);
    return () => clearTimeout(timer);
  }, [sure]);
  const onClick = () => {
    if (!sure) return setSure(true);
    setSure(false);
    void deleteRuns(
      app,
      list.map(({ id }) => id),
    );
  };
  return (
    <button type="button" class="button" onClick={onClick}>
      <Icon name="trash" />
      {sure ? `Really delete ${list.length === 1 ? "it" : `all ${list.length}`}` : "Delete all"}
    </button>
  );
}
