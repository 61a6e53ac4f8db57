/** What each step did, as bars: first fills below, revisions on top in their own pattern. */
import type { PassBar } from "../trace/trace.js";

const HEIGHT = 36;

export function Timeline({ bars, at, length }: { bars: readonly PassBar[]; at: number; length: number }) {
  const highest = Math.max(1, ...bars.map(({ fills, revisions }) => fills + revisions));
  const unit = HEIGHT / highest;
  const slots = Math.max(length, 1);
  const total = bars.reduce((sum, { revisions }) => sum + revisions, 0);
  return (
    <svg
      class="timeline"
      viewBox={`0 0 ${slots * 10} ${HEIGHT + 2}`}
      preserveAspectRatio="none"
      role="img"
      aria-label={`${bars.length} steps, ${total} revisions`}
    >
      {bars.map(({ fills, revisions }, i) => (
        <g key={i} class={i < at ? undefined : "ahead"}>
          <rect class="bar-fill" x={i * 10 + 1} width={8} y={HEIGHT - fills * unit} height={fills * unit} />
          <rect
            class="bar-revise"
            x={i * 10 + 1}
            width={8}
            y={HEIGHT - (fills + revisions) * unit}
            height={Math.max(0, revisions * unit - (fills > 0 ? 1 : 0))}
          />
        </g>
      ))}
      <rect class="bar-base" x={0} y={HEIGHT} width={slots * 10} height={2} />
    </svg>
  );
}
