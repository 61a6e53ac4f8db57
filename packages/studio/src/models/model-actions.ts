/** Choosing a model, looking after those that are being loaded, adding others. */
import { type App, announce, connect, patch, refreshModels } from "../app/app.js";
import type { State } from "../app/app-state.js";
import type { Pull } from "../server/messages.js";
import { problemOf } from "../server/problem.js";
import { waitedFor } from "./answering.js";

/** @param id of a served model; undefined for the server's first */
export function chooseModel(app: App, id: string | undefined): void {
  app.store.update((state) => ({ ...state, wanted: id }));
  const title = app.store.get().models.find((model) => model.id === id)?.rediff.title;
  if (title !== undefined) announce(app, `${title} answers now.`);
}

export function openMenu(app: App, open: boolean): void {
  patch(app, "menu", { open });
  if (open) void refreshModels(app);
}

// ---- adding ----------------------------------------------------------------------------------------------------

export async function addModel(app: App): Promise<void> {
  const name = app.store.get().adding.name.trim();
  patch(app, "adding", { problem: undefined });
  await told(app, () => app.api.beginPull(name));
}

export async function cancelAdding(app: App): Promise<void> {
  const { pull } = app.store.get().adding;
  if (pull !== undefined) await told(app, () => app.api.cancelPull(pull.id));
}

async function told(app: App, ask: () => Promise<Pull>): Promise<void> {
  try {
    await take(app, await ask());
  } catch (thrown) {
    patch(app, "adding", { problem: problemOf(thrown) });
  }
}

/** What the server says of the newest pull: it goes on without the page. */
export async function refreshPull(app: App): Promise<void> {
  if (!app.store.get().adding.allowed) return;
  try {
    await take(app, (await app.api.pulls())[0]);
  } catch {
    // the page finds out that the server is away where it matters
  }
}

async function take(app: App, pull: Pull | undefined): Promise<void> {
  const before = app.store.get().adding.pull;
  patch(app, "adding", { pull });
  if (pull === undefined || before?.id !== pull.id || before.status !== "running" || pull.status === "running") return;
  announce(app, pullText(pull));
  if (pull.status === "done") await connect(app); // its stickers may be new, too
}

export function pullText({ model, status, error }: Pull): string {
  switch (status) {
    case "running":
      return `${model} is being pulled.`;
    case "done":
      return `${model} was added.`;
    case "cancelled":
      return `The pull of ${model} was cancelled. What has come is kept: another try goes on from there.`;
    case "failed":
      return `${model} was not added: ${error?.message ?? "the server does not say why"}`;
  }
}

// ---- looking ---------------------------------------------------------------------------------------------------

const LOOK_EVERY_MS = 1_000;

/** While something changes by itself, asks the server how it stands. @returns how to stop */
export function watchModels(app: App): () => void {
  let isLooking = false;
  const look = async () => {
    const state = app.store.get();
    if (isLooking || state.server !== "ready") return;
    isLooking = true;
    if (needsModels(state)) await refreshModels(app);
    if (state.adding.pull?.status === "running") await refreshPull(app);
    isLooking = false;
  };
  const timer = setInterval(() => void look(), LOOK_EVERY_MS);
  return () => clearInterval(timer);
}

const needsModels = (state: State): boolean =>
  state.menu.open || waitedFor(state).size > 0 || state.models.some(({ rediff }) => rediff.status === "loading");
