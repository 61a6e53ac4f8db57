/** Both answers against the scene that was composed: it is known what is true. */
import { JudgedLegend, JudgedText, Verdict } from "../scene/judged-text.js";
import { type Comparison, isRunning, runKinds } from "./describe-state.js";

export function Truth({ comparison }: { comparison: Comparison }) {
  const { facts, runs, sides } = comparison;
  if (facts === undefined || isRunning(comparison)) return null;
  const ended = runKinds.flatMap((kind) => {
    const end = runs[kind].trace?.end;
    return end === undefined ? [] : [{ kind, text: end.text }];
  });
  if (ended.length === 0) return null;
  return (
    <section class="card truth" aria-labelledby="truth">
      <div class="card-head">
        <div>
          <h3 id="truth">Against the scene</h3>
          <p class="note">The scene was composed, so it is known which words are right.</p>
        </div>
      </div>
      {ended.map(({ kind, text }) => (
        <div key={kind} class="diff" data-truth={kind}>
          <div class="row headed">
            <h4>{sides[kind].title}</h4>
            <Verdict text={text} facts={facts} />
          </div>
          <JudgedText text={text} facts={facts} />
        </div>
      ))}
      <JudgedLegend />
    </section>
  );
}
