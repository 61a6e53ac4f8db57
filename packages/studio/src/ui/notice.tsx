/** What went wrong and what to do, where it went wrong. */
import { useEffect, useState } from "preact/hooks";
import { useSelect } from "../app/app.js";
import { adviceFor, type Problem } from "../server/problem.js";
import { CopyButton } from "./copy.js";
import { Icon } from "./icons.js";

export function ProblemNotice({
  problem,
  onRetry,
  inBanner = false,
}: {
  problem: Problem;
  onRetry?: (() => void) | undefined;
  inBanner?: boolean;
}) {
  const startedBy = useSelect((state) => state.command);
  const { title, detail, command, retryIn } = adviceFor(problem, startedBy);
  // The banner above already says what to do about the server.
  if (!inBanner && (problem.kind === "gone" || problem.kind === "loading")) {
    return <BrokenOff problem={problem} onRetry={onRetry} />;
  }
  return (
    <div class="notice problem" role="alert">
      <Icon name="warning" />
      <div class="notice-text">
        <strong>{title}</strong>
        <p>{detail}</p>
        {command !== undefined && (
          <p class="command">
            <code>{command}</code>
            <CopyButton text={command} label="Copy the command" small />
          </p>
        )}
        {onRetry !== undefined && retryIn !== undefined && (
          <RetryButton key={problem} seconds={retryIn} onRetry={onRetry} />
        )}
      </div>
    </div>
  );
}

function BrokenOff({ problem, onRetry }: { problem: Problem; onRetry: (() => void) | undefined }) {
  const ready = useSelect((state) => state.server === "ready");
  return (
    <div class="notice problem brief">
      <Icon name="warning" />
      <span>{problem.message}</span>
      {onRetry !== undefined && (
        <button type="button" class="button small" disabled={!ready} onClick={onRetry}>
          <Icon name="retry" />
          Retry
        </button>
      )}
    </div>
  );
}

/** Waits as long as the server asked for. */
function RetryButton({ seconds, onRetry }: { seconds: number; onRetry: () => void }) {
  const [left, setLeft] = useState(seconds);
  useEffect(() => {
    if (left <= 0) return;
    const timer = setTimeout(() => setLeft(left - 1), 1000);
    return () => clearTimeout(timer);
  }, [left]);
  return (
    <button type="button" class="button small" disabled={left > 0} onClick={onRetry}>
      <Icon name="retry" />
      {left > 0 ? `Retry in ${left} s` : "Retry"}
    </button>
  );
}
