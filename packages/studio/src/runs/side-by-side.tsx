/** One earlier run, or two beside each other with what differs marked: settings, and the answers word by word. */
import { useEffect, useState } from "preact/hooks";
import { showTab, useApp } from "../app/app.js";
import { pictureOfRun, readRun, textsOf } from "../keep/kept-runs.js";
import type { KeptRun } from "../keep/saved-parts.js";
import { type Problem, problemOf } from "../server/problem.js";
import { diffWords, type Piece } from "../trace/word-diff.js";
import { Icon } from "../ui/icons.js";
import { ProblemNotice } from "../ui/notice.js";
import { openRun, timeText } from "./runs-actions.js";

type Read = { runs: readonly KeptRun[] } | { problem: Problem } | undefined;

export function RunsSideBySide({ ids }: { ids: readonly string[] }) {
  const app = useApp();
  const [read, setRead] = useState<Read>();
  const wanted = ids.join(" ");
  useEffect(() => {
    let current = true;
    setRead(undefined);
    Promise.all(ids.map((id) => readRun(app, id))).then(
      (runs) => current && setRead({ runs }),
      (thrown: unknown) => {
        const problem = problemOf(thrown);
        if (current && problem !== undefined) setRead({ problem });
      },
    );
    return () => {
      current = false;
    };
  }, [app, wanted]);
  return (
    <>
      <div class="row">
        <button type="button" class="button" onClick={() => showTab(app, "runs")}>
          <Icon name="back" />
          All earlier runs
        </button>
      </div>
      {read !== undefined && "problem" in read && <ProblemNotice problem={read.problem} />}
      {read !== undefined && "runs" in read && (
        <div class={read.runs.length > 1 ? "runs" : "runs single"}>
          {read.runs.map((run, i) => (
            <OneRun key={run.id} run={run} other={read.runs[1 - i]} side={i === 0 ? "left" : "right"} />
          ))}
        </div>
      )}
    </>
  );
}

function OneRun({ run, other, side }: { run: KeptRun; other: KeptRun | undefined; side: "left" | "right" }) {
  const app = useApp();
  const { asked, said } = textsOf(run);
  const otherSaid = other === undefined ? [] : textsOf(other).said;
  const picture = pictureOfRun(run);
  // The answers that count stand last: of a description the one that may revise.
  const partner = (i: number) => otherSaid[otherSaid.length - said.length + i]?.text;
  return (
    <section class="card kept-run" data-side={side} aria-label={`${side}: ${timeText(run.created)}`}>
      <div class="card-head">
        <div>
          <h2>{timeText(run.created)}</h2>
          <p class="note">{run.model}</p>
        </div>
        <button type="button" class="button small" onClick={() => void openRun(app, run.id)}>
          Open
        </button>
      </div>
      {picture !== undefined && <img src={picture.url} alt={picture.name} />}
      <div class="diff">
        <h3>{run.kind === "describe" ? "Question" : run.kind === "proofread" ? "Draft" : "Template"}</h3>
        <p>{asked}</p>
      </div>
      {said.map(({ who, text }, i) => (
        <div key={who} class="diff">
          <h3>{who}</h3>
          <Compared text={text} other={partner(i)} side={side} />
        </div>
      ))}
      <Facts run={run} other={other} />
    </section>
  );
}

function Compared({ text, other, side }: { text: string; other: string | undefined; side: "left" | "right" }) {
  if (other === undefined) return <p>{text}</p>;
  const pieces: readonly Piece[] = side === "left" ? diffWords(text, other).left : diffWords(other, text).right;
  return (
    <p>
      {pieces.map(({ text: part, same }, i) => {
        const word = part.trimEnd();
        return same
          ? part
          : [
              <mark key={i} class={side}>
                {word}
              </mark>,
              part.slice(word.length),
            ];
      })}
    </p>
  );
}

/** Settings and figures; what is other in the other run is marked. */
function Facts({ run, other }: { run: KeptRun; other: KeptRun | undefined }) {
  const own = factsOf(run);
  const others = other === undefined ? own : factsOf(other);
  const names = [...new Set([...own.keys(), ...others.keys()])];
  return (
    <dl class="kept-facts">
      {names.map((name) => {
        const value = own.get(name) ?? "not set";
        const differs = own.get(name) !== others.get(name);
        return (
          <div key={name} class={differs ? "differs" : undefined}>
            <dt>{name}</dt>
            <dd>
              {value}
              {differs && <span class="visually-hidden"> (differs)</span>}
            </dd>
          </div>
        );
      })}
    </dl>
  );
}

function factsOf(run: KeptRun): Map<string, string> {
  const facts = new Map<string, string>();
  const put = (name: string, value: unknown) => facts.set(name, String(value));
  put("model", run.model);
  if (run.kind === "describe") {
    const { sides } = run.comparison;
    if (sides !== undefined) put("compared with", sides.plain.model);
    for (const [name, value] of Object.entries(run.comparison.settings)) put(name, value);
    const end = run.comparison.runs.revising?.end ?? run.comparison.runs.plain?.end;
    if (end !== undefined) {
      put("steps", end.steps);
      put("seconds", end.seconds.toFixed(2));
    }
  } else {
    const { seconds } = run.kind === "proofread" ? run.review : run.result;
    if (run.kind === "proofread") put("rounds", run.review.rounds);
    else put("steps", run.result.steps);
    put("seconds", seconds.toFixed(2));
  }
  return facts;
}
