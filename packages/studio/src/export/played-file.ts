/** What an exported animation has: of a comparison, or of any runs beside each other. */
import type { SavedComparison } from "../trace/file.js";
import type { Trace } from "../trace/trace.js";

export interface PlayedFile {
  created: string;
  prompt: string;
  settings: Readonly<Record<string, string | number | boolean>>;
  picture: { name: string; url: string } | undefined;
  runs: { title: string; note: string; trace: Trace }[];
}

/** Runs without a step are left out. */
export function playedFile({ created, prompt, settings, picture, sides, runs }: SavedComparison): PlayedFile {
  const kinds = ["plain", "revising"] as const;
  return {
    ...{ created, prompt, settings, picture },
    runs: kinds.flatMap((kind) => {
      const trace = runs[kind];
      if (trace === undefined || trace.steps.length === 0) return [];
      const { title = kind, note = "" } = sides?.[kind] ?? {};
      return [{ title, note, trace }];
    }),
  };
}
