import { render } from "preact";
import { AppProvider, connect, createApp, followAddress } from "./app/app.js";
import { Page } from "./app/page.js";
import { restoreSession, startKeeping } from "./keep/keeping.js";
import { followLink } from "./link/link-actions.js";
import { watchModels } from "./models/model-actions.js";
import "./styles/tokens.css";
import "./styles/base.css";
import "./styles/layout.css";
import "./styles/controls.css";
import "./styles/trace.css";
import "./styles/scene.css";
import "./styles/tabs.css";
import "./styles/runs.css";
import "./styles/models.css";
import "./styles/reference.css";

const place = document.getElementById("app");
if (place === null) throw new Error("the page lacks its #app");
const app = createApp();
// Letters of another width would move what is there already; a font that is slow to come is not waited for.
const font = Promise.race([
  document.fonts.load("1em Inter Variable"),
  new Promise((resume) => setTimeout(resume, 300)),
]);
const keepNow = startKeeping(app, await restoreSession(app));
await font.catch(() => undefined);
followLink(app);
window.addEventListener("pagehide", keepNow);
document.addEventListener("visibilitychange", keepNow);
render(
  <AppProvider value={app}>
    <Page />
  </AppProvider>,
  place,
);
window.addEventListener("popstate", () => {
  followLink(app);
  followAddress(app);
});
void connect(app);
watchModels(app);
