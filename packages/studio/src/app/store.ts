/** One value that changes as a whole, and components that read parts of it. */
import { useEffect, useRef, useState } from "preact/hooks";

export interface Store<S> {
  get(): S;
  update(change: (state: S) => S): void;
  /** @returns how to stop */
  subscribe(listener: () => void): () => void;
}

export function createStore<S>(initial: S): Store<S> {
  let state = initial;
  const listeners = new Set<() => void>();
  return {
    get: () => state,
    update(change) {
      const next = change(state);
      if (Object.is(next, state)) return;
      state = next;
      for (const listener of [...listeners]) listener();
    },
    subscribe(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
}

/** Renders again only when the selected part is another: select what is kept, make nothing new. */
export function useStore<S, T>(store: Store<S>, select: (state: S) => T): T {
  const selected = select(store.get());
  const shown = useRef(selected);
  shown.current = selected;
  const chosen = useRef(select);
  chosen.current = select;
  const [, render] = useState(0);
  useEffect(() => {
    const check = () => {
      if (!Object.is(chosen.current(store.get()), shown.current)) render((n) => n + 1);
    };
    check(); // it may have changed between rendering and this
    return store.subscribe(check);
  }, [store]);
  return selected;
}
