/** The files of deploy/: their form, and that what they name is there. */
import { existsSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { parseAllDocuments, parseDocument } from "yaml";
import { z } from "zod";
import { serveCommand } from "../cli/commands/serve.js";
import { createMetrics } from "./metrics.js";

const root = fileURLToPath(new URL("../../../../", import.meta.url));
const read = (name: string) => readFileSync(`${root}deploy/${name}`, "utf8");
const flags = serveCommand().options.map(({ long }) => long);

/** Metrics that the server has, gauges of an engine included. */
async function metricNames(): Promise<string> {
  const metrics = createMetrics();
  const engine = {
    queued: 0,
    running: 0,
    status: "ready" as const,
    restarts: 0,
    memory: { tensors: 0, bytes: 0, forgotten: 0 },
    kept: { pictures: 0, bytes: 0, found: 0, encoded: 0 },
    cacheBytes: 0,
    keptGraphs: 0,
    replicas: [{ pid: 1, isUp: true, running: 0 }],
  };
  metrics.watch(new Map([["model", engine]]));
  return metrics.registry.metrics();
}

const labels = z.record(z.string(), z.string());
const probe = z.object({ httpGet: z.object({ path: z.string(), port: z.string() }) });
const containerSchema = z.object({
  args: z.array(z.string()),
  ports: z.tuple([z.object({ name: z.string(), containerPort: z.number() })]),
  startupProbe: probe,
  readinessProbe: probe,
  livenessProbe: probe,
});
const deploymentSchema = z.object({
  metadata: z.object({ name: z.string() }),
  spec: z.object({
    selector: z.object({ matchLabels: labels }),
    template: z.object({
      metadata: z.object({ labels }),
      spec: z.object({ terminationGracePeriodSeconds: z.number(), containers: z.tuple([containerSchema]) }),
    }),
  }),
});
const serviceSchema = z.object({
  spec: z.object({ selector: labels, ports: z.tuple([z.object({ targetPort: z.string() })]) }),
});
const budgetSchema = z.object({ spec: z.object({ selector: z.object({ matchLabels: labels }) }) });
const autoscalerSchema = z.object({
  spec: z.object({
    scaleTargetRef: z.object({ name: z.string() }),
    metrics: z.tuple([z.object({ pods: z.object({ metric: z.object({ name: z.string() }) }) })]),
  }),
});

describe("kubernetes.yaml", () => {
  const documents = parseAllDocuments(read("kubernetes.yaml"));
  const objects = documents.map((document) => z.looseObject({ kind: z.string() }).parse(document.toJS()));
  const find = <T>(kind: string, schema: z.ZodType<T>): T => schema.parse(objects.find((one) => one.kind === kind));
  const deployment = find("Deployment", deploymentSchema);
  const service = find("Service", serviceSchema);

  test("parses, each object with its kind and name once", () => {
    for (const document of documents) expect([...document.errors, ...document.warnings]).toEqual([]);
    expect(objects.map(({ kind }) => kind)).toEqual([
      "Deployment",
      "Service",
      "HorizontalPodAutoscaler",
      "PodDisruptionBudget",
    ]);
    const { template, selector } = deployment.spec;
    for (const labels of [
      selector.matchLabels,
      service.spec.selector,
      find("PodDisruptionBudget", budgetSchema).spec.selector.matchLabels,
    ])
      expect(template.metadata.labels).toMatchObject(labels);
  });

  test("probes, ports, arguments and grace fit the server", () => {
    const { containers, terminationGracePeriodSeconds: grace } = deployment.spec.template.spec;
    const [{ args, ports, startupProbe, readinessProbe, livenessProbe }] = containers;
    expect([startupProbe, readinessProbe, livenessProbe].map((probe) => probe.httpGet.path)).toEqual([
      "/ready",
      "/ready",
      "/health",
    ]);
    for (const probe of [startupProbe, readinessProbe, livenessProbe]) expect(probe.httpGet.port).toBe(ports[0].name);
    expect(service.spec.ports[0].targetPort).toBe(ports[0].name);
    expect(args[args.indexOf("--port") + 1]).toBe(String(ports[0].containerPort));
    for (const arg of args.filter((text) => text.startsWith("--"))) expect(flags).toContain(arg);
    expect(grace).toBeGreaterThan(Number(args[args.indexOf("--drain") + 1]));
  });

  test("the autoscaler reads a metric that the server has", async () => {
    const { scaleTargetRef, metrics } = find("HorizontalPodAutoscaler", autoscalerSchema).spec;
    expect(scaleTargetRef.name).toBe(deployment.metadata.name);
    const { name } = metrics[0].pods.metric;
    expect(await metricNames()).toContain(`\n${name} `);
    const adapter = parseDocument(read("prometheus-adapter.yaml"));
    expect(adapter.errors).toEqual([]);
    expect(adapter.toJS().rules.custom[0].name.as).toBe(name);
  });
});

describe("Containerfile", () => {
  const lines = read("Containerfile")
    .replace(/\\\n/g, " ")
    .split("\n")
    .filter((line) => line.trim() !== "" && !line.startsWith("#"));
  const instructions = lines.map((line) => /^([A-Z]+)\s+(.+)$/.exec(line)?.slice(1) as [string, string]);
  const of = (name: string) => instructions.filter(([word]) => word === name).map(([, rest]) => rest);

  test("knows its instructions, stages and files", () => {
    const known = [
      "ARG",
      "FROM",
      "ENV",
      "RUN",
      "WORKDIR",
      "COPY",
      "USER",
      "EXPOSE",
      "HEALTHCHECK",
      "STOPSIGNAL",
      "ENTRYPOINT",
    ];
    for (const [name] of instructions) expect(known).toContain(name);
    const stages = of("FROM").map((rest) => /AS (\w+)$/.exec(rest)?.[1]);
    for (const rest of of("COPY")) {
      const stage = /--from=(\w+)/.exec(rest)?.[1];
      if (stage !== undefined) expect(stages).toContain(stage);
    }
    for (const [, file] of of("RUN")
      .join(" ")
      .matchAll(/node (\S+\.mjs)/g))
      expect(existsSync(root + file)).toBe(true);
  });

  test("starts the server as an ordinary user, by a command that gets its signals", () => {
    const [user] = of("USER");
    expect(user).not.toMatch(/^(root|0)$/);
    const [entry] = of("ENTRYPOINT");
    const [program, script, command, ...args] = JSON.parse(entry!) as string[];
    expect([program, command]).toEqual(["node", "serve"]);
    expect(existsSync(root + script)).toBe(true);
    for (const arg of args.filter((text) => text.startsWith("--"))) expect(flags).toContain(arg);
    for (const rest of of("HEALTHCHECK")) expect(JSON.parse(/CMD (.+)$/.exec(rest)![1]!)).toHaveLength(3);
    expect(of("EXPOSE")).toEqual(["8080"]);
  });
});
