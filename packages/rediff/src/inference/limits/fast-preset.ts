/** `fast`: approximate options that go together, under one name. Which ones, and how they were chosen: docs/speed.md.
 *
 *  It is exactly these options and values. What is asked for beside it may not say otherwise: then it would not be clear
 *  what was on. Whoever wants some of them gives those by name. */
import type { chosenCache } from "../../diffusion/cache/cache-options.js";
import { OptionError, option, type Wording, wording } from "../../errors.js";

/** Of whatever is decoded: keys and values are kept, with a certifying pass at the end. */
const fastCache = { cache: "refresh", refreshEvery: 16, refreshChanged: 0.5 } as const;

/** Where masks are filled: as many at once as are sure enough. */
const fastFilling = { rule: "threshold", threshold: 0.7 } as const;

/** Weights of commands that load a model, where it computes on the CPU and is not rounded already. */
export const FAST_QUANTIZE = "int8";

/** What of a request's options it is about. */
interface Asked {
  fast?: boolean;
  compat?: boolean;
}

type Preset = typeof fastCache & Partial<typeof fastFilling>;

/** With what `fast` stands for, if it is on. @throws OptionError where other options say otherwise */
export function withFast<O extends Asked & { steps?: number; tokensPerStep?: number }>(options: O): O {
  if (!options.fast) return options;
  const preset: Preset = { ...fastCache, ...fastFilling };
  for (const pace of ["steps", "tokensPerStep"] as const)
    if (options[pace] !== undefined)
      throw against(pace, wording`${option("fast")} and ${option(pace)} exclude each other`, preset);
  return together(options, preset);
}

/** The same of refining, which fills nothing. */
export function refineWithFast<O extends Asked>(options: O): O {
  return options.fast ? together(options, fastCache) : options;
}

function together<O extends Asked>(options: O, preset: Preset): O {
  if (options.compat)
    throw new OptionError(
      "fast",
      wording`${option("fast")} and ${option("compat")} exclude each other: it is approximate, and the original is not`,
      wording`Leave ${option("fast")} out.`,
    );
  const own = options as Partial<Record<keyof Preset, unknown>>;
  for (const [name, value] of Object.entries(preset) as [keyof Preset, string | number][])
    if (own[name] !== undefined && own[name] !== value)
      throw against(name, wording`${option("fast")} has ${option(name)} ${value}, not ${String(own[name])}`, preset);
  return { ...options, ...preset };
}

function against(name: string, message: Wording, preset: Preset): OptionError {
  const all = Object.entries(preset).flatMap(([key, value]): Wording => [", ", option(key), ` ${value}`]);
  const hint: Wording = [...wording`In place of ${option("fast")}, give what you want of `, ...all.slice(1)];
  return new OptionError(name, message, hint);
}

/** What of an answer is approximate, by the names of the options.
 *  @param isKept something was taken from a cache */
export function approximations(
  {
    fast,
    quantization,
    decode,
  }: {
    fast?: boolean | undefined;
    quantization?: string | undefined;
    decode: { rule: string; cache: ReturnType<typeof chosenCache> };
  },
  isKept: boolean,
): string[] {
  return [
    ...(fast ? ["fast"] : []),
    ...(quantization === undefined ? [] : [`quantize ${quantization}`]),
    ...(isKept && decode.cache !== undefined ? [`cache ${decode.cache.kind}`] : []),
    ...(decode.rule === "schedule" ? [] : [`rule ${decode.rule}`]),
  ];
}
