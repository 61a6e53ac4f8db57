import { useApp, useSelect } from "../app/app.js";
import { ExportButtons } from "../export/export-buttons.js";
import { StaleNote } from "../picture/stale-note.js";
import { useFilePicker } from "../ui/file-picker.js";
import { Icon } from "../ui/icons.js";
import { ProblemNotice } from "../ui/notice.js";
import { openTrace, runBoth } from "./describe-actions.js";
import { type Comparison, type RunKind, runKinds } from "./describe-state.js";
import { Differences } from "./differences.js";
import { HowOften } from "./how-often.js";
import { Legend, PlayerBar } from "./player-bar.js";
import { RunCard } from "./run-card.js";
import { SettingsCard } from "./settings-card.js";
import { Truth } from "./truth.js";

export function DescribeTab() {
  const app = useApp();
  const { comparison, problem } = useSelect((state) => state.describe);
  return (
    <>
      <SettingsCard />
      {problem !== undefined && <ProblemNotice problem={problem} onRetry={() => void runBoth(app)} />}
      {comparison === undefined ? (
        <Invitation />
      ) : (
        <>
          {comparison.file !== undefined && <OpenedFile comparison={comparison} />}
          {comparison.file === undefined && (
            <StaleNote pictureKey={comparison.pictureKey} what="These runs were made" />
          )}
          <PlayerBar comparison={comparison} />
          <div class={shownKinds(comparison).length > 1 ? "runs" : "runs single"}>
            {shownKinds(comparison).map((kind) => (
              <RunCard key={kind} kind={kind} side={comparison.sides[kind]} run={comparison.runs[kind]} />
            ))}
          </div>
          <Legend />
          <Truth comparison={comparison} />
          <Differences comparison={comparison} />
          <div class="row end">
            <OpenTrace />
            <ExportButtons comparison={comparison} />
          </div>
        </>
      )}
      <HowOften />
    </>
  );
}

/** A file may have one run alone. */
function shownKinds({ runs, file }: Comparison): readonly RunKind[] {
  return runKinds.filter((kind) => file === undefined || runs[kind].trace !== undefined);
}

function Invitation() {
  return (
    <div class="card invitation">
      <div class="invitation-art" aria-hidden="true">
        {["a", "", "dog", "", "the", "", "left"].map((word, i) => (
          <span key={i} class={word === "" ? "art-mask" : word === "dog" ? "art-revised" : "art-word"}>
            {word}
          </span>
        ))}
      </div>
      <h3>Watch a description take shape</h3>
      <p>
        A diffusion model begins with masks and writes words in any order, several at a time. Where it may not revise, a
        wrong word stays. ReDiff was trained to find and mend it. Press <b>Run both</b> to see the two side by side.
      </p>
      <OpenTrace />
    </div>
  );
}

function OpenedFile({ comparison: { file, sides, created, prompt, picture } }: { comparison: Comparison }) {
  return (
    <div class="opened card">
      {picture !== undefined && <img src={picture.url} alt={picture.name} />}
      <div>
        <p>
          <b>{file}</b>
        </p>
        <p class="note">
          {[sides.revising.model, dateText(created), prompt].filter((part) => part !== "").join(" - ")}
        </p>
      </div>
    </div>
  );
}

function dateText(iso: string): string {
  const date = new Date(iso);
  return Number.isNaN(date.getTime()) ? "" : date.toLocaleString();
}

function OpenTrace() {
  const app = useApp();
  const { input, choose } = useFilePicker(
    "Trace file",
    ".json,.jsonl,application/json",
    (file) => void openTrace(app, file),
  );
  return (
    <>
      {input}
      <button type="button" class="button" onClick={choose}>
        <Icon name="folder" />
        Open a trace
      </button>
    </>
  );
}
