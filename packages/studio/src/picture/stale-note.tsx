/** Beside a result: that it is of another picture than the one that is chosen now. */
import { useSelect } from "../app/app.js";
import { Icon } from "../ui/icons.js";
import { pictureKey } from "./picture-actions.js";

export function StaleNote({ pictureKey: key, what }: { pictureKey: string | undefined; what: string }) {
  const now = useSelect((state) => pictureKey(state.picture));
  if (key === now) return null;
  return (
    <div class="notice brief stale" role="note">
      <Icon name="info" />
      <span>{what} for another picture than the one that is chosen now.</span>
    </div>
  );
}
