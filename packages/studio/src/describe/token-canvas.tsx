/** The answer's tokens as text: masks, fills and revisions apart, each with its confidence as shade. */
import { type Cell, isSpecial } from "../trace/trace.js";
import { useRoving } from "../ui/roving.js";

export function TokenCanvas({
  cells,
  pass,
  label,
  chosen,
  onChoose,
}: {
  cells: readonly Cell[];
  /** Passes so far: what the last one wrote is marked. Undefined at the end, where that is of no interest. */
  pass: number | undefined;
  label: string;
  chosen: number | undefined;
  onChoose: (position: number | undefined) => void;
}) {
  const roving = useRoving(cells.length, onChoose);
  const end = cells.findIndex(({ token }) => isSpecial(token));
  return (
    <div
      class="canvas"
      role="toolbar"
      aria-label={label}
      ref={roving.container}
      onKeyDown={roving.onKeyDown}
      onMouseLeave={() => onChoose(undefined)}
    >
      {cells.map((cell) => (
        <button
          key={cell.position}
          type="button"
          data-roving
          class={classOf(cell, pass, end)}
          style={{ "--shade": cell.confidence.toFixed(2) }}
          aria-label={nameOf(cell)}
          aria-pressed={chosen === cell.position}
          tabIndex={roving.tabIndex(cell.position)}
          onFocus={() => {
            roving.onFocus(cell.position);
            onChoose(cell.position);
          }}
          onMouseEnter={() => onChoose(cell.position)}
          onClick={() => onChoose(cell.position)}
        >
          {cell.kind === "mask" || (end >= 0 && cell.position > end) ? "" : shownToken(cell.token)}
        </button>
      ))}
    </div>
  );
}

function classOf({ kind, token, writtenAt, position }: Cell, pass: number | undefined, end: number): string {
  const names = ["token", kind];
  if (kind !== "mask" && pass !== undefined && writtenAt === pass - 1) names.push("new");
  if (isSpecial(token)) names.push("special");
  if (end >= 0 && position > end) names.push("after");
  if (kind !== "mask" && !token.startsWith(" ") && position > 0) names.push("close");
  return names.join(" ");
}

function nameOf({ kind, token, confidence, position }: Cell): string {
  if (kind === "mask") return `token ${position + 1}: mask`;
  const how = kind === "revise" ? "revised" : "filled";
  return `token ${position + 1}: ${shownToken(token)}, ${how}, confidence ${Math.round(confidence * 100)} %`;
}

/** White space is shown, special tokens are short. */
export function shownToken(token: string): string {
  if (isSpecial(token)) return "end";
  if (token.trim() !== "") return token.trim();
  return token.includes("\n") ? "\u21b5" : "\u2423";
}
