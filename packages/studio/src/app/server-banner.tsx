/** Above everything: the server is away or not ready, or the model is a small one that knows only stickers. */
import { answering } from "../models/answering.js";
import { modelCommand, Problem } from "../server/problem.js";
import { Icon } from "../ui/icons.js";
import { ProblemNotice } from "../ui/notice.js";
import { connect, useApp, useSelect } from "./app.js";

export function ServerBanner() {
  const app = useApp();
  const server = useSelect((state) => state.server);
  const problem = useSelect((state) => state.serverProblem);
  const source = useSelect((state) => state.picture.source);
  const model = useSelect(answering);
  const command = useSelect((state) => state.command);
  if (server === "gone" || problem !== undefined) {
    return <ProblemNotice problem={problem ?? new Problem("gone", "")} onRetry={() => void connect(app)} inBanner />;
  }
  if (server === "loading" || server === "restarting" || server === "draining") {
    return (
      <div class="notice" role="status">
        <span class="spinner" aria-hidden="true" />
        <div class="notice-text">
          <strong>{server === "draining" ? "The server is shutting down" : "The model is being loaded"}</strong>
          <p>
            {server === "draining"
              ? "It finishes what it has begun. The page connects again when it is back."
              : "The page goes on by itself as soon as it is ready."}
          </p>
        </div>
      </div>
    );
  }
  if (model?.rediff.scene_world && source === "file") {
    return (
      <div class="notice" role="note">
        <Icon name="info" />
        <div class="notice-text">
          <strong>{model.rediff.embedded ? "This small model" : "This model"} knows the sticker world only</strong>
          <p>
            Of a photograph it will say something, but nothing true. Compose a scene instead, or start the server with a
            large model: <code>{modelCommand(command)}</code>
          </p>
        </div>
      </div>
    );
  }
  return null;
}
