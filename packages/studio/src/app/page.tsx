/** The frame: header with tabs, the shared picture at the side, the chosen tab. */
import { useEffect, useState } from "preact/hooks";
import { ChatTab } from "../chat/chat-tab.js";
import { DescribeTab } from "../describe/describe-tab.js";
import { FillTab } from "../fill/fill-tab.js";
import { ModelBanner } from "../models/model-banner.js";
import { ModelMenu } from "../models/model-menu.js";
import { DropZone } from "../picture/drop-zone.js";
import { PicturePanel } from "../picture/picture-panel.js";
import { ProofreadTab } from "../proofread/proofread-tab.js";
import { ApiTab } from "../reference/api-tab.js";
import { KeepingBanner } from "../runs/keeping-banner.js";
import { ReplacedBanner } from "../runs/replaced-banner.js";
import { RunsTab } from "../runs/runs-tab.js";
import { TabList } from "../ui/tabs.js";
import { showTab, useApp, useSelect } from "./app.js";
import type { Tab } from "./app-state.js";
import { ServerBanner } from "./server-banner.js";
import { KeyField, ThemeSwitch } from "./switches.js";

const titles: readonly { id: Tab; text: string; View: () => preact.JSX.Element }[] = [
  { id: "describe", text: "Describe", View: DescribeTab },
  { id: "proofread", text: "Proofread", View: ProofreadTab },
  { id: "fill", text: "Fill", View: FillTab },
  { id: "chat", text: "Chat", View: ChatTab },
  { id: "runs", text: "Runs", View: RunsTab },
];

/** Of these the picture is no part. */
const wide: readonly Tab[] = ["runs", "api"];

export function Page() {
  const app = useApp();
  const tab = useSelect((state) => state.tab);
  const announcement = useSelect((state) => state.announcement);
  const isHidden = useFirstMoments();
  useTheme();
  useEffect(() => {
    document.title = `${titles.find(({ id }) => id === tab)?.text ?? "API"} - rediff studio`;
  }, [tab]);
  return (
    <>
      <a class="skip" href="#main">
        Skip to the content
      </a>
      <header class="header">
        <div class="header-inner">
          <span class="brand">
            <img src="/icon.svg" alt="" width="26" height="26" />
            <span>
              rediff <b>studio</b>
            </span>
          </span>
          <TabList tabs={titles} selected={tab} onSelect={(chosen) => showTab(app, chosen)} />
          <div class="header-side">
            <ModelMenu />
            <KeyField />
            <ThemeSwitch />
          </div>
        </div>
      </header>
      <main id="main" tabIndex={-1}>
        <h1 class="visually-hidden">rediff studio</h1>
        <ServerBanner />
        <ModelBanner />
        <KeepingBanner />
        <ReplacedBanner />
        <div class={`columns${wide.includes(tab) ? " wide" : ""}${isHidden ? " hidden" : ""}`}>
          {!wide.includes(tab) && <PicturePanel />}
          {titles.map(({ id, View }) => (
            <div
              key={id}
              class="panel"
              role="tabpanel"
              id={`panel-${id}`}
              aria-labelledby={`tab-${id}`}
              hidden={id !== tab}
            >
              {id === tab && <View />}
            </div>
          ))}
          {tab === "api" && <ApiTab />}
        </div>
      </main>
      <footer class="foot">
        <a href="#api">API</a>
        <a href="/openapi.json">openapi.json</a>
      </footer>
      <DropZone />
      <div class="visually-hidden" role="status" aria-live="polite">
        {announcement}
      </div>
    </>
  );
}

/** What the page shows depends on the model: nothing, rather than something that jumps, until that is known or long in
 *  coming. */
function useFirstMoments(): boolean {
  const isConnecting = useSelect((state) => state.server === "connecting");
  const [isEarly, setEarly] = useState(true);
  useEffect(() => {
    const timer = setTimeout(() => setEarly(false), PATIENCE_MS);
    return () => clearTimeout(timer);
  }, []);
  return isConnecting && isEarly;
}

const PATIENCE_MS = 3000;

function useTheme() {
  const theme = useSelect((state) => state.theme);
  useEffect(() => {
    if (theme === "system") delete document.documentElement.dataset.theme;
    else document.documentElement.dataset.theme = theme;
  }, [theme]);
}
