/** The page's one object: its state, the server, and what every tab needs. Made in main.tsx and in tests. */
import { createContext } from "preact";
import { useContext } from "preact/hooks";
import { freshPlayer } from "../describe/player.js";
import { defaultSettings } from "../describe/settings.js";
import { openingScene } from "../gallery/gallery.js";
import { createDatabase, type Database } from "../keep/database.js";
import { isOfWorld } from "../scene/saved-scene.js";
import { createSprites, type Sprites } from "../scene/sprites.js";
import { type Api, createApi } from "../server/api.js";
import type { Models } from "../server/messages.js";
import { type Problem, problemOf } from "../server/problem.js";
import { addressOf, hashOf } from "./address.js";
import type { State, Tab, Theme } from "./app-state.js";
import { createStore, type Store, useStore } from "./store.js";

export interface App {
  store: Store<State>;
  api: Api;
  sprites: Sprites;
  database: Database;
  /** Requests that are under way, to be given up. */
  running: Map<string, AbortController>;
}

export function createApp(): App {
  const store = createStore(initialState());
  const api = createApi({ fetch: (input, init) => fetch(input, init), key: () => store.get().key });
  return { store, api, sprites: createSprites(api), database: createDatabase(), running: new Map() };
}

function initialState(): State {
  return {
    tab: "describe",
    rest: [],
    ...addressOf(location.hash),
    theme: themeOf(remembered("theme")),
    server: "connecting",
    serverProblem: undefined,
    models: [],
    wanted: undefined,
    menu: { open: false },
    adding: { allowed: false, name: "", pull: undefined, problem: undefined },
    command: undefined,
    catalog: undefined,
    key: remembered("key") ?? "",
    announcement: "",
    picture: {
      source: "file",
      file: undefined,
      scene: undefined,
      cell: 0,
      waiting: undefined,
      problem: undefined,
      failed: undefined,
    },
    describe: {
      settings: defaultSettings(),
      baseline: undefined,
      comparison: undefined,
      player: freshPlayer(),
      problem: undefined,
    },
    proofread: { draft: "", busy: false, live: undefined, review: undefined, problem: undefined },
    fill: {
      template: "",
      blankTokens: 2,
      tokensPerStep: 1,
      busy: false,
      live: undefined,
      result: undefined,
      problem: undefined,
    },
    chat: { draft: "", messages: [], busy: false, problem: undefined },
    runs: { list: undefined, chosen: [] },
    keeping: { problem: undefined },
    replaced: undefined,
  };
}

const AppContext = createContext<App | undefined>(undefined);
export const AppProvider = AppContext.Provider;

export function useApp(): App {
  const app = useContext(AppContext);
  if (app === undefined) throw new Error("a view outside of the application");
  return app;
}

export function useSelect<T>(select: (state: State) => T): T {
  return useStore(useApp().store, select);
}

/** Changes one part of the state. */
export function patch<K extends keyof State>({ store }: App, key: K, change: Partial<State[K]>): void {
  store.update((state) => ({ ...state, [key]: { ...(state[key] as object), ...change } }));
}

export function announce({ store }: App, announcement: string): void {
  store.update((state) => ({ ...state, announcement }));
}

/** A request that can be given up by name; a second of the same name gives up the first. */
export function begin({ running }: App, name: string): AbortSignal {
  running.get(name)?.abort();
  const controller = new AbortController();
  running.set(name, controller);
  return controller.signal;
}

export function giveUp({ running }: App, name: string): void {
  running.get(name)?.abort();
  running.delete(name);
}

/** What became of keeping the page in this browser. */
export function problemed({ store }: App, problem: Problem | undefined): void {
  store.update((state) => ({ ...state, keeping: { problem } }));
}

/** Whether another request of the name has begun since. */
export function isReplaced({ running }: App, name: string, signal: AbortSignal): boolean {
  const now = running.get(name);
  return now !== undefined && now.signal !== signal;
}

// ---- server ----------------------------------------------------------------------------------------------------

const RETRY_MS = 2_000;

/** Asks until the server is ready, then learns its model and stickers. Runs again after a lost connection. */
export async function connect(app: App): Promise<void> {
  const { store, api } = app;
  const signal = begin(app, "connect");
  while (!signal.aborted) {
    try {
      const server = await api.readiness(signal);
      if (server === "ready") {
        const [models, catalog] = await Promise.all([api.models(), api.stickers()]);
        const allowed = models.rediff?.pull === true;
        const [pull] = allowed ? await api.pulls() : [];
        store.update((state) => ({
          ...withModels(state, models, catalog),
          adding: { ...state.adding, allowed, pull },
        }));
        return;
      }
      store.update((state) => ({ ...state, server, serverProblem: undefined }));
    } catch (thrown) {
      const problem = problemOf(thrown);
      if (problem === undefined) return;
      const server = problem.kind === "gone" ? "gone" : store.get().server;
      store.update((state) => ({ ...state, server, serverProblem: problem }));
      if (problem.kind === "key" || problem.kind === "bad-answer") return; // only the user can help
    }
    await new Promise((resume) => setTimeout(resume, RETRY_MS));
  }
}

function withModels(state: State, { data, rediff }: Models, catalog: State["catalog"]): State {
  const connected: State = {
    ...state,
    server: "ready",
    serverProblem: undefined,
    models: data,
    command: rediff?.command,
    catalog,
  };
  if (catalog === undefined) return { ...connected, picture: { ...state.picture, source: "file" } };
  const { scene } = state.picture;
  if (scene !== undefined && isOfWorld(scene, catalog)) return connected;
  const isAnother = scene !== undefined && state.replaced !== undefined;
  const by = "The scene is of another world than this model's: the page begins with one of its own.";
  if (isAnother) Object.assign(connected, { replaced: { ...state.replaced, by } });
  const source = state.picture.file === undefined ? "scene" : state.picture.source;
  return { ...connected, picture: { ...state.picture, source, scene: openingScene(catalog) } };
}

/** How the models stand, without another look at all else. */
export async function refreshModels({ store, api }: App): Promise<void> {
  try {
    const { data } = await api.models();
    store.update((state) => (isSame(data, state.models) ? state : { ...state, models: data }));
  } catch {
    // a request that matters will tell
  }
}

const isSame = (one: unknown, other: unknown): boolean => JSON.stringify(one) === JSON.stringify(other);

/** The problem in what was thrown, if it is one. When the server is away or not ready, the page begins to look for it. */
export function noteProblem(app: App, thrown: unknown): Problem | undefined {
  const problem = problemOf(thrown);
  if (problem?.kind === "gone" || problem?.kind === "loading") void connect(app);
  if (problem?.kind === "failed") void refreshModels(app); // its model may be why
  return problem;
}

// ---- tab, theme, key -------------------------------------------------------------------------------------------

/** As if its address had been typed: the browser's Back leads to where the page was. */
export function showTab(app: App, tab: Tab, ...rest: string[]): void {
  const hash = hashOf({ tab, rest });
  if (location.hash !== hash) history.pushState(undefined, "", hash);
  followAddress(app);
}

/** Also after Back and Forward. */
export function followAddress({ store }: App): void {
  const address = addressOf(location.hash || "#describe");
  if (address !== undefined) store.update((state) => ({ ...state, ...address }));
}

function themeOf(value: string | undefined): Theme {
  return value === "light" || value === "dark" ? value : "system";
}

export function setTheme({ store }: App, theme: Theme): void {
  remember("theme", theme);
  store.update((state) => ({ ...state, theme }));
}

export function setKey(app: App, key: string): void {
  remember("key", key);
  app.store.update((state) => ({ ...state, key }));
  void connect(app);
}

/** Storage may be forbidden; then choices last as long as the page. */
function remember(key: string, value: string): void {
  try {
    localStorage.setItem(`rediff.${key}`, value);
  } catch {
    // nothing to do: it works without
  }
}

function remembered(key: string): string | undefined {
  try {
    return localStorage.getItem(`rediff.${key}`) ?? undefined;
  } catch {
    return undefined;
  }
}
