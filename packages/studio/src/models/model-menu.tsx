/** The model that answers and whether it can be asked; where there are others, or some can be added, a menu of them. */
import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import { useApp, useSelect } from "../app/app.js";
import type { State } from "../app/app-state.js";
import { Icon } from "../ui/icons.js";
import { percent } from "../ui/percent.js";
import { useRoving } from "../ui/roving.js";
import { AddModel } from "./add-model.js";
import { answering, kindText, stateText } from "./answering.js";
import { chooseModel, openMenu } from "./model-actions.js";

const words: Readonly<Record<State["server"], string>> = {
  connecting: "Connecting",
  ready: "Ready",
  loading: "Loading the model",
  draining: "Shutting down",
  restarting: "Restarting",
  gone: "No server",
};

export function ModelMenu() {
  const server = useSelect((state) => state.server);
  const model = useSelect(answering);
  const hasChoice = useSelect((state) => state.models.length > 1 || state.adding.allowed);
  const name = server === "ready" && model !== undefined ? model.id : words[server];
  if (!hasChoice || server !== "ready")
    return (
      <span class="server" data-status={server} title={model === undefined ? name : `${model.id}: ${words[server]}`}>
        <span class="dot" aria-hidden="true" />
        <span class="server-name">{name}</span>
      </span>
    );
  return <Menu name={name} />;
}

function Menu({ name }: { name: string }) {
  const app = useApp();
  const isOpen = useSelect((state) => state.menu.open);
  const [isAdding, setAdding] = useState(false);
  const box = useRef<HTMLDivElement>(null);
  const button = useRef<HTMLButtonElement>(null);
  const close = (focus: boolean) => {
    openMenu(app, false);
    if (focus) button.current?.focus();
  };
  useEffect(() => {
    if (!isOpen) return;
    const outside = ({ target }: Event) => {
      if (target instanceof Node && box.current?.contains(target) === false) close(false);
    };
    document.addEventListener("pointerdown", outside);
    return () => document.removeEventListener("pointerdown", outside);
  }, [isOpen]);
  return (
    <div
      class="model-menu"
      ref={box}
      onFocusOut={({ relatedTarget }) => {
        if (isOpen && relatedTarget instanceof Node && box.current?.contains(relatedTarget) === false) close(false);
      }}
    >
      <button
        ref={button}
        type="button"
        class="server"
        data-status="ready"
        aria-haspopup="menu"
        aria-expanded={isOpen}
        aria-label={`Model: ${name}`}
        title={name}
        onClick={() => openMenu(app, !isOpen)}
        onKeyDown={(event) => {
          if (event.key !== "ArrowDown" && event.key !== "ArrowUp") return;
          event.preventDefault();
          openMenu(app, true);
        }}
      >
        <span class="dot" aria-hidden="true" />
        <span class="server-name">{name}</span>
        <Icon name="down" />
      </button>
      {isOpen && (
        <Entries
          onClose={() => close(true)}
          onAdd={() => {
            close(true);
            setAdding(true);
          }}
        />
      )}
      <AddModel isOpen={isAdding} onClose={() => setAdding(false)} />
    </div>
  );
}

function Entries({ onClose, onAdd }: { onClose: () => void; onAdd: () => void }) {
  const app = useApp();
  const models = useSelect((state) => state.models);
  const chosen = useSelect(answering);
  const { allowed, pull } = useSelect((state) => state.adding);
  const roving = useRoving(models.length + (allowed ? 1 : 0));
  // Before the next key.
  useLayoutEffect(() => {
    roving.container.current?.querySelector<HTMLElement>('[aria-checked="true"]')?.focus();
  }, []);
  const isPulling = pull?.status === "running";
  return (
    <div
      class="menu"
      role="menu"
      tabIndex={-1}
      aria-label="Model that answers"
      ref={roving.container}
      onKeyDown={(event) => {
        if (event.key === "Escape") onClose();
        else if (event.key !== "Tab") roving.onKeyDown(event);
      }}
    >
      {models.map((model, i) => (
        <button
          key={model.id}
          type="button"
          role="menuitemradio"
          aria-checked={model === chosen}
          data-roving
          tabIndex={roving.tabIndex(i)}
          onFocus={() => roving.onFocus(i)}
          onClick={() => {
            chooseModel(app, model.id);
            onClose();
          }}
        >
          <span class="menu-mark" aria-hidden="true">
            {model === chosen && <Icon name="check" />}
          </span>
          <span class="menu-words">
            <b>{model.rediff.title}</b>
            <small>{kindText(model)}</small>
            <small class="menu-state" data-status={model.rediff.problem == null ? model.rediff.status : "failed"}>
              {stateText(model)}
            </small>
          </span>
        </button>
      ))}
      {allowed && (
        <button
          type="button"
          role="menuitem"
          class="menu-add"
          data-roving
          tabIndex={roving.tabIndex(models.length)}
          onFocus={() => roving.onFocus(models.length)}
          onClick={onAdd}
        >
          <span class="menu-mark" aria-hidden="true">
            <Icon name="plus" />
          </span>
          <span class="menu-words">
            {isPulling ? <b>{`Adding ${pull.model}`}</b> : "Add a model..."}
            {isPulling && <small>{pull.total_bytes ? percent((pull.bytes ?? 0) / pull.total_bytes) : "begun"}</small>}
          </span>
        </button>
      )}
    </div>
  );
}
