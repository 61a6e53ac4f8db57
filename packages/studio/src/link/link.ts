/** Scene and settings in an address: `#describe/with/...`. Anybody may have written it, so it is bounded and parsed; it never
 *  starts anything, and what it replaces can be had back. */
import * as z from "zod/mini";
import { defaultSettings, type Settings } from "../describe/settings.js";
import { settingsSchema } from "../keep/saved-settings.js";
import { sceneSchema } from "../scene/saved-scene.js";
import type { Scene } from "../scene/scene.js";
import { parse, parseJson } from "../server/messages.js";
import { Problem } from "../server/problem.js";

export interface Linked {
  scene: Scene | undefined;
  settings: Settings;
  /** Draft or template of the tab. */
  text: string | undefined;
  /** Id of the model that answers. */
  model?: string | undefined;
}

/** Signs of a link's part: servers and chats cut longer addresses. */
export const MOST_SIGNS = 8_000;
const MOST_TEXT = 2_000;
const MOST_NAME = 500;

const schema = z.strictObject({
  v: z.literal(1),
  scene: z.optional(sceneSchema),
  /** Those that differ from the page's usual ones. */
  settings: z.optional(z.record(z.string(), z.union([z.string(), z.number()]))),
  text: z.optional(z.string().check(z.maxLength(MOST_TEXT))),
  model: z.optional(z.string().check(z.minLength(1), z.maxLength(MOST_NAME))),
});

/** @returns undefined where it would be too long */
export function linkPart({ scene, settings, text, model }: Linked): string | undefined {
  const usual: Readonly<Record<string, unknown>> = { ...defaultSettings() };
  const changed = Object.entries(settings).filter(([name, value]) => value !== undefined && value !== usual[name]);
  const said = {
    v: 1,
    ...(scene && { scene }),
    ...(changed.length > 0 && { settings: Object.fromEntries(changed) }),
    ...(text && { text }),
    ...(model !== undefined && { model }),
  };
  if ((text?.length ?? 0) > MOST_TEXT) return undefined;
  const part = inBase64Url(JSON.stringify(said));
  return part.length > MOST_SIGNS ? undefined : part;
}

/** @throws Problem that says what is wrong with it */
export function readLinkPart(part: string): Linked {
  if (part.length > MOST_SIGNS) throw wrong(`it is longer than ${MOST_SIGNS} signs`);
  const link = parse(schema, parseJson(fromBase64Url(part)));
  if (!link.ok) throw wrong(link.problem);
  const { scene, settings, text, model } = link.value;
  const merged = parse(settingsSchema, { ...defaultSettings(), ...settings });
  if (!merged.ok) throw wrong(merged.problem);
  return { scene, settings: merged.value, text, ...(model !== undefined && { model }) };
}

const wrong = (why: string) => new Problem("bad-file", `This link cannot be used: ${why}.`);

function inBase64Url(text: string): string {
  const bytes = new TextEncoder().encode(text);
  const binary = Array.from(bytes, (byte) => String.fromCharCode(byte)).join("");
  return btoa(binary).replaceAll("+", "-").replaceAll("/", "_").replace(/=+$/, "");
}

/** Of anything else: no JSON. */
function fromBase64Url(part: string): string {
  try {
    const binary = atob(part.replaceAll("-", "+").replaceAll("_", "/"));
    return new TextDecoder("utf-8", { fatal: true }).decode(Uint8Array.from(binary, (sign) => sign.charCodeAt(0)));
  } catch {
    return "";
  }
}
