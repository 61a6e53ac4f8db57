/** Above everything: what the browser could not keep. */
import { showTab, useApp, useSelect } from "../app/app.js";
import { adviceFor } from "../server/problem.js";
import { Icon } from "../ui/icons.js";

export function KeepingBanner() {
  const app = useApp();
  const problem = useSelect((state) => state.keeping.problem);
  const tab = useSelect((state) => state.tab);
  if (problem === undefined) return null;
  const { title, detail } = adviceFor(problem, undefined);
  return (
    <div class="notice problem" role="alert">
      <Icon name="warning" />
      <div class="notice-text">
        <strong>{title}</strong>
        <p>{detail}</p>
        {tab !== "runs" && (
          <button type="button" class="button small" onClick={() => showTab(app, "runs")}>
            Earlier runs
          </button>
        )}
      </div>
    </div>
  );
}
