/** One run: its canvas at the shown step, the history of a token, what each step did, figures. */
import { useState } from "preact/hooks";
import { useApp, useSelect } from "../app/app.js";
import { cellsAt, figuresAt, passBars, type Trace, textAt } from "../trace/trace.js";
import { ProblemNotice } from "../ui/notice.js";
import { runOne } from "./describe-actions.js";
import { lengthOf, type Run, type RunKind, type Side } from "./describe-state.js";
import { shownPass } from "./player.js";
import { Timeline } from "./timeline.js";
import { TokenCanvas } from "./token-canvas.js";
import { TokenHistory } from "./token-history.js";

const statuses = { running: "Running", done: "Done", stopped: "Stopped", failed: "Failed" } as const;

export function RunCard({ kind, side, run }: { kind: RunKind; side: Side; run: Run }) {
  const app = useApp();
  const { trace, status, problem, progress } = run;
  return (
    <section class="card run" data-kind={kind} aria-labelledby={`run-${kind}`}>
      <div class="card-head">
        <div>
          <h3 id={`run-${kind}`}>{side.title}</h3>
          <p class="note">{side.note}</p>
        </div>
        <span class="chip" data-status={status}>
          {status === "running" && <span class="spinner" aria-hidden="true" />}
          {statuses[status]}
          {status === "running" && progress !== undefined && `: layer ${progress.layer} of ${progress.layers}`}
        </span>
      </div>
      {problem !== undefined && <ProblemNotice problem={problem} onRetry={() => void runOne(app, kind)} />}
      {trace !== undefined ? <RunBody title={side.title} trace={trace} /> : status === "running" && <Waiting />}
      {trace === undefined && status === "stopped" && <p class="note">Stopped before the first step.</p>}
    </section>
  );
}

function RunBody({ title, trace }: { title: string; trace: Trace }) {
  const player = useSelect((state) => state.describe.player);
  const length = useSelect((state) => lengthOf(state.describe.comparison));
  const [position, setPosition] = useState<number>();
  const passes = Math.min(shownPass(player, length), trace.steps.length);
  const figures = figuresAt(trace, passes);
  return (
    <>
      <TokenCanvas
        cells={cellsAt(trace, passes)}
        pass={trace.end !== undefined && passes === trace.steps.length ? undefined : passes}
        label={`${title}, tokens`}
        chosen={position}
        onChoose={setPosition}
      />
      <p class="visually-hidden">{textAt(trace, passes)}</p>
      <TokenHistory trace={trace} position={position} passes={passes} />
      <Timeline bars={passBars(trace)} at={passes} length={length} />
      <dl class="figures">
        <Figure name="steps" value={String(figures.passes)} />
        <Figure name="seconds" value={figures.seconds.toFixed(figures.seconds < 10 ? 2 : 1)} />
        <Figure name="tokens/s" value={figures.tokensPerSecond?.toFixed(figures.tokensPerSecond < 10 ? 1 : 0) ?? "-"} />
        <Figure name="edits" value={String(figures.revisions)} highlight={figures.revisions > 0} />
      </dl>
      {trace.end?.approximate !== undefined && <p class="note">Approximate: {trace.end.approximate.join(", ")}</p>}
    </>
  );
}

function Figure({ name, value, highlight = false }: { name: string; value: string; highlight?: boolean }) {
  return (
    <div class={highlight ? "figure highlight" : "figure"}>
      <dt>{name}</dt>
      <dd>{value}</dd>
    </div>
  );
}

/** In the queue, or reading the picture. */
function Waiting() {
  return (
    <div class="canvas waiting">
      <span class="spinner" aria-hidden="true" />
      Waiting for the model
    </div>
  );
}
