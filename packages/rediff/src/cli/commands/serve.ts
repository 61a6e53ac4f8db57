/** `rediff serve`: the OpenAI API and the studio on a port. */
import { isIP } from "node:net";
import { availableParallelism } from "node:os";
import { basename, resolve } from "node:path";
import { Command, InvalidArgumentError } from "commander";
import { embeddedBaselineFolder } from "../../embedded.js";
import { UserError } from "../../errors.js";
import { pulledModels } from "../../hub/pulled-models.js";
import { isLoopback } from "../../serving/http/allowed-hosts.js";
import type { RediffServer, ServerOptions } from "../../serving/server.js";
import { collectWhenIdle } from "../../threads/idle-garbage.js";
import { statusOfSignal } from "../exit-status.js";
import { addModelOptions, chosenModel, loadOptions, type ModelFlags } from "../options/describe-options.js";
import { needTorch } from "../options/load-engine.js";
import { collect, seconds, whole } from "../options/parse-values.js";
import { serveCommandLine } from "../options/typed-command.js";
import { answerLine, noteLine } from "../terminal/lines.js";

interface Flags extends Omit<ModelFlags, "model"> {
  /** The first answers requests that name none. */
  model?: string[];
  modelsMemory?: number;
  unloadAfter?: number;
  host: string;
  port: number;
  name?: string;
  also?: string[];
  revises?: boolean;
  genLength?: number;
  maxAnswer?: number;
  batch: number;
  replicas: number;
  keepPictures?: number;
  cacheMemory?: number;
  requestMemory?: number;
  fast?: true;
  queue: number;
  apiKey?: string[];
  allowHost?: string[];
  corsOrigin?: string[];
  bodyLimit: number;
  bodiesLimit?: number;
  maxPixels: number;
  maxPictures: number;
  requestPixels?: number;
  pictureTimeout: number;
  videoTimeout: number;
  allowUrls?: true;
  allowPull?: boolean;
  maxConnections?: number;
  requestTimeout: number;
  writeTimeout: number;
  drain: number;
  heartbeatTimeout: number;
  stepTimeout: number;
  accessLog?: true;
}

const HELP = `
POST /v1/chat/completions takes what OpenAI's takes, pictures as data: URLs, and diffusion's own fields (steps,
tokens_per_step, block_length, revise, ...). /v1/refine repairs a text, /v1/fill fills in blanks. docs/serving.md has all.

Examples:
  $ rediff serve
  $ rediff serve --model ReDiff-8B --device cuda --host 0.0.0.0 --api-key SECRET
  $ rediff serve --model ReDiff-8B --device cuda --replicas 4
  $ rediff serve --model ReDiff-8B --model small=models/small      # "model" of a request chooses
  $ rediff serve --model ReDiff-8B --also LLaDA-V-8B --models-memory 40000 --unload-after 600
  $ curl http://127.0.0.1:8080/v1/models
`;

export function serveCommand(): Command {
  const command = new Command("serve").description("answer OpenAI's API, and show the studio in a browser");
  takeSeveralModels(addModelOptions(command))
    .option("--host <ADDRESS>", "address to listen on; 0.0.0.0 for all", "127.0.0.1")
    .option("--port <N>", "0 takes a free one", port, 8080)
    .option("--name <ID>", "the model's id in the API (default its folder's name or hub id)", filled)
    .option(
      "--also <[ID=]DIR|HUB_ID>",
      "another model, for requests that name it; loaded when one does; may be given again",
      collect,
    )
    .option(
      "--models-memory <MIB>",
      "for all models together: one that is asked for and has no room takes that of the one which was asked the longest ago (default what is free)",
      whole(1),
    )
    .option(
      "--unload-after <SECONDS>",
      "end a model's process when nobody has asked it for so long; the next request loads it again (default never)",
      seconds(0.1),
    )
    .option("--revises", "say that the model was trained to refine (default: as its name has it)")
    .option("--no-revises", "say that it was not")
    .option("--gen-length <N>", "tokens of an answer when a request does not say", whole(1))
    .option("--max-answer <N>", "tokens of the longest answer; who asks for more is given so many, and told", whole(1))
    .option("--batch <N>", "requests decoded together", whole(1), 8)
    .option(
      "--replicas <N>",
      "processes that hold the model of --model, each with a batch, caches and kept pictures of its own; with --device cuda each takes the GPU of its number",
      whole(1),
      1,
    )
    .option(
      "--keep-pictures <MIB>",
      "memory for what was seen in the last pictures: the next question about one takes less time, and is answered as it would be; 0 for none (default 256)",
      whole(0),
    )
    .option(
      "--cache-memory <MIB>",
      "for what requests keep of earlier passes (their cache); beyond, they are decoded without (default half of what is free)",
      whole(0),
    )
    .option(
      "--request-memory <MIB>",
      "for all requests under way beside the model, caches included: fewer are decoded together rather than more, and what does not fit alone is refused (default what is free)",
      whole(1),
    )
    .option(
      "--fast",
      "requests that ask for no speed or cache of their own are answered as with `fast` (docs/speed.md)",
    )
    .option("--queue <N>", "requests that may wait; beyond, 429", whole(0), 64)
    .option("--api-key <KEY>", "let in only who has it, may be given again (or REDIFF_API_KEY)", keys)
    .option("--allow-host <NAME>", "answer under this name, too (without keys: loopback names only)", hosts)
    .option("--cors-origin <ORIGIN>", "pages from there may use the API, may be given again; * for all", origins)
    .option("--body-limit <BYTES>", "largest request", whole(1024), 16 << 20)
    .option(
      "--bodies-limit <BYTES>",
      "all requests under way together; beyond, 503 (default 16 x --body-limit)",
      whole(1024),
    )
    .option("--max-pixels <N>", "largest picture; a phone's may have 49 million", whole(1), 50_000_000)
    .option("--max-pictures <N>", "pictures of one request", whole(1), 16)
    .option(
      "--request-pixels <N>",
      "all pictures of one request together, and the frames taken of its videos (default 6 x --max-pixels)",
      whole(1),
    )
    .option("--picture-timeout <SECONDS>", "work on one picture, without what it waits", seconds(0.1), 30)
    .option("--video-timeout <SECONDS>", "work on one video, without what it waits", seconds(0.1), 60)
    .option("--allow-urls", "fetch http(s) pictures; only from public addresses")
    .option(
      "--allow-pull",
      "let clients, the studio among them, add models of the hub, which are served beside the others, as are those that were pulled before (default where only this machine can ask, and without keys)",
    )
    .option("--no-allow-pull", "do not")
    .option(
      "--max-connections <N>",
      "clients connected at once; beyond, 503 (default 1024, or what ulimit -n allows)",
      whole(1),
    )
    .option("--request-timeout <SECONDS>", "a request has to arrive within", seconds(0.1), 60)
    .option("--write-timeout <SECONDS>", "drop clients that take nothing of their answer for", seconds(0.1), 30)
    .option("--drain <SECONDS>", "when told to end, wait for requests at most", seconds(0), 30)
    .option(
      "--heartbeat-timeout <SECONDS>",
      "replace the model's process when it gives no sign of life for",
      whole(1),
      30,
    )
    .option("--step-timeout <SECONDS>", "replace it when one step takes longer than", whole(1), 600)
    .option("--access-log", "a line per request on stderr; never what was asked");
  return command.addHelpText("after", HELP).action(run);
}

/** `--model` may be given again here: the first is the one that answers requests without a name. */
function takeSeveralModels(command: Command): Command {
  const option = command.options.find(({ long }) => long === "--model");
  if (option === undefined) return command;
  option.argParser(collect);
  option.description += "; may be given again, [ID=]DIR|HUB_ID, as --also";
  return command;
}

/** With one model, and the others beside it. */
interface OwnFlags extends Omit<Flags, "model"> {
  model?: string;
}

function firstAndOthers({ model: models = [], also = [], ...flags }: Flags): OwnFlags {
  const [model, ...others] = models;
  return { ...flags, also: [...others, ...also], ...(model !== undefined && { model }) };
}

/** Of the largest size: 32 frames of a video in 4K fit in. */
const PICTURES_OF_A_REQUEST = 6;

function port(text: string): number {
  const value = whole(0)(text);
  if (value > 65535) throw new UserError(`--port ${value} is no port`, "They go from 0 to 65535.");
  return value;
}

/** An empty key, of a variable that is not set for example, must not open the server to everybody. */
const keys = (text: string, all?: string[]): string[] => collect(filled(text), all);

function filled(text: string): string {
  if (text.trim() === "") throw new InvalidArgumentError("It must not be empty.");
  return text;
}

/** Compared with a Host header without its port; of anything more, no request would ever be. */
function hosts(text: string, all?: string[]): string[] {
  const host = isIP(text) === 6 ? `[${text}]` : text;
  if (!/^(?:\[[\da-f:.]+\]|[^\s:/?#@*,[\]]+)$/i.test(host))
    throw new InvalidArgumentError("It must be a name or an address, without scheme and port.");
  return collect(host, all);
}

/** Browsers send scheme, host and port, nothing behind them; anything else would never be matched. */
function origins(text: string, all?: string[]): string[] {
  if (text !== "*" && text !== "null" && originOf(text) !== text)
    throw new InvalidArgumentError("It must be * or an origin such as https://page.example or http://localhost:3000.");
  return collect(text, all);
}

/** Apps have schemes of their own, of which URL knows no origin. */
function originOf(text: string): string | undefined {
  if (/^https?:/i.test(text)) return URL.canParse(text) ? new URL(text).origin : undefined;
  return /^[a-z][a-z0-9+.-]*:\/\/[^/?#\s]+$/.exec(text)?.[0];
}

const say = (line: string): void => void noteLine(`rediff: ${line}`);

async function run(given: Flags): Promise<void> {
  const flags = firstAndOthers(given);
  const { resolveModel } = await import("../../hub/resolve-model.js");
  const folder = await resolveModel(chosenModel(flags));
  const others = await otherModels(flags);
  await assertLength(flags, [folder, ...others.map((other) => other.folder)]);
  assertReplicas(flags);
  const options = serverOptions(flags, folder, others);
  await needTorch();
  if (options.app.apiKeys.length === 0 && !isLoopback(flags.host))
    say(`--host ${flags.host} without --api-key: whoever reaches this port may use the model`);

  const { startServer } = await import("../../serving/server.js");
  const server = await startServer(options);
  collectWhenIdle({
    process: true,
    isIdle: () => server.engines.every(({ running, queued }) => running + queued === 0),
  });
  const ended = untilTold(server, flags.drain);
  say(`loading ${folder}`);
  try {
    const isReady = await Promise.race([server.ready.then(() => true), ended.then(() => false)]);
    if (!isReady) return; // told to end while the model was loading
  } catch (error) {
    await server.close();
    throw error;
  }
  answerLine(server.url);
  for (const { model } of options.others ?? []) say(`${model.id} is loaded when a request names it`);
  say(`${options.model.id} is ready at ${server.url} (the API: ${server.url}/v1); Ctrl-C ends`);
  await ended;
}

/** Several on one GPU take its memory several times, and each other's time. */
function assertReplicas({ replicas, device }: OwnFlags): void {
  if (replicas === 1 || !/^(cuda:\d+|mps)$/.test(device)) return;
  throw new UserError(
    `--replicas ${replicas} are several processes, and --device ${device} is one GPU`,
    "With --device cuda each replica takes the GPU of its number.",
  );
}

/** Of a CPU each takes its part. */
const threadsOf = ({ threads, replicas, device }: OwnFlags): number | undefined =>
  threads ??
  (replicas > 1 && device === "cpu" ? Math.max(1, Math.floor(availableParallelism() / replicas)) : undefined);

/** A length that no question fits before would have every answer cut. */
async function assertLength({ genLength, maxAnswer, base }: OwnFlags, folders: readonly string[]): Promise<void> {
  if (genLength !== undefined && maxAnswer !== undefined && genLength > maxAnswer)
    throw new UserError(
      `--gen-length ${genLength} is more than --max-answer ${maxAnswer}`,
      "The usual answer must not be longer than the longest.",
    );
  if (genLength === undefined) return;
  const { assertSuits, readAskable } = await import("../../inference/model-facts.js");
  for (const [i, folder] of folders.entries()) {
    const { config } = await readAskable(folder, i === 0 ? base : undefined);
    assertSuits(folder, config, { genLength, pictures: false });
  }
}

interface OtherModel {
  id: string;
  folder: string;
  title?: string;
  embedded: boolean;
}

/** Those of --also, and beside the embedded model the one that it is compared with. */
async function otherModels({ model, also = [] }: OwnFlags): Promise<OtherModel[]> {
  const { resolveModel } = await import("../../hub/resolve-model.js");
  const baseline = model === undefined ? embeddedBaselineFolder() : undefined;
  const own =
    baseline === undefined
      ? []
      : [{ id: "llada-v-demo", folder: baseline, title: "LLaDA-V's objective", embedded: true }];
  const named = also.map(async (text) => {
    const [, name, place = text] = /^([^=/\\]+)=(.+)$/s.exec(text) ?? [];
    const folder = await resolveModel(place);
    return { id: name ?? usualId(place, folder), folder, embedded: false };
  });
  return [...own, ...(await Promise.all(named))];
}

/** A hub id is resolved to a folder of the cache whose name says nothing. */
const usualId = (given: string, folder: string): string => (given === folder ? basename(resolve(folder)) : given);

/** Which models are trained to revise is known by their names only. */
const soundsLikeRediff = (id: string): boolean => /redif/i.test(id);

function serverOptions(flags: OwnFlags, folder: string, others: readonly OtherModel[]): ServerOptions {
  const embedded = flags.model === undefined;
  const id = flags.name ?? (flags.model === undefined ? "rediff-demo" : usualId(flags.model, folder));
  const ids = [id, ...others.map((other) => other.id)];
  const twice = ids.find((each, i) => ids.indexOf(each) < i);
  if (twice !== undefined)
    throw new UserError(`two models are called ${twice}`, "Name one of them: --also NAME=DIR, or --name NAME.");
  const { base: _, ...load } = loadOptions(flags); // a base is that of --model alone
  const engine = {
    load,
    threads: flags.threads,
    batch: flags.batch,
    ...(flags.keepPictures !== undefined && { keptBytes: flags.keepPictures * 2 ** 20 }),
    cacheBytes: flags.cacheMemory === undefined ? undefined : flags.cacheMemory * 2 ** 20,
    memoryBytes: flags.requestMemory === undefined ? undefined : flags.requestMemory * 2 ** 20,
    queue: flags.queue,
    visionWorkers: Math.min(4, availableParallelism()),
    life: { heartbeatTimeout: flags.heartbeatTimeout, stepTimeout: flags.stepTimeout },
  };
  const fromEnvironment = (process.env.REDIFF_API_KEY ?? "").split(",").map((key) => key.trim());
  const apiKeys = [...(flags.apiKey ?? []), ...fromEnvironment].filter((key) => key !== "");
  const beside = ({ folder: other, ...model }: OtherModel) => ({
    engine: { ...engine, folder: other },
    model: {
      ...model,
      revises: soundsLikeRediff(model.id),
      genLength: flags.genLength,
      maxAnswer: flags.maxAnswer,
      fast: flags.fast,
    },
  });
  return {
    engine: { ...engine, load: loadOptions(flags), folder, replicas: flags.replicas, threads: threadsOf(flags) },
    listen: {
      host: flags.host,
      port: flags.port,
      requestTimeout: flags.requestTimeout,
      maxConnections: flags.maxConnections,
      writeTimeout: flags.writeTimeout,
    },
    app: {
      apiKeys,
      // With a key, or open to others on purpose, any name will do.
      allowedHosts: apiKeys.length === 0 && isLoopback(flags.host) ? (flags.allowHost ?? []) : flags.allowHost,
      corsOrigins: flags.corsOrigin ?? [],
      accessLog: flags.accessLog ?? false,
    },
    media: {
      allowUrls: flags.allowUrls ?? false,
      maxPixels: flags.maxPixels,
      maxBytes: flags.bodyLimit,
      fetchTimeoutMs: 10_000,
      maxPictures: flags.maxPictures,
      requestPixels: flags.requestPixels ?? PICTURES_OF_A_REQUEST * flags.maxPixels,
      pictureSeconds: flags.pictureTimeout,
      videoSeconds: flags.videoTimeout,
    },
    model: {
      id,
      ...(embedded && { title: "ReDiff" }),
      embedded,
      revises: flags.revises ?? (embedded || soundsLikeRediff(id)),
      genLength: flags.genLength,
      maxAnswer: flags.maxAnswer,
      fast: flags.fast,
    },
    others: others.map(beside),
    ...(mayPull(flags, apiKeys) && {
      pulling: { beside: (id, other) => beside({ id, folder: other, embedded: false }), pulled: pulledModels },
    }),
    modelsMemory: flags.modelsMemory === undefined ? undefined : flags.modelsMemory * 2 ** 20,
    unloadAfter: flags.unloadAfter,
    // Others can neither start it nor need to know its folders.
    command: isLoopback(flags.host) ? serveCommandLine(process.argv.slice(2), process.env) : undefined,
    bodyLimit: flags.bodyLimit,
    bodiesLimit: flags.bodiesLimit,
    log: say,
  };
}

/** Who may fill this machine's disk: by default who works on it. */
const mayPull = ({ allowPull, host, allowHost, corsOrigin }: OwnFlags, apiKeys: readonly string[]): boolean =>
  allowPull ?? (apiKeys.length === 0 && isLoopback(host) && allowHost === undefined && corsOrigin === undefined);

/** Resolves when the server has ended, after a signal; a second one ends it at once. */
function untilTold(server: RediffServer, seconds: number): Promise<void> {
  return new Promise((done) => {
    let told = false;
    const onSignal = (signal: NodeJS.Signals) => {
      if (told) process.exit(statusOfSignal(signal));
      told = true;
      const left = server.engines.reduce((sum, { queued, running }) => sum + queued + running, 0);
      say(`ending; ${left} requests to finish, ${seconds} seconds at most`);
      server.drain(seconds).then(done);
    };
    process.on("SIGINT", onSignal).on("SIGTERM", onSignal);
  });
}
