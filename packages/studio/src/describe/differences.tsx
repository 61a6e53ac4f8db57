/** The two answers with the words marked in which they differ. */
import { type Trace, textAt } from "../trace/trace.js";
import { countDifferent, diffWords, type Piece } from "../trace/word-diff.js";
import { CopyButton } from "../ui/copy.js";
import { type Comparison, isRunning } from "./describe-state.js";

export function Differences({ comparison }: { comparison: Comparison }) {
  const { plain, revising } = comparison.runs;
  const { sides } = comparison;
  if (plain.trace === undefined || revising.trace === undefined || isRunning(comparison)) return null;
  const texts = { left: finalText(plain.trace), right: finalText(revising.trace) };
  if (texts.left === "" && texts.right === "") return null;
  const diff = diffWords(texts.left, texts.right);
  const count = Math.max(countDifferent(diff.left), countDifferent(diff.right));
  return (
    <section class="card differences" aria-labelledby="differences">
      <div class="card-head">
        <h3 id="differences">Word for word</h3>
        <span class="chip">
          {count === 0 ? "the same words" : count === 1 ? "1 word differs" : `${count} words differ`}
        </span>
      </div>
      <DiffText title={sides.plain.title} pieces={diff.left} side="left" />
      <DiffText title={sides.revising.title} pieces={diff.right} side="right" />
      <div class="row end">
        <CopyButton text={texts.left} label="Copy the left one" />
        <CopyButton text={texts.right} label="Copy the right one" />
      </div>
    </section>
  );
}

function finalText(trace: Trace): string {
  return textAt(trace, trace.steps.length);
}

function DiffText({ title, pieces, side }: { title: string; pieces: readonly Piece[]; side: "left" | "right" }) {
  return (
    <div class="diff">
      <h4>{title}</h4>
      <p>
        {pieces.map(({ text, same }, i) => {
          const word = text.trimEnd();
          return same
            ? text
            : [
                <mark key={i} class={side}>
                  {word}
                </mark>,
                text.slice(word.length),
              ];
        })}
      </p>
    </div>
  );
}
