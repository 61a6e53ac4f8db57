/** While the server reads a file that this browser cannot show. */
import { useApp, useSelect } from "../app/app.js";
import { stopReading } from "./picture-actions.js";

export function ReadingNote() {
  const app = useApp();
  const name = useSelect((state) => state.picture.waiting);
  if (name === undefined) return null;
  return (
    <div class="notice brief reading" role="status">
      <span class="spinner" aria-hidden="true" />
      <span class="reading-text">
        The server is reading <b>{name}</b>, which this browser cannot show.
      </span>
      <button type="button" class="button small" onClick={() => stopReading(app)}>
        Cancel
      </button>
    </div>
  );
}
