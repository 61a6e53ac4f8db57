/** Opening links, and making them. */

import { addressOf, hashOf } from "../app/address.js";
import { type App, announce } from "../app/app.js";
import type { State } from "../app/app-state.js";
import { linkedModel } from "../models/answering.js";
import { replacePage } from "../runs/runs-actions.js";
import { isOfWorld } from "../scene/saved-scene.js";
import { isEmpty } from "../scene/scene.js";
import { problemOf } from "../server/problem.js";
import { type Linked, linkPart, readLinkPart } from "./link.js";

const WITH = "with";

/** Takes what the address carries, if it does, and goes on at the tab's own address: a reload must not bring it again over
 *  what was done since. */
export function followLink(app: App): void {
  const address = addressOf(location.hash);
  if (address === undefined || address.rest[0] !== WITH) return;
  const { tab } = address;
  history.replaceState(undefined, "", hashOf({ tab, rest: [] }));
  app.store.update((state) => ({ ...state, tab, rest: [] }));
  try {
    const linked = readLinkPart(address.rest[1] ?? "");
    const { catalog } = app.store.get();
    if (linked.scene !== undefined && catalog !== undefined && !isOfWorld(linked.scene, catalog)) {
      say(app, "The scene of this link is of another world than this model's.");
      return;
    }
    replacePage(app, "Scene and settings of a link were opened.", (state) => withLinked(state, linked));
    announce(app, "Scene and settings of a link were opened.");
  } catch (thrown) {
    say(app, problemOf(thrown)?.message ?? "This link cannot be used.");
  }
}

function say({ store }: App, by: string): void {
  store.update((state) => ({ ...state, replaced: { by, session: undefined } }));
}

function withLinked(state: State, { scene, settings, text, model }: Linked): State {
  const { tab, picture, describe, proofread, fill } = state;
  return {
    ...state,
    ...(model !== undefined && { wanted: model }),
    picture: scene === undefined ? picture : { ...picture, source: "scene", scene, cell: 0, problem: undefined },
    describe: { ...describe, settings, problem: undefined },
    ...(text !== undefined && tab === "proofread" && { proofread: { ...proofread, draft: text, review: undefined } }),
    ...(text !== undefined && tab === "fill" && { fill: { ...fill, template: text, result: undefined } }),
  };
}

/** Undefined where it would be too long. @param base the page's address without its hash */
export function linkTo(state: State, base: string): string | undefined {
  const { tab, picture, describe, proofread, fill } = state;
  const { source, scene } = picture;
  const linked: Linked = {
    scene: source === "scene" && scene !== undefined && !isEmpty(scene) ? scene : undefined,
    settings: describe.settings,
    text: tab === "proofread" ? proofread.draft : tab === "fill" ? fill.template : undefined,
    model: linkedModel(state),
  };
  const part = linkPart(linked);
  return part === undefined ? undefined : `${base}${hashOf({ tab, rest: [WITH, part] })}`;
}
