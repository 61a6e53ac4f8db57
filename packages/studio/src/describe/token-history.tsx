/** Every value that a token had, and how sure the model was. */
import { historyOf, type Trace } from "../trace/trace.js";
import { shownToken } from "./token-canvas.js";

export function TokenHistory({
  trace,
  position,
  passes,
}: {
  trace: Trace;
  position: number | undefined;
  passes: number;
}) {
  if (position === undefined) {
    return <p class="history hint">Point at a token, or move to it with the keys, for its history.</p>;
  }
  const entries = historyOf(trace, position, passes);
  return (
    <div class="history">
      <span class="history-title">Token {position + 1}</span>
      {entries.length === 0 && <span>still a mask</span>}
      <ol>
        {entries.map(({ pass, kind, token, confidence }) => (
          <li key={pass}>
            <small>step {pass}</small>
            <span class={`token ${kind}`} style={{ "--shade": confidence.toFixed(2) }}>
              {shownToken(token)}
            </span>
            <small>{Math.round(confidence * 100)} %</small>
          </li>
        ))}
      </ol>
    </div>
  );
}
