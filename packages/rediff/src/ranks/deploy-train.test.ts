/** What deploy/ says to schedulers is what processes read. */
import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { parse } from "yaml";
import { placeOf } from "./place.js";

const read = (name: string): string => readFileSync(new URL(`../../../../deploy/${name}`, import.meta.url), "utf8");

test("train-jobset.yaml: as many ranks as pods, which meet at the pod with index 0", () => {
  const jobSet = parse(read("train-jobset.yaml"));
  const [job] = jobSet.spec.replicatedJobs;
  const { parallelism, completions, completionMode, template } = job.template.spec;
  expect([completionMode, completions]).toEqual(["Indexed", parallelism]);
  const [container] = template.spec.containers;
  const variables = (container.env as { name: string; value: string }[]).map(({ name, value }) => [name, value]);
  for (let index = 0; index < parallelism; index++)
    expect(placeOf({ ...Object.fromEntries(variables), JOB_COMPLETION_INDEX: String(index) })).toEqual({
      ...{ rank: index, size: parallelism, localRank: 0, port: 29_500, prefix: "", launcher: "kubernetes" },
      host: `${jobSet.metadata.name}-${job.name}-0-0.${jobSet.metadata.name}`,
      keepsStore: index === 0,
    });
  expect(container.args).toContain("sharding=optimizer");
});

test("train.sbatch: tasks are started by srun, and a job that was told to end goes into the queue again", () => {
  const script = read("train.sbatch");
  const settings = Object.fromEntries(
    [...script.matchAll(/^#SBATCH --([\w-]+)(?:=(.*))?$/gm)].map(([, key, value]) => [key, value]),
  );
  expect(Number(settings["ntasks-per-node"])).toBe(Number(settings["gpus-per-node"]));
  expect(settings.signal).toMatch(/^TERM@\d+$/);
  expect(script).toMatch(/^srun .*npx rediff train "\$@"$/m);
  expect(script).toMatch(/-eq 143 \]; then\n {2}scontrol requeue/);
  const size = Number(settings.nodes) * Number(settings["ntasks-per-node"]);
  const last = { SLURM_PROCID: String(size - 1), SLURM_NTASKS: String(size), SLURM_NODELIST: "gpu[01-02]" };
  expect(placeOf(last)).toMatchObject({ rank: size - 1, size, host: "gpu01" });
});
