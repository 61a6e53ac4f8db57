/** Tabs as the ARIA practices have them: one stop of the tab key, arrows move and choose. */
import { useRef } from "preact/hooks";

export function TabList<T extends string>({
  tabs,
  selected,
  onSelect,
}: {
  tabs: readonly { id: T; text: string }[];
  selected: T;
  onSelect: (tab: T) => void;
}) {
  // Of a page that is none of the tabs the first is the stop.
  const stop = tabs.find(({ id }) => id === selected)?.id ?? tabs[0]?.id;
  const list = useRef<HTMLDivElement>(null);
  const onKeyDown = (event: KeyboardEvent) => {
    const from = tabs.findIndex(({ id }) => id === selected);
    const to = { ArrowLeft: from - 1, ArrowRight: from + 1, Home: 0, End: tabs.length - 1 }[event.key];
    if (to === undefined) return;
    const next = tabs[(to + tabs.length) % tabs.length];
    if (next === undefined) return;
    event.preventDefault();
    onSelect(next.id);
    list.current?.querySelector<HTMLElement>(`#tab-${next.id}`)?.focus();
  };
  return (
    <div class="tabs" role="tablist" aria-label="What to do" ref={list} onKeyDown={onKeyDown}>
      {tabs.map(({ id, text }) => (
        <button
          key={id}
          type="button"
          role="tab"
          id={`tab-${id}`}
          aria-selected={id === selected}
          aria-controls={`panel-${id}`}
          tabIndex={id === stop ? 0 : -1}
          onClick={() => onSelect(id)}
        >
          {text}
        </button>
      ))}
    </div>
  );
}
