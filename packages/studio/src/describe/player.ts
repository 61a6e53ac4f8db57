/** Where in a comparison the view is. `at` counts passes: 0 shows masks only. While live, it is always the last. */

export interface Player {
  at: number;
  playing: boolean;
  live: boolean;
  /** Passes per second. */
  speed: number;
}

export const speeds = [1, 2, 4, 8, 16, 32] as const;

export function freshPlayer(speed = 8): Player {
  return { at: 0, playing: false, live: true, speed };
}

/** The pass that is shown of a comparison of `length` passes so far. */
export function shownPass({ at, live }: Player, length: number): number {
  return live ? length : Math.max(0, Math.min(at, length));
}

/** By hand: it stops there. */
export function seek(player: Player, at: number, length: number): Player {
  return { ...player, at: Math.max(0, Math.min(Math.round(at), length)), playing: false, live: false };
}

export function togglePlay(player: Player, length: number, running: boolean): Player {
  if (player.playing || (player.live && running)) {
    return { ...player, at: shownPass(player, length), playing: false, live: false };
  }
  const at = shownPass(player, length);
  return { ...player, at: at >= length ? (running ? at : 0) : at, playing: true, live: false };
}

/** One pass further; at the end of what is there it goes live while the run goes on, and stops when it is over. */
export function tick(player: Player, length: number, running: boolean): Player {
  if (!player.playing) return player;
  const at = Math.min(player.at + 1, length);
  if (at < length) return { ...player, at };
  return { ...player, at, playing: false, live: running };
}
