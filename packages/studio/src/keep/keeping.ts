/** Keeps the page in this browser as it goes: its session after every change, runs as they end. What cannot be kept is told,
 *  and tried again with the next change. */
import { type App, problemed } from "../app/app.js";
import type { State } from "../app/app-state.js";
import { parse } from "../server/messages.js";
import { storageProblem } from "./database.js";
import { keepRun, keepWaiting, runsEnded } from "./kept-runs.js";
import { type Session, sessionSchema } from "./saved-parts.js";
import { isSameSession, sessionOf, withSession } from "./session.js";

/** Between two writes while something changes all the time. */
const EVERY_MS = 150;
const MOST_SESSIONS = 8;
/** A browser that does not answer must not keep the page from opening. */
const PATIENCE_MS = 2_000;

/** This browser tab's last session, or the newest of all where it has none.
 *  @returns the id under which it goes on */
export async function restoreSession(app: App): Promise<string> {
  const known = tabId();
  const id = known ?? newId();
  rememberTabId(id);
  try {
    const sessions = await Promise.race([readSessions(app), later(PATIENCE_MS)]);
    if (sessions === undefined) return id;
    const session = sessions.find((one) => one.id === known) ?? sessions[0];
    if (session !== undefined) app.store.update((state) => withSession(state, session));
  } catch (thrown) {
    app.store.update((state) => ({ ...state, keeping: { problem: storageProblem(thrown) } }));
  }
  return id;
}

/** Newest first. What cannot be read is of another version of the page, and left out. */
async function readSessions({ database }: App): Promise<Session[]> {
  const sessions = (await database.all("sessions")).flatMap((value) => {
    const session = parse(sessionSchema, value);
    return session.ok ? [session.value] : [];
  });
  return sessions.sort((a, b) => b.saved.localeCompare(a.saved));
}

/** @returns writes at once what is not yet written */
export function startKeeping(app: App, id: string): () => void {
  const { store, database } = app;
  let written: State = store.get();
  let seen: State = written;
  let timer: ReturnType<typeof setTimeout> | undefined;
  let first = true;
  const save = async () => {
    clearTimeout(timer);
    timer = undefined;
    const state = store.get();
    if (isSameSession(state, written)) return;
    const before = written;
    written = state;
    try {
      const session = sessionOf(state, id, new Date().toISOString());
      await database.write([{ store: "sessions", put: session }]);
      if (first) await dropOldSessions(app);
      first = false;
      if (store.get().keeping.problem !== undefined && (await keepWaiting(app))) problemed(app, undefined);
    } catch (thrown) {
      if (written === state) written = before; // to be tried again
      problemed(app, storageProblem(thrown));
    }
  };
  store.subscribe(() => {
    const state = store.get();
    for (const run of runsEnded(seen, state)) void keepRun(app, run);
    seen = state;
    if (timer === undefined && !isSameSession(state, written)) timer = setTimeout(() => void save(), EVERY_MS);
  });
  return () => void save();
}

async function dropOldSessions(app: App): Promise<void> {
  const old = (await readSessions(app)).slice(MOST_SESSIONS);
  if (old.length > 0) await app.database.write(old.map(({ id }) => ({ store: "sessions" as const, drop: id })));
}

// ---- this browser tab ------------------------------------------------------------------------------------------

const TAB = "rediff.session";

function tabId(): string | undefined {
  try {
    return sessionStorage.getItem(TAB) ?? undefined;
  } catch {
    return undefined;
  }
}

function rememberTabId(id: string): void {
  try {
    sessionStorage.setItem(TAB, id);
  } catch {
    // the newest session is the next one's then
  }
}

/** Not randomUUID: pages over plain http have none. */
function newId(): string {
  return [Date.now(), ...crypto.getRandomValues(new Uint32Array(2))].map((part) => part.toString(36)).join("-");
}

function later(ms: number): Promise<undefined> {
  return new Promise((done) => setTimeout(() => done(undefined), ms));
}
