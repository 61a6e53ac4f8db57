import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { freshPlayer, type Player, seek, shownPass, tick, togglePlay } from "./player.js";
import { defaultSettings, fieldsOf, settingsProblem } from "./settings.js";

describe("player", () => {
  test("follows a run, then plays it from the start", () => {
    let player = freshPlayer();
    expect(shownPass(player, 3)).toBe(3);
    player = togglePlay(player, 5, false);
    expect(player).toMatchObject({ at: 0, playing: true });
    for (let i = 0; i < 5; i++) player = tick(player, 5, false);
    expect(player).toMatchObject({ at: 5, playing: false });
  });

  test("pausing a live run holds the picture; playing on catches up and follows again", () => {
    let player = togglePlay(freshPlayer(), 4, true);
    expect(shownPass(player, 9)).toBe(4);
    player = togglePlay(player, 9, true);
    for (let i = 0; i < 5; i++) player = tick(player, 9, true);
    expect(player).toMatchObject({ live: true, playing: false });
  });

  test("whatever is pressed, the shown pass exists", () => {
    const action = fc.oneof(
      fc.constant((player: Player, length: number, running: boolean) => tick(player, length, running)),
      fc.constant((player: Player, length: number, running: boolean) => togglePlay(player, length, running)),
      fc.integer({ min: -5, max: 50 }).map((at) => (player: Player, length: number) => seek(player, at, length)),
    );
    fc.assert(
      fc.property(fc.array(fc.tuple(action, fc.nat(3), fc.boolean()), { maxLength: 30 }), (actions) => {
        let player = freshPlayer();
        let length = 0;
        for (const [act, more, running] of actions) {
          length += more;
          player = act(player, length, running);
          const shown = shownPass(player, length);
          expect(shown >= 0 && shown <= length).toBe(true);
        }
      }),
    );
  });
});

describe("settings as request fields", () => {
  test("only what was changed is said", () => {
    const said = Object.entries(fieldsOf(defaultSettings(), false)).filter(([, value]) => value !== undefined);
    expect(Object.fromEntries(said)).toEqual({ revise: false, tokens_per_step: 4 });
  });

  test("a threshold takes the place of tokens per step, and revising settings are for revising only", () => {
    const settings = { ...defaultSettings(), pace: "threshold" as const, reviseTopk: 0.2 };
    expect(fieldsOf(settings, true)).toMatchObject({ threshold: 0.9, revise_topk: 0.2 });
    expect(fieldsOf(settings, true)).not.toHaveProperty("tokens_per_step");
    expect(fieldsOf(settings, false).revise_topk).toBeUndefined();
  });

  test("rules are said by name, what is kept of earlier passes only where something is", () => {
    const settings = { ...defaultSettings(), pace: "entropy" as const, cache: "refresh" as const };
    expect(fieldsOf(settings, true)).toMatchObject({ rule: "entropy", cache: "refresh" });
    expect(fieldsOf(settings, true)).not.toHaveProperty("tokens_per_step");
    expect(fieldsOf(defaultSettings(), true).cache).toBeUndefined();
  });

  test("lengths that do not fit are refused before they are sent", () => {
    expect(settingsProblem({ ...defaultSettings(), genLength: 32, blockLength: 7 })).toMatch(/multiple/);
    expect(settingsProblem({ ...defaultSettings(), prompt: " " })).toMatch(/question/);
    expect(settingsProblem(defaultSettings())).toBeUndefined();
  });
});
