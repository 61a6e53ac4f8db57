/** A report in one file: the figures, what speed costs, and pictures with what was said of them. It needs no network and runs no
 *  script; texts of models and data sets are never markup. */
import type { ScoredAnswer } from "../scored-answer.js";
import type { ComparedTask } from "./compare-runs.js";
import { escaped } from "./html-text.js";
import { type Curve, speedChart } from "./report-chart.js";
import { reportStyle } from "./report-style.js";
import type { KeptResult } from "./result-files.js";
import { countsText, shownNumber } from "./result-table.js";

/** Documents shown of a result. */
const SHOWN = 100;

/** @param results of one run, or of several */
export function reportPage(results: readonly KeptResult[], compared: readonly ComparedTask[] = []): string {
  const tasks = [...new Set(results.map(({ task }) => task))];
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; img-src data:; style-src 'unsafe-inline'">
<title>Evaluation: ${escaped(tasks.join(", "))}</title>
<style>
${reportStyle}</style>
</head>
<body>
<h1>Evaluation</h1>
<p class="soft">${escaped([...new Set(results.map(runTitle))].join("; "))}</p>
${tasks
  .map((task) =>
    taskCard(
      task,
      results.filter((result) => result.task === task),
    ),
  )
  .join("\n")}
${compared.map(comparedCard).join("\n")}
</body>
</html>
`;
}

/** What distinguishes runs: model, speed, revising. */
function runTitle(result: KeptResult): string {
  const speed = tokensPerStep(result);
  const pace = speed === undefined ? "" : `, ${Number(speed.toFixed(2))} tokens per step`;
  return `${seriesTitle(result)}${pace}`;
}

const seriesTitle = ({ origin: { model, options }, approximate = [] }: KeptResult): string =>
  [model ?? "given answers", ...(options?.revise === true ? ["revising"] : []), ...approximate].join(", ");

/** As asked for; of a rule that takes as many steps as it needs, what it took. */
function tokensPerStep({ origin: { options }, samples }: KeptResult): number | undefined {
  const isScheduled = options?.rule === undefined;
  const sum = (key: "tokens" | "steps") => samples.reduce((all, sample) => all + (sample[key] ?? 0), 0);
  const [length, steps] = isScheduled
    ? [Number(options?.gen_length), Number(options?.steps)]
    : [sum("tokens"), sum("steps")];
  return length > 0 && steps > 0 ? length / steps : undefined;
}

function taskCard(task: string, results: readonly KeptResult[]): string {
  return `<section class="card">
<h2>${escaped(task)}</h2>
${results.length > 1 ? curves(results) : ""}
${results.map((result) => resultPart(result, results.length > 1)).join("\n")}
</section>`;
}

/** Only where there are several speeds of one model. */
function curves(results: readonly KeptResult[]): string {
  const [{ metric } = { metric: "" }] = results;
  const series = new Map<string, Curve["points"][number][]>();
  for (const result of results) {
    const { scores } = result;
    const [speed, value] = [tokensPerStep(result), scores?.metrics[metric]];
    if (speed === undefined || value === undefined || value === null) continue;
    const error = errorOf(scores, metric);
    const title = seriesTitle(result);
    series.set(title, [...(series.get(title) ?? []), { tokensPerStep: speed, value, error }]);
  }
  const lines = [...series].map(([title, points]): Curve => ({ title, points }));
  if (!lines.some(({ points }) => points.length > 1)) return "";
  return `<h3>${escaped(metric)} by tokens per step</h3>${speedChart(metric, lines)}`;
}

/** Of a mean, or of a figure whose documents were drawn anew. */
const errorOf = (scores: KeptResult["scores"], metric: string): number | undefined =>
  scores?.stderr[metric] ?? scores?.drawnStderr?.[metric] ?? undefined;

function resultPart(result: KeptResult, isOneOfSeveral: boolean): string {
  const { scores, protocol, samples, origin, lowerIsBetter } = result;
  const rows = Object.entries(scores?.metrics ?? {}).map(
    ([metric, value]) =>
      `<tr><td>${escaped(metric)}${lowerIsBetter.includes(metric) ? " (less is better)" : ""}</td><td class="number">${shownNumber(value)}</td><td class="number">${shownNumber(errorOf(scores, metric))}</td></tr>`,
  );
  const table =
    rows.length === 0
      ? '<p class="soft">Not scored here.</p>'
      : `<div class="scroll"><table><tr><th>metric</th><th class="number">value</th><th class="number">stderr</th></tr>${rows.join("")}</table></div>`;
  const facts = [
    `protocol ${protocol}`,
    `data ${origin.data.name} (${origin.data.fingerprint})`,
    scores === undefined ? `${samples.length} answers` : countsText(scores.counts),
    `of ${result.documents} documents`,
  ];
  return `<h3>${escaped(runTitle(result))}</h3>
<p class="soft">${escaped(facts.join(", "))}</p>
${table}
${isOneOfSeveral ? "" : subScores(result)}
${isOneOfSeveral ? "" : sampleCards(result)}`;
}

function subScores({ scores }: KeptResult): string {
  return Object.entries(scores?.subScores ?? {})
    .filter(([, values]) => Object.keys(values).length > 1)
    .map(
      ([facet, values]) =>
        `<div class="scroll"><table><tr><th>${escaped(facet)}</th><th class="number">score</th><th class="number">documents</th></tr>${Object.entries(
          values,
        )
          .map(
            ([value, { score, count }]) =>
              `<tr><td>${escaped(value)}</td><td class="number">${shownNumber(score)}</td><td class="number">${count}</td></tr>`,
          )
          .join("")}</table></div>`,
    )
    .join("\n");
}

function sampleCards({ task, samples, pictures }: KeptResult): string {
  const shown = samples.slice(0, SHOWN);
  const name = escaped(`shown-${task}`);
  const picks = (["all", "right", "wrong"] as const).map(
    (value) =>
      `<label><input type="radio" name="${name}" value="${value}"${value === "all" ? " checked" : ""}>${value === "wrong" ? "not right" : value}</label>`,
  );
  const note =
    samples.length > shown.length ? `<p class="soft">The first ${shown.length} of ${samples.length}.</p>` : "";
  return `<fieldset class="pick" aria-label="Which answers are shown">${picks.join("")}</fieldset>${note}
<div class="samples">${shown.map((sample) => sampleCard(sample, pictures.get(sample.index))).join("\n")}</div>`;
}

function sampleCard(
  { index, prompt, reply, error, scored }: KeptResult["samples"][number],
  url: string | undefined,
): string {
  const { kind, text } = verdict(scored, error);
  const image =
    url === undefined ? '<p class="soft">(no picture)</p>' : `<img alt="" loading="lazy" src="${escaped(url)}">`;
  return `<article class="sample ${kind}">
<p class="soft">document ${index}</p>${image}
<pre>${escaped(prompt)}</pre>
<p>${reply === null ? `<span class="said-wrong">${escaped(error ?? "no answer")}</span>` : saidText(reply, scored)}</p>
${missingText(scored)}<p class="verdict">${escaped(text)}</p>
${scored === undefined || scored.target === "" ? "" : `<p class="soft">truth: ${escaped(scored.target)}</p>`}
</article>`;
}

function verdict(scored: ScoredAnswer | undefined, error: string | undefined): { kind: string; text: string } {
  if (error !== undefined) return { kind: "failed", text: "failed, counted as wrong" };
  if (scored === undefined) return { kind: "partly", text: "not scored" };
  const { exact } = scored.scores;
  const score = exact ?? Object.values(scored.scores)[0];
  const listed = Object.entries(scored.scores).map(([metric, value]) => `${metric} ${Number(value.toFixed(3))}`);
  const marks = scored.marks.length > 0 ? ` (${scored.marks.join(", ")})` : "";
  const kind = score === undefined ? "partly" : score >= 1 ? "right" : score <= 0 ? "wrong" : "partly";
  return { kind, text: `${kind === "partly" ? "" : `${kind}: `}${listed.join(", ")}${marks}` };
}

/** Where a task says which words are right, they are shown so; elsewhere the answer is as it came. */
function saidText(reply: string, scored: ScoredAnswer | undefined): string {
  const words = scored?.details?.words;
  const said = typeof scored?.parsed === "string" ? scored.parsed : reply;
  if (!Array.isArray(words)) return escaped(reply);
  let html = "";
  let at = 0;
  for (const [start, end, right] of words as [number, number, boolean][]) {
    html += `${escaped(said.slice(at, start))}<span class="${right ? "said-right" : "said-wrong"}">${escaped(said.slice(start, end))}</span>`;
    at = end;
  }
  return html + escaped(said.slice(at));
}

function missingText(scored: ScoredAnswer | undefined): string {
  const missing = scored?.details?.missing;
  if (!Array.isArray(missing) || missing.length === 0) return "";
  return `<p class="soft">not said: ${escaped(missing.join(", "))}</p>\n`;
}

function comparedCard({ task, metrics, documents, better, worse, different }: ComparedTask): string {
  const rows = metrics.map(
    ({ metric, first, second, difference, interval }) =>
      `<tr><td>${escaped(metric)}</td><td class="number">${shownNumber(first)}</td><td class="number">${shownNumber(second)}</td><td class="number">${shownNumber(difference)}</td><td class="number">${interval === null ? "-" : `${shownNumber(interval[0])} to ${shownNumber(interval[1])}`}</td></tr>`,
  );
  const samples = different.slice(0, SHOWN).map(
    ({ index, prompt, target, replies, scores }) => `<article class="sample">
<p class="soft">document ${index}</p><pre>${escaped(prompt)}</pre>
<p>first: ${escaped(replies[0] ?? "no answer")} <span class="soft">(${shownNumber(scores[0])})</span></p>
<p>second: ${escaped(replies[1] ?? "no answer")} <span class="soft">(${shownNumber(scores[1])})</span></p>
<p class="soft">truth: ${escaped(target)}</p></article>`,
  );
  return `<section class="card"><h2>${escaped(task)}: the second run against the first</h2>
<p class="soft">${documents} documents of both; the second is better in ${better}, worse in ${worse}</p>
<div class="scroll"><table><tr><th>metric</th><th class="number">first</th><th class="number">second</th><th class="number">difference</th><th class="number">95 %</th></tr>${rows.join("")}</table></div>
<div class="samples">${samples.join("\n")}</div></section>`;
}
