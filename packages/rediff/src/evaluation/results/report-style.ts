/** How the report looks: the studio's colours and sizes (packages/studio/src/styles/tokens.css), in one sheet without a network. */

export const tokens: Readonly<Record<string, string>> = {
  "--text-s": "0.8125rem",
  "--text-m": "0.9375rem",
  "--text-l": "1.125rem",
  "--space-1": "0.25rem",
  "--space-2": "0.5rem",
  "--space-3": "0.75rem",
  "--space-4": "1rem",
  "--space-5": "1.5rem",
  "--space-6": "2rem",
  "--radius-s": "6px",
  "--radius": "10px",
  "--radius-l": "16px",
  "--page": "light-dark(#f5f5f2, #121417)",
  "--surface": "light-dark(#ffffff, #1a1d21)",
  "--sunken": "light-dark(#f3f3ef, #14171a)",
  "--line": "light-dark(#e3e3dd, #2d3238)",
  "--ink": "light-dark(#1d2026, #eceef1)",
  "--ink-soft": "light-dark(#585d66, #a4abb5)",
  "--accent": "light-dark(#2f4fc4, #93abff)",
  "--accent-soft": "light-dark(#e9edfb, #242c4a)",
  "--fill": "light-dark(#3f74e0, #5c8df5)",
  "--revise": "light-dark(#f08a24, #e58a35)",
  "--good": "light-dark(#17724a, #63c996)",
  "--bad": "light-dark(#b3261e, #ff9d94)",
  "--bad-soft": "light-dark(#fcefed, #33201f)",
  "--focus": "light-dark(#2f4fc4, #93abff)",
};

export const reportStyle = `:root {
  color-scheme: light dark;
  --font: "Inter Variable", ui-sans-serif, system-ui, sans-serif;
  --mono: ui-monospace, "SFMono-Regular", Menlo, Consolas, monospace;
${Object.entries(tokens)
  .map(([name, value]) => `  ${name}: ${value};`)
  .join("\n")}
}
*, *::before, *::after { box-sizing: border-box; }
html { background: var(--page); color: var(--ink); font: 400 var(--text-m) / 1.5 var(--font); }
body { margin: 0 auto; max-width: 72rem; padding: var(--space-5) var(--space-4) var(--space-6); }
h1, h2, h3, p, dl, dd, ol, ul, figure { margin: 0; padding: 0; }
h1 { font-size: var(--text-l); font-weight: 620; }
h2 { font-size: var(--text-l); font-weight: 620; overflow-wrap: anywhere; }
h3 { font-size: var(--text-m); font-weight: 600; margin-top: var(--space-4); }
ul, ol { list-style: none; }
.soft { color: var(--ink-soft); font-size: var(--text-s); }
.card { margin-top: var(--space-5); padding: var(--space-5); border: 1px solid var(--line); border-radius: var(--radius-l); background: var(--surface); }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; margin-top: var(--space-3); font-variant-numeric: tabular-nums; }
th, td { padding: var(--space-1) var(--space-4) var(--space-1) 0; text-align: left; border-bottom: 1px solid var(--line); }
th { font-weight: 560; color: var(--ink-soft); font-size: var(--text-s); }
td.number, th.number { text-align: right; }
.pick { display: flex; flex-wrap: wrap; gap: var(--space-2); margin-top: var(--space-4); border: 0; padding: 0; }
.pick label { padding: var(--space-1) var(--space-3); border: 1px solid var(--line); border-radius: var(--radius); cursor: pointer; font-size: var(--text-s); }
.pick label:has(:checked) { background: var(--accent-soft); color: var(--accent); border-color: var(--accent); }
.pick input { position: absolute; opacity: 0; }
.pick label:has(:focus-visible) { outline: 2px solid var(--focus); outline-offset: 2px; }
.samples { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(20rem, 100%), 1fr)); gap: var(--space-4); margin-top: var(--space-4); }
.sample { display: flex; flex-direction: column; gap: var(--space-2); padding: var(--space-3); border: 1px solid var(--line); border-radius: var(--radius); background: var(--sunken); overflow-wrap: anywhere; }
.sample img { display: block; max-width: 100%; max-height: 12rem; object-fit: contain; border-radius: var(--radius-s); }
.sample pre { margin: 0; white-space: pre-wrap; font: var(--text-s) / 1.45 var(--mono); color: var(--ink-soft); max-height: 9rem; overflow-y: auto; }
.verdict { font-size: var(--text-s); font-weight: 600; }
.right .verdict, .said-right { color: var(--good); }
.wrong .verdict, .failed .verdict, .said-wrong { color: var(--bad); }
.said-right { text-decoration: underline solid 1px; text-underline-offset: 3px; }
.said-wrong { text-decoration: underline wavy 1px; text-underline-offset: 3px; background: var(--bad-soft); }
.partly .verdict { color: var(--ink-soft); }
.card:has(input[value="wrong"]:checked) .sample.right, .card:has(input[value="right"]:checked) .sample:not(.right) { display: none; }
svg { display: block; max-width: 100%; height: auto; margin-top: var(--space-4); }
svg text { fill: var(--ink-soft); font: 13px var(--font); }
@media print { .pick { display: none; } }
`;
