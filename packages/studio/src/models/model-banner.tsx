/** Above everything: the chosen model is not served, or one that was asked is being loaded, or could not be. */
import { useApp, useSelect } from "../app/app.js";
import { Icon } from "../ui/icons.js";
import { answering, missing, waitedFor } from "./answering.js";
import { chooseModel } from "./model-actions.js";

export function ModelBanner() {
  const isReady = useSelect((state) => state.server === "ready");
  if (!isReady) return null;
  return (
    <>
      <Missing />
      <BeingLoaded />
      <NotLoaded />
    </>
  );
}

function Missing() {
  const app = useApp();
  const gone = useSelect(missing);
  const title = useSelect((state) => answering(state)?.rediff.title);
  if (gone === undefined || title === undefined) return null;
  return (
    <div class="notice brief" role="status">
      <Icon name="warning" />
      <span class="reading-text">
        {gone}, which was chosen, is not served here. {title} answers until another is chosen.
      </span>
      <button type="button" class="button small" onClick={() => chooseModel(app, undefined)}>
        {`Go on with ${title}`}
      </button>
    </div>
  );
}

function BeingLoaded() {
  const models = useSelect((state) => state.models);
  // As text: useSelect compares what it gets.
  const asked = useSelect((state) => JSON.stringify([...waitedFor(state)]));
  const loading = models.filter(({ id, rediff }) => rediff.status === "loading" && asked.includes(JSON.stringify(id)));
  if (loading.length === 0) return null;
  return (
    <div class="notice brief" role="status">
      <span class="spinner" aria-hidden="true" />
      <span class="reading-text">
        {loading.map(({ rediff }) => rediff.title).join(" and ")}
        {loading.length > 1 ? " are" : " is"} being loaded, and answers after that.
        <span aria-hidden="true">{secondsText(loading.map(({ rediff }) => rediff.loading_seconds ?? 0))}</span>
      </span>
    </div>
  );
}

const secondsText = (seconds: readonly number[]): string => {
  const longest = Math.round(Math.max(...seconds));
  return longest > 0 ? ` ${longest} s` : "";
};

function NotLoaded() {
  const model = useSelect(answering);
  if (model?.rediff.problem == null || model.rediff.status === "loading") return null;
  return (
    <div class="notice problem brief" role="status">
      <Icon name="warning" />
      <span class="reading-text">
        {model.rediff.title} could not be loaded: {model.rediff.problem}
      </span>
    </div>
  );
}
