/** Starts something that takes a while, and stops it meanwhile. For forms: starting is submitting. */
import { Icon, type IconName } from "./icons.js";

export function RunButton({
  running,
  ready,
  icon,
  text,
  onStop,
}: {
  running: boolean;
  ready: boolean;
  icon?: IconName;
  text: string;
  onStop: () => void;
}) {
  // With keys, two elements: a Stop that becomes a submit button while it is clicked would submit.
  return running ? (
    <button key="stop" type="button" class="button large" onClick={onStop}>
      <Icon name="stop" />
      Stop
    </button>
  ) : (
    <button key="go" type="submit" class="button primary large" disabled={!ready}>
      {icon !== undefined && <Icon name={icon} />}
      {text}
    </button>
  );
}
