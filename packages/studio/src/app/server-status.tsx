import { useSelect } from "./app.js";
import type { State } from "./app-state.js";

const words: Readonly<Record<State["server"], string>> = {
  connecting: "Connecting",
  ready: "Ready",
  loading: "Loading the model",
  draining: "Shutting down",
  restarting: "Restarting",
  gone: "No server",
};

/** The model's name, and whether it can be asked. */
export function ServerStatus() {
  const server = useSelect((state) => state.server);
  const models = useSelect((state) => state.models);
  const [model, ...others] = models;
  const beside = others.length === 0 ? "" : `; beside it: ${others.map(({ id }) => id).join(", ")}`;
  return (
    <span
      class="server"
      data-status={server}
      title={model === undefined ? words[server] : `${model.id}: ${words[server]}${beside}`}
    >
      <span class="dot" aria-hidden="true" />
      <span class="server-name">{server === "ready" && model !== undefined ? model.id : words[server]}</span>
    </span>
  );
}
