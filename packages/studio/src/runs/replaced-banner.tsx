/** Something was opened in the place of what was there: which can be had back. */
import { useApp, useSelect } from "../app/app.js";
import { Icon } from "../ui/icons.js";
import { takeBack } from "./runs-actions.js";

export function ReplacedBanner() {
  const app = useApp();
  const replaced = useSelect((state) => state.replaced);
  if (replaced === undefined) return null;
  return (
    <div class="notice brief" role="status">
      <Icon name="info" />
      <span>{replaced.by}</span>
      <span class="row tight notice-side">
        {replaced.session !== undefined && (
          <button type="button" class="button small" onClick={() => takeBack(app)}>
            Back to what was there
          </button>
        )}
        <button
          type="button"
          class="button icon-only quiet"
          aria-label="Close this note"
          title="Close this note"
          onClick={() => app.store.update((state) => ({ ...state, replaced: undefined }))}
        >
          <Icon name="cross" />
        </button>
      </span>
    </div>
  );
}
