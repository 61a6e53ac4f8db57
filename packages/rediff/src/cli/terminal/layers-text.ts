/** How far a forward pass is, for those that take long: a terminal shows it from the fifth second on. */
import type { PassProgress } from "../../models/chain.js";
import { StatusLine, type TerminalStream } from "../../status-line.js";
import { formatDuration } from "../../units.js";

const SHOWN_AFTER_SECONDS = 5;

/** undefined while it is not worth a word. */
export function layersText({ part, done, total, seconds }: PassProgress): string | undefined {
  if (seconds < SHOWN_AFTER_SECONDS || done < 1) return undefined;
  const what = part === "vision" ? "reading the picture" : "forward pass";
  return `${what}: layer ${done} of ${total}  ${formatDuration((seconds * (total - done)) / done)} left`;
}

/** Shows it on stderr, where nothing else is drawn; silent unless that is a terminal. */
export function layerLine(stream: TerminalStream = process.stderr) {
  const line = new StatusLine(stream);
  return {
    onLayers(progress: PassProgress): void {
      const text = stream.isTTY === true ? layersText(progress) : undefined;
      if (text !== undefined) line.draw(text);
    },
    /** Removes the line. */
    clear: () => line.clear(),
  };
}
