/** The text of a refinement or a filling while it is being worked on: what stands, what was written, what is still a mask. */
import { type Cell, cellsAt } from "../trace/trace.js";
import type { Live } from "./live.js";

export function LiveText({ live, what }: { live: Live | undefined; what: string }) {
  const trace = live?.trace;
  const steps = trace?.steps.length ?? 0;
  return (
    <section class="card live" aria-label={what}>
      <p class="waiting" role="status">
        <span class="spinner" aria-hidden="true" />
        {what}
      </p>
      {live !== undefined && trace !== undefined && (
        <>
          <p class="marked-text" aria-busy="true" data-testid="live">
            {cellsAt(trace, steps).map((cell) => (
              <LiveCell key={cell.position} cell={cell} isNew={cell.writtenAt === steps - 1} />
            ))}
          </p>
          <p class="note">
            {steps === 1 ? "1 step" : `${steps} steps`}
            {live.progress !== undefined && `, layer ${live.progress.layer} of ${live.progress.layers}`}
          </p>
        </>
      )}
    </section>
  );
}

function LiveCell({ cell: { kind, token }, isNew }: { cell: Cell; isNew: boolean }) {
  if (kind === "mask") return <span class="token mask" role="img" aria-label="mask" />;
  if (kind === "given") return <>{token}</>;
  const lead = /^\s*/.exec(token)?.[0] ?? "";
  return (
    <>
      {lead}
      <mark class={isNew ? `live-${kind} new` : `live-${kind}`}>{token.slice(lead.length)}</mark>
    </>
  );
}
