/** Words that the model cannot read: it has left them as they are. */
export function Unread({ text }: { text: string }) {
  return (
    <span class="unread" title="The model cannot read this and has left it as it is.">
      {text}
    </span>
  );
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
