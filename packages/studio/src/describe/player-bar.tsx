/** Play, pause, scrub, speed: one player for both runs. */
import { useEffect } from "preact/hooks";
import { useApp, useSelect } from "../app/app.js";
import { Icon } from "../ui/icons.js";
import { playerTick, setPlayer } from "./describe-actions.js";
import { type Comparison, isRunning, lengthOf } from "./describe-state.js";
import { seek, shownPass, speeds, togglePlay } from "./player.js";

export function PlayerBar({ comparison }: { comparison: Comparison }) {
  const app = useApp();
  const player = useSelect((state) => state.describe.player);
  const length = lengthOf(comparison);
  const at = shownPass(player, length);
  const running = isRunning(comparison);
  const moving = player.playing || (player.live && running);
  useEffect(() => {
    if (!player.playing) return;
    const timer = setInterval(() => playerTick(app), 1000 / player.speed);
    return () => clearInterval(timer);
  }, [app, player.playing, player.speed]);
  const jump = (to: number) => setPlayer(app, (old, end) => seek(old, to, end));
  return (
    <fieldset class="player card" aria-label="Player">
      <div class="row tight">
        <PlayerButton label="To the start" icon="restart" disabled={at === 0} onClick={() => jump(0)} />
        <PlayerButton label="One step back" icon="back" disabled={at === 0} onClick={() => jump(at - 1)} />
        <button
          type="button"
          class="button icon-only primary"
          aria-label={moving ? "Pause" : "Play"}
          title={moving ? "Pause" : "Play"}
          disabled={length === 0}
          onClick={() => setPlayer(app, togglePlay)}
        >
          <Icon name={moving ? "pause" : "play"} />
        </button>
        <PlayerButton label="One step on" icon="forward" disabled={at >= length} onClick={() => jump(at + 1)} />
      </div>
      <input
        class="scrub"
        type="range"
        aria-label="Step"
        min={0}
        max={Math.max(1, length)}
        value={at}
        disabled={length === 0}
        aria-valuetext={`step ${at} of ${length}`}
        onInput={({ currentTarget }) => jump(currentTarget.valueAsNumber)}
      />
      <span class="player-step">
        {at} <small>/ {length}</small>
      </span>
      <select
        aria-label="Speed, steps per second"
        title="Steps per second"
        value={String(player.speed)}
        onChange={({ currentTarget }) => setPlayer(app, (old) => ({ ...old, speed: Number(currentTarget.value) }))}
      >
        {speeds.map((speed) => (
          <option key={speed} value={String(speed)} selected={speed === player.speed}>
            {`${speed}/s`}
          </option>
        ))}
      </select>
    </fieldset>
  );
}

function PlayerButton(props: {
  label: string;
  icon: "restart" | "back" | "forward";
  disabled: boolean;
  onClick: () => void;
}) {
  return (
    <button
      type="button"
      class="button icon-only quiet"
      aria-label={props.label}
      title={props.label}
      disabled={props.disabled}
      onClick={props.onClick}
    >
      <Icon name={props.icon} />
    </button>
  );
}

/** How the canvas is to be read; the shapes tell the kinds apart without colour. */
export function Legend() {
  return (
    <ul class="legend" aria-label="Legend">
      <li>
        <span class="token mask" aria-hidden="true" /> mask
      </li>
      <li>
        <span class="token fill" style={{ "--shade": "0.75" }}>
          word
        </span>
        first fill
      </li>
      <li>
        <span class="token revise" style={{ "--shade": "0.75" }}>
          word
        </span>
        revised
      </li>
      <li>
        <span class="shades" aria-hidden="true">
          {[0.1, 0.3, 0.5, 0.7, 0.9].map((shade) => (
            <i key={shade} style={{ "--shade": String(shade) }} />
          ))}
        </span>
        confidence, low to high
      </li>
    </ul>
  );
}
