/** A model of the hub, by its name: pulled by the server, which goes on whatever becomes of the page. */
import { useEffect, useRef } from "preact/hooks";
import { patch, useApp, useSelect } from "../app/app.js";
import type { Pull } from "../server/messages.js";
import { adviceFor } from "../server/problem.js";
import { Field } from "../ui/controls.js";
import { Icon } from "../ui/icons.js";
import { percent } from "../ui/percent.js";
import { addModel, cancelAdding, chooseModel, pullText } from "./model-actions.js";
import { megabytes } from "./units.js";

export function AddModel({ isOpen, onClose }: { isOpen: boolean; onClose: () => void }) {
  const app = useApp();
  const { name, pull, problem } = useSelect((state) => state.adding);
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => {
    if (isOpen) dialog.current?.showModal();
    else dialog.current?.close();
  }, [isOpen]);
  const isPulling = pull?.status === "running";
  return (
    <dialog ref={dialog} aria-label="Add a model" onClose={onClose}>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          if (!isPulling) void addModel(app);
        }}
      >
        <Field
          label="Model on the hub"
          note="The server pulls it and serves it beside the others until it ends. Models have gigabytes."
        >
          {(ids) => (
            <input
              {...ids}
              type="text"
              autocomplete="off"
              autocapitalize="off"
              spellcheck={false}
              placeholder="ORG/NAME"
              value={isPulling ? pull.model : name}
              disabled={isPulling}
              onInput={({ currentTarget }) => patch(app, "adding", { name: currentTarget.value })}
            />
          )}
        </Field>
        {problem !== undefined && (
          <p class="notice problem brief" role="alert">
            <Icon name="warning" />
            <span class="reading-text">{adviceFor(problem, undefined).detail}</span>
          </p>
        )}
        {pull !== undefined && problem === undefined && <PullStanding pull={pull} />}
        <div class="row end">
          {isPulling && (
            <button type="button" class="button" onClick={() => void cancelAdding(app)}>
              Cancel the pull
            </button>
          )}
          {pull?.status === "done" && (
            <button
              type="button"
              class="button"
              onClick={() => {
                chooseModel(app, pull.model);
                onClose();
              }}
            >
              {`Ask ${pull.model}`}
            </button>
          )}
          <button type="button" class="button" onClick={onClose}>
            Close
          </button>
          <button type="submit" class="button primary" disabled={isPulling || name.trim() === ""}>
            Pull
          </button>
        </div>
      </form>
    </dialog>
  );
}

function PullStanding({ pull }: { pull: Pull }) {
  const { status, model, bytes, total_bytes: total, note } = pull;
  if (status !== "running")
    return (
      <p class={status === "failed" ? "notice problem brief" : "notice brief"} role="status">
        <Icon name={status === "done" ? "check" : status === "failed" ? "warning" : "info"} />
        <span class="reading-text">{pullText(pull)}</span>
      </p>
    );
  return (
    <div class="pull">
      <progress aria-label={`Pulling ${model}`} max={total ?? 1} {...(total !== null && { value: bytes ?? 0 })} />
      <p class="note">
        {total === null
          ? "Asking the hub what there is"
          : `${megabytes(bytes ?? 0)} of ${megabytes(total)}, ${percent((bytes ?? 0) / Math.max(1, total))}`}
      </p>
      {note !== null && <p class="note">{note}</p>}
    </div>
  );
}
