/** A comparison as one HTML file that plays by itself, from a disk, without a network. */
import type { PlayedFile } from "./played-file.js";

/** Of the page: its script and style sheet, with their SHA-256 in base64. */
export interface PlayerParts {
  script: string;
  scriptHash: string;
  style: string;
  styleHash: string;
}

const SPEEDS = [1, 2, 4, 8, 16, 32];

/** Nothing runs in it but the player's own script, whatever the texts are: each is escaped, and the policy knows the script by
 *  its hash. */
export function htmlFile(file: PlayedFile, { script, scriptHash, style, styleHash }: PlayerParts): string {
  const { prompt, picture, created, settings, runs } = file;
  const policy = [
    "default-src 'none'",
    `script-src 'sha256-${scriptHash}'`,
    `style-src 'sha256-${styleHash}'`,
    "img-src data:",
    "base-uri 'none'",
    "form-action 'none'",
  ].join("; ");
  const asked = Object.entries(settings).map(([name, value]) => `${name} ${value}`);
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${escaped(policy)}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escaped(prompt)} - rediff</title>
<style>${style}</style>
</head>
<body>
<header>
${picture === undefined ? "" : `<img src="${escaped(picture.url)}" alt="${escaped(picture.name)}">`}
<div>
<h1>${escaped(prompt)}</h1>
<p class="soft">${escaped([created.slice(0, 16).replace("T", " "), ...asked].join(", "))}</p>
</div>
</header>
<div class="player">
<button type="button" id="play">Play</button>
<input type="range" id="step" min="0" max="1" value="1" aria-label="Step">
<span id="at"></span>
<select id="speed" aria-label="Steps per second">
${SPEEDS.map((speed) => `<option value="${speed}"${speed === 8 ? " selected" : ""}>${speed}/s</option>`).join("\n")}
</select>
</div>
<main>
${runs.map(sectionOf).join("\n")}
</main>
<noscript><p>This page shows the answers as they are at the end; with JavaScript it plays how they came about.</p></noscript>
<script type="application/json" id="data">${JSON.stringify(file).replaceAll("<", "\\u003c")}</script>
<script>${script}</script>
</body>
</html>
`;
}

function sectionOf({ title, note, trace }: PlayedFile["runs"][number], i: number): string {
  const text = escaped(trace.end?.text ?? "");
  return `<section aria-label="${escaped(title)}">
<h2>${escaped(title)}</h2>
<p class="soft">${escaped(note)}</p>
<div class="canvas" id="canvas-${i}" aria-hidden="true">${text}</div>
<p class="text" id="text-${i}">${text}</p>
<p class="soft" id="figures-${i}"></p>
</section>`;
}

function escaped(text: string): string {
  const names: Readonly<Record<string, string>> = {
    "&": "&amp;",
    "<": "&lt;",
    ">": "&gt;",
    '"': "&quot;",
    "'": "&#39;",
  };
  return text.replace(/[&<>"']/g, (sign) => names[sign] ?? sign);
}
