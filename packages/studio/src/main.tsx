import { render } from "preact";
import { AppProvider, connect, createApp, showTab, tabOf } from "./app/app.js";
import { Page } from "./app/page.js";
import "./styles/tokens.css";
import "./styles/base.css";
import "./styles/layout.css";
import "./styles/controls.css";
import "./styles/trace.css";
import "./styles/scene.css";
import "./styles/tabs.css";

const place = document.getElementById("app");
if (place === null) throw new Error("the page lacks its #app");
const app = createApp();
render(
  <AppProvider value={app}>
    <Page />
  </AppProvider>,
  place,
);
window.addEventListener("hashchange", () => showTab(app, tabOf(location.hash)));
void connect(app);
