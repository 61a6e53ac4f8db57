/** By which rule a forward pass decides what it writes, and that rule's numbers: names, defaults, and what does not go
 *  together. fill-rules.ts is the rules themselves. */
import { OptionError, option, type Wording, wording } from "../errors.js";

/** - schedule: so many masks a step, the surest first (LLaDA, arXiv 2502.09992)
 *  - threshold: all masks that are sure enough (Fast-dLLM, arXiv 2505.22618)
 *  - factor: the more masks at once, the surer each has to be (the same paper)
 *  - entropy: as many masks as their summed entropy allows (EB-Sampler, arXiv 2505.24857)
 *  - joint: the threshold for masks, and one for replacing what is written, until nothing changes (LLaDA2.1, arXiv 2602.08676) */
export const ruleNames = ["schedule", "threshold", "factor", "entropy", "joint"] as const;
export type RuleName = (typeof ruleNames)[number];

/** The rules' numbers; each counts under its own rule only. */
export interface RuleNumbers {
  threshold?: number | undefined;
  factor?: number | undefined;
  entropyBound?: number | undefined;
  editThreshold?: number | undefined;
  postEditSteps?: number | undefined;
}
export interface RuleOptions extends RuleNumbers {
  rule?: RuleName | undefined;
}

type NumberName = keyof RuleNumbers;
export const ruleNumbers = ["threshold", "factor", "entropyBound", "editThreshold", "postEditSteps"] as const;
/** All that says a rule. */
export const ruleKeys = ["rule", ...ruleNumbers] as const;

/** The numbers of each rule, with the papers' and the other implementations' usual values. */
const usualNumbers: Readonly<Record<RuleName, RuleNumbers>> = {
  schedule: {},
  threshold: { threshold: 0.9 },
  factor: { factor: 1 },
  entropy: { entropyBound: 0.1 },
  joint: { threshold: 0.7, editThreshold: 0.5, postEditSteps: 16 },
};

/** Two words that trade places would do so for as long. */
export const MOST_POST_EDIT_STEPS = 1024;

const ranges: Readonly<Record<NumberName, readonly [low: number, high: number]>> = {
  threshold: [0, 1],
  factor: [0, Number.POSITIVE_INFINITY],
  entropyBound: [0, Number.POSITIVE_INFINITY],
  editThreshold: [0, 1],
  postEditSteps: [0, MOST_POST_EDIT_STEPS],
};

const opt = (name: NumberName | "rule") => option(name);
const has = (rule: RuleName, name: NumberName) => name in usualNumbers[rule];
const given = (options: RuleOptions) => ruleNumbers.filter((name) => options[name] !== undefined);

/** The rule that is asked for: by its name, or by a number that is of one rule, or first of one. Else the schedule.
 *  @throws OptionError when numbers are of different rules, or of another one than the rule's */
export function ruleOf(options: RuleOptions): RuleName {
  const names = given(options);
  const rule = options.rule ?? ruleNames.find((one) => names.every((name) => has(one, name)));
  if (rule === undefined) {
    const [first, ...others] = names as [NumberName, ...NumberName[]];
    const other = others.find((name) => !ruleNames.some((one) => has(one, first) && has(one, name))) ?? first;
    throw new OptionError(
      other,
      wording`${opt(first)} and ${opt(other)} exclude each other`,
      "They are of different rules.",
    );
  }
  const foreign = names.find((name) => !has(rule, name));
  if (foreign === undefined) return rule;
  const owners = ruleNames.filter((one) => has(one, foreign)).join(" or ");
  throw new OptionError(
    foreign,
    wording`${opt("rule")} ${rule} has no ${opt(foreign)}`,
    wording`It is of ${opt("rule")} ${owners}.`,
  );
}

/** How an error calls a rule: by the option that says it. */
function named(rule: RuleName): { name: "threshold" | "rule"; words: Wording } {
  if (rule === "threshold") return { name: "threshold", words: [opt("threshold")] };
  return { name: "rule", words: wording`${opt("rule")} ${rule}` };
}

/** Whether a number of steps decides how many masks each of them fills. */
export const countsSteps = (options: RuleOptions): boolean => {
  const rule = ruleOf(options);
  return rule === "schedule" || (rule === "joint" && options.threshold === undefined);
};

/** @param speed the option that says how many steps there are
 *  @throws OptionError when the rule takes as many as it needs */
export function assertCountsSteps(options: RuleOptions, speed: "steps" | "tokensPerStep"): void {
  if (countsSteps(options)) return;
  const rule = ruleOf(options);
  // Of the joint rule it is the threshold for masks that has no steps.
  const { name, words } = named(rule === "joint" ? "threshold" : rule);
  throw new OptionError(
    name,
    [option(speed), " and ", ...words, " exclude each other"],
    rule === "threshold" || rule === "joint"
      ? "A threshold takes as many steps as it needs."
      : "This rule takes as many steps as it needs.",
  );
}

/** Everything about the rule, nothing left open.
 *  @param isPaced a number of steps is asked for
 *  @throws OptionError when numbers do not fit the rule, or are out of range */
export function completeRule(
  options: RuleOptions,
  isPaced: boolean,
): Record<NumberName, number | undefined> & { rule: RuleName } {
  const rule = ruleOf(options);
  const usual = usualNumbers[rule];
  const value = (name: NumberName): number | undefined => {
    const [low, high] = ranges[name];
    const chosen = options[name] ?? (isPaced && rule === "joint" && name === "threshold" ? undefined : usual[name]);
    if (
      chosen === undefined ||
      (chosen >= low && chosen <= high && (name !== "postEditSteps" || Number.isInteger(chosen)))
    )
      return chosen;
    const kind = name === "postEditSteps" ? "a whole number " : "";
    const range = high === Number.POSITIVE_INFINITY ? `${low} or more` : `${kind}from ${low} to ${high}`;
    throw new OptionError(name, wording`${opt(name)} must be ${range}, got ${chosen}`);
  };
  return {
    rule,
    threshold: value("threshold"),
    factor: value("factor"),
    entropyBound: value("entropyBound"),
    editThreshold: value("editThreshold"),
    postEditSteps: value("postEditSteps"),
  };
}

/** What of the other options a rule depends on; undefined is not given. */
export interface Surroundings {
  remasking?: "low_confidence" | "random" | undefined;
  revise?: boolean | undefined;
  reviseStart?: number | undefined;
  reviseTopk?: number | undefined;
  reviseRest?: boolean | undefined;
}

/** Why a rule does not go with the other options; undefined where it does. */
export function ruleConflict(rule: RuleName, others: Surroundings): OptionError | undefined {
  if (rule === "schedule") return undefined;
  const { name, words } = named(rule);
  const refuse = (why: Wording) => new OptionError(name, [...words, ...why]);
  if (others.remasking === "random")
    return refuse(wording` needs ${option("remasking")} low_confidence: a random confidence says nothing`);
  const isStarted = others.reviseStart !== undefined && others.reviseStart !== 1;
  if (rule !== "joint")
    return isStarted
      ? refuse(wording` and ${option("reviseStart")} exclude each other: the number of steps is not known beforehand`)
      : undefined;
  if (others.revise === false)
    return refuse(wording` revises: without ${option("revise")} it is ${opt("rule")} threshold`);
  const isCut = others.reviseTopk !== undefined && others.reviseTopk !== 0;
  for (const [other, isGiven] of [
    ["reviseStart", isStarted],
    ["reviseTopk", isCut],
  ] as const)
    if (isGiven)
      return refuse(wording` and ${option(other)} exclude each other: ${opt("editThreshold")} says what is rewritten`);
  return others.reviseRest
    ? refuse(wording` and ${option("reviseRest")} exclude each other: ${opt("postEditSteps")} says how long it goes on`)
    : undefined;
}

/** @throws OptionError that says why the original's rules have no other than the schedule, unless it is that */
export function assertOriginalHas(rule: RuleName, why: string | undefined): void {
  if (rule === "schedule" || why === undefined) return;
  const { name, words } = named(rule);
  throw new OptionError(name, [...words, ` ${why}`]);
}

/** What of a model's own rule holds for a request: all where it asks for no rule and no number of steps, and for nothing that
 *  the rule does not go with; the numbers that it leaves open where it asks for the same rule; else nothing. */
export function usualRule(
  own: RuleOptions,
  asked: RuleOptions & Surroundings & { steps?: number | undefined; tokensPerStep?: number | undefined },
): RuleOptions {
  const rule = ruleOf(own);
  const isPaced = asked.steps !== undefined || asked.tokensPerStep !== undefined;
  const isAsked = ruleKeys.some((key) => asked[key] !== undefined);
  if (isAsked ? ruleOf(asked) !== rule : isPaced || ruleConflict(rule, asked) !== undefined) return {};
  const { threshold, ...others } = own;
  return { ...others, rule, ...(threshold !== undefined && !isPaced && { threshold }) };
}

/** Keys of JSON, where it is not the schedule; a threshold has its own. */
export function ruleRecord({ rule, factor, entropyBound, editThreshold, postEditSteps }: RuleOptions) {
  return {
    ...(rule !== undefined && rule !== "schedule" && { rule }),
    ...(factor !== undefined && { factor }),
    ...(entropyBound !== undefined && { entropy_bound: entropyBound }),
    ...(editThreshold !== undefined && { edit_threshold: editThreshold }),
    ...(postEditSteps !== undefined && { post_edit_steps: postEditSteps }),
  };
}
