/** An address that brings others to this scene and these settings. */
import { useSelect } from "../app/app.js";
import { CopyButton } from "../ui/copy.js";
import { linkTo } from "./link-actions.js";

export function ShareLink() {
  const state = useSelect((whole) => whole);
  const link = linkTo(state, location.href.replace(/#.*$/, ""));
  const carries =
    state.picture.source === "scene"
      ? "A link carries the scene and the settings."
      : "A link carries the settings; a file's picture does not fit into it.";
  return (
    <div class="row between share">
      <span class="note">{link === undefined ? "The text is too long for a link." : carries}</span>
      {link !== undefined && <CopyButton text={link} label="Copy a link" />}
    </div>
  );
}
