/** Words that the model cannot read. In a draft or a template it has left them as they are. */

export function Unread({ text, title = "The model cannot read this and has left it as it is." }: UnreadProps) {
  return (
    <span class="unread" title={title}>
      {text}
    </span>
  );
}

interface UnreadProps {
  text: string;
  title?: string;
}

export function UnreadLegend() {
  return (
    <ul class="legend" aria-label="Legend of unread words">
      <li>
        <span class="unread">words</span> the model cannot read these and has left them as they are
      </li>
    </ul>
  );
}

const NAMED = 6;

/** Of a question. @param words each once */
export function unreadNote(words: readonly string[]): string {
  const named = words.slice(0, NAMED).map((word) => `"${word}"`);
  const more = words.length > NAMED ? ` and ${words.length - NAMED} more` : "";
  return `The model cannot read ${named.join(", ")}${more}.`;
}
