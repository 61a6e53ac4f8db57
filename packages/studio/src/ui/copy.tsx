import { useEffect, useState } from "preact/hooks";
import { announce, useApp } from "../app/app.js";
import { Icon } from "./icons.js";

export function CopyButton({ text, label, small = false }: { text: string; label: string; small?: boolean }) {
  const app = useApp();
  const [copied, setCopied] = useState(false);
  useEffect(() => {
    if (!copied) return;
    const timer = setTimeout(() => setCopied(false), 1600);
    return () => clearTimeout(timer);
  }, [copied]);
  const copy = async () => {
    const done = await copyText(text);
    setCopied(done);
    announce(app, done ? "Copied." : "The browser did not allow copying: select the text and copy it.");
  };
  return (
    <button
      type="button"
      class={small ? "button icon-only quiet" : "button"}
      onClick={copy}
      aria-label={small ? label : undefined}
      title={small ? label : undefined}
    >
      <Icon name={copied ? "check" : "copy"} />
      {!small && (copied ? "Copied" : label)}
    </button>
  );
}

/** The clipboard needs https or localhost; elsewhere a selection is copied the old way. */
async function copyText(text: string): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    const area = document.createElement("textarea");
    area.value = text;
    document.body.append(area);
    area.select();
    const done = document.execCommand("copy");
    area.remove();
    return done;
  }
}
