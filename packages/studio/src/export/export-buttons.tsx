/** Saves a comparison: as the trace that the page and the command line read, as a page that plays by itself, as a GIF. */
import { useState } from "preact/hooks";
import { announce, patch, useApp, useSelect } from "../app/app.js";
import { comparisonText } from "../describe/describe-actions.js";
import { type Comparison, isRunning, runKinds } from "../describe/describe-state.js";
import { savedOf } from "../describe/saved-comparison.js";
import { Problem } from "../server/problem.js";
import { download } from "../ui/download.js";
import { Icon } from "../ui/icons.js";
import { playedFile } from "./played-file.js";

export function ExportButtons({ comparison }: { comparison: Comparison }) {
  const app = useApp();
  const speed = useSelect((state) => state.describe.player.speed);
  const [busy, setBusy] = useState<string>();
  const empty = runKinds.every((kind) => (comparison.runs[kind].trace?.steps.length ?? 0) === 0);
  const name = `rediff-${comparison.created.slice(0, 19).replaceAll(":", "-") || "trace"}`;
  const unmade = isRunning(comparison) || empty || busy !== undefined;
  /** What makes files is fetched when it is wanted, and may not come. */
  const save = (suffix: string, make: () => Promise<Blob>) => async () => {
    setBusy(suffix);
    try {
      download(`${name}.${suffix}`, await make());
      announce(app, `${name}.${suffix} is saved.`);
    } catch (thrown) {
      const why = thrown instanceof Error ? thrown.message : String(thrown);
      patch(app, "describe", { problem: new Problem("failed", `The file cannot be made: ${why}`) });
    } finally {
      setBusy(undefined);
    }
  };
  const saveTrace = save("json", async () => new Blob([comparisonText(comparison)], { type: "application/json" }));
  const saveHtml = save("html", async () => {
    const [{ htmlFile }, { player }] = await Promise.all([import("./html-file.js"), import("virtual:player")]);
    return new Blob([htmlFile(playedFile(savedOf(comparison)), player)], { type: "text/html" });
  });
  const saveGif = save("gif", async () => {
    const { gifFile } = await import("./gif-file.js");
    return await gifFile(playedFile(savedOf(comparison)), speed, (done, all) => {
      setBusy(done === all ? "gif" : `gif ${Math.round((100 * done) / all)} %`);
    });
  });
  return (
    <>
      <button type="button" class="button" disabled={unmade} onClick={() => void saveGif()}>
        <Icon name="download" />
        {busy?.startsWith("gif") ? `GIF${busy.slice(3)}` : "Save as GIF"}
      </button>
      <button type="button" class="button" disabled={unmade} onClick={() => void saveHtml()}>
        <Icon name="download" />
        Save as a page
      </button>
      <button type="button" class="button" disabled={empty} onClick={() => void saveTrace()}>
        <Icon name="download" />
        Save trace
      </button>
    </>
  );
}
