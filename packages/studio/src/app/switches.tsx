import { useRef, useState } from "preact/hooks";
import { Field } from "../ui/controls.js";
import { Icon } from "../ui/icons.js";
import { setKey, setTheme, useApp, useSelect } from "./app.js";
import type { Theme } from "./app-state.js";

const order: readonly Theme[] = ["system", "light", "dark"];
const icons = { system: "auto", light: "sun", dark: "moon" } as const;

export function ThemeSwitch() {
  const app = useApp();
  const theme = useSelect((state) => state.theme);
  const next = order[(order.indexOf(theme) + 1) % order.length] ?? "system";
  const label = `Colours: ${theme}. Change to ${next}`;
  return (
    <button
      type="button"
      class="button icon-only quiet"
      aria-label={label}
      title={label}
      onClick={() => setTheme(app, next)}
    >
      <Icon name={icons[theme]} />
    </button>
  );
}

/** The API key, of servers that ask for one; it stays in this browser. */
export function KeyField() {
  const app = useApp();
  const key = useSelect((state) => state.key);
  const asked = useSelect((state) => state.serverProblem?.kind === "key");
  const [draft, setDraft] = useState(key);
  const dialog = useRef<HTMLDialogElement>(null);
  if (!asked && key === "") return null;
  return (
    <>
      <button
        type="button"
        class="button icon-only quiet"
        aria-label="API key"
        title="API key"
        onClick={() => dialog.current?.showModal()}
      >
        <Icon name="key" />
      </button>
      <dialog ref={dialog} aria-label="API key">
        <form
          onSubmit={(event) => {
            event.preventDefault();
            setKey(app, draft.trim());
            dialog.current?.close();
          }}
        >
          <Field label="API key" note="It is kept in this browser and sent to this server only.">
            {(ids) => (
              <input
                {...ids}
                type="password"
                autocomplete="off"
                value={draft}
                onInput={({ currentTarget }) => setDraft(currentTarget.value)}
              />
            )}
          </Field>
          <div class="row end">
            <button type="button" class="button" onClick={() => dialog.current?.close()}>
              Cancel
            </button>
            <button type="submit" class="button primary">
              Use this key
            </button>
          </div>
        </form>
      </dialog>
    </>
  );
}
