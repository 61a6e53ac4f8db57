/** The page's address: `#proofread` is a tab, `#runs/ID/OTHER` what a tab shows. Others are places on the page (#main). */
import { type Tab, tabs } from "./app-state.js";

export interface Address {
  tab: Tab;
  /** What the tab shows: decoded, never empty. */
  rest: readonly string[];
}

/** Undefined for what is no address of a tab. */
export function addressOf(hash: string): Address | undefined {
  const [name, ...rest] = hash.replace(/^#/, "").split("/");
  const tab = tabs.find((known) => known === name);
  if (tab === undefined) return undefined;
  return { tab, rest: rest.map(decoded).filter((part) => part !== "") };
}

export function hashOf({ tab, rest }: Address): string {
  return `#${[tab, ...rest.map(encodeURIComponent)].join("/")}`;
}

function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return "";
  }
}
