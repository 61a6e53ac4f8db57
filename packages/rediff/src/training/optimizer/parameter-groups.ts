/** Which of a model's parameters have which learning rate and weight decay. */
import type { optim } from "@rediff/torch";
import type { Parameter, ParameterPart } from "../backward/parameters.js";

export interface GroupOptions {
  learningRates: Readonly<Record<ParameterPart, number>>;
  weightDecay: number;
}

/** By part, and in each part those that decay before those that do not. Parts without parameters are left out. */
export function parameterGroups(parameters: readonly Parameter[], options: GroupOptions): optim.ParameterGroup[] {
  const groups: optim.ParameterGroup[] = [];
  for (const part of ["language", "projector", "vision"] as const)
    for (const decays of [true, false]) {
      const members = parameters.filter((parameter) => parameter.part === part && parameter.decays === decays);
      if (members.length === 0) continue;
      groups.push({
        name: decays ? part : `${part} (no decay)`,
        parameters: members,
        learningRate: options.learningRates[part],
        weightDecay: decays ? options.weightDecay : 0,
      });
    }
  return groups;
}
