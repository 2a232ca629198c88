import { constants, statSync } from "node:fs";
import { access, open, rm, statfs } from "node:fs/promises";
import { createServer } from "node:net";
import { join } from "node:path";
import { TroupeError } from "@troupe/contracts";
import { systemClock } from "../kit/index.ts";
import {
  type Config,
  displayPath,
  type Environment,
  formatProblem,
  type LoadResult,
} from "./config/index.ts";

/** One thing that was looked at. */
export interface Finding {
  readonly name: string;
  readonly verdict: "good" | "warning" | "bad";
  readonly what: string;
  /** How it was found out. */
  readonly how: string;
  /** What to do; only where something is to be done. */
  readonly remedy?: string;
}

export interface DoctorInput {
  readonly environment: Environment;
  readonly loaded: LoadResult;
  /** A Troupe with this home answers on its socket. */
  readonly isRunning: boolean;
  readonly nodeVersion?: string;
}

const NEEDED_NODE = [24, 15] as const;
const LOW_DISK_BYTES = 500 * 1024 * 1024;
const FSYNC_ROUNDS = 15;
const SLOW_FSYNC_MS = 20;
const CLOCK_TOLERANCE_MS = 5000;
const LOOPBACK = new Set(["127.0.0.1", "::1", "localhost"]);

/** Looks at everything that can be wrong from outside. Changes nothing; one probe file is written and removed. */
export async function examine(input: DoctorInput): Promise<readonly Finding[]> {
  const { environment, loaded } = input;
  const findings: Finding[] = [checkNode(input.nodeVersion ?? process.versions.node)];
  findings.push(
    await checkHome(environment.home),
    ...checkPermissions(environment.home),
    checkConfiguration(loaded),
  );
  findings.push(...(await checkDisk(join(environment.home, "data"))));
  if (loaded.kind === "invalid") return findings;
  const { config } = loaded;
  findings.push(...checkExposure(config), ...(await checkPorts(config, input.isRunning)));
  findings.push(...(await checkProviders(config)));
  return findings;
}

function checkNode(version: string): Finding {
  const [major = 0, minor = 0] = version.split(".").map(Number);
  const isGood = major > NEEDED_NODE[0] || (major === NEEDED_NODE[0] && minor >= NEEDED_NODE[1]);
  const base = {
    name: "Node",
    what: version,
    how: `process.versions; ${NEEDED_NODE.join(".")} or newer is needed`,
  };
  return isGood
    ? { ...base, verdict: "good" }
    : { ...base, verdict: "bad", remedy: "Start Troupe with ./troupe, which brings its own." };
}

async function checkHome(home: string): Promise<Finding> {
  const base = { name: "Home", what: displayPath(home), how: "tried to read and write it" };
  try {
    await access(home, constants.R_OK | constants.W_OK | constants.X_OK);
    return { ...base, verdict: "good" };
  } catch (error) {
    const isMissing = (error as NodeJS.ErrnoException).code === "ENOENT";
    return isMissing
      ? {
          ...base,
          what: `${base.what} is not there yet`,
          verdict: "warning",
          remedy: "./troupe up makes it.",
        }
      : {
          ...base,
          what: `${base.what} cannot be written`,
          verdict: "bad",
          remedy: "Give it to this user: chown -R.",
        };
  }
}

function checkPermissions(home: string): readonly Finding[] {
  const open = ["data", "troupe.yaml"].filter((name) => {
    try {
      return (statSync(join(home, name)).mode & 0o077) !== 0;
    } catch {
      return false;
    }
  });
  const how = "file modes";
  if (open.length === 0)
    return [{ name: "Privacy", verdict: "good", what: "data and settings are this user's alone", how }];
  const paths = open.map((name) => join(displayPath(home), name));
  return [
    {
      name: "Privacy",
      verdict: "warning",
      what: `others on this machine can read ${paths.join(" and ")}`,
      how,
      remedy: `chmod go-rwx ${paths.join(" ")}`,
    },
  ];
}

function checkConfiguration(loaded: LoadResult): Finding {
  const base = { name: "Settings", how: "read troupe.yaml and agents/*.yaml" };
  if (loaded.kind === "valid") {
    return {
      ...base,
      verdict: "good",
      what: `valid, agents: ${loaded.config.agents.map((agent) => agent.id).join(", ")}`,
    };
  }
  return {
    ...base,
    verdict: "bad",
    what: "not valid",
    remedy: loaded.problems.map(formatProblem).join("\n"),
  };
}

async function checkDisk(folder: string): Promise<readonly Finding[]> {
  try {
    const { bavail, bsize } = await statfs(folder);
    const free = bavail * bsize;
    const space: Finding = {
      name: "Disk",
      verdict: free < LOW_DISK_BYTES ? "bad" : "good",
      what: `${(free / 1e9).toFixed(1)} GB free`,
      how: `asked the file system of ${displayPath(folder)}`,
      ...(free < LOW_DISK_BYTES
        ? { remedy: "Make room; a full disk stops Troupe from accepting messages." }
        : {}),
    };
    return [space, ...(await probeDisk(folder))];
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return [];
    return [
      {
        name: "Disk",
        verdict: "bad",
        what: String(error),
        how: `asked the file system of ${folder}`,
        remedy: "Check the disk.",
      },
    ];
  }
}

/** Each message is made durable before it is acknowledged, so the disk's fsync is felt in every turn. */
async function probeDisk(folder: string): Promise<readonly Finding[]> {
  const path = join(folder, `.doctor-${process.pid}`);
  const clock = systemClock();
  const times: number[] = [];
  const file = await open(path, "w", 0o600);
  let writtenAt = 0;
  try {
    for (let i = 0; i < FSYNC_ROUNDS; i++) {
      const began = clock.monotonicMs();
      await file.write("x".repeat(4096));
      await file.sync();
      times.push(clock.monotonicMs() - began);
    }
    writtenAt = (await file.stat()).mtimeMs;
  } finally {
    await file.close();
    await rm(path, { force: true });
  }
  const median = times.sort((a, b) => a - b)[Math.floor(times.length / 2)] ?? 0;
  const isSlow = median > SLOW_FSYNC_MS;
  const skewMs = Math.abs(writtenAt - clock.now());
  return [
    {
      name: "Fsync",
      verdict: isSlow ? "warning" : "good",
      what: `${median.toFixed(2)} ms, median`,
      how: `${FSYNC_ROUNDS} writes of 4 KiB`,
      ...(isSlow ? { remedy: "Every turn waits for the disk twice; a local disk would be faster." } : {}),
    },
    checkClock(clock.now(), skewMs),
  ];
}

function checkClock(now: number, skewMs: number): Finding {
  const isWrong = new Date(now).getUTCFullYear() < 2025 || skewMs > CLOCK_TOLERANCE_MS;
  return {
    name: "Clock",
    verdict: isWrong ? "bad" : "good",
    what: new Date(now).toISOString().slice(0, 19).replace("T", " ").concat(" UTC"),
    how: "compared with the time that the disk gave a file",
    ...(isWrong ? { remedy: "Set the machine's clock; leases and schedules go by it." } : {}),
  };
}

function checkExposure({ server }: Config): readonly Finding[] {
  const how = "server.host";
  if (LOOPBACK.has(server.host)) {
    return [{ name: "Exposure", verdict: "good", what: "reachable from this machine alone", how }];
  }
  return [
    {
      name: "Exposure",
      verdict: "warning",
      what: `listens on ${server.host}, so other machines can reach it without encryption`,
      how,
      remedy: "Put a proxy with TLS in front and set server.host to 127.0.0.1.",
    },
  ];
}

async function checkPorts({ server, home }: Config, isRunning: boolean): Promise<readonly Finding[]> {
  const settings = ["port", "metricsPort", "adminPort"] as const;
  if (isRunning) {
    const what = settings.map((name) => server[name]).join(", ");
    return [
      { name: "Ports", verdict: "good", what: `${what} are Troupe's`, how: "it answers on its socket" },
    ];
  }
  const findings: Finding[] = [];
  for (const name of settings) {
    const port = server[name];
    if (port === 0 || (await isFree(server.host, port))) continue;
    findings.push({
      name: "Ports",
      verdict: "bad",
      what: `port ${port} is taken`,
      how: "tried to listen",
      remedy: `Stop the program that has it (lsof -i :${port}), or set server.${name} in ${displayPath(join(home, "troupe.yaml"))}.`,
    });
  }
  const all = settings.map((name) => server[name]).join(", ");
  return findings.length > 0
    ? findings
    : [{ name: "Ports", verdict: "good", what: `${all} are free`, how: "tried to listen" }];
}

function isFree(host: string, port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once("error", () => resolve(false));
    server.listen({ host, port, exclusive: true }, () => server.close(() => resolve(true)));
  });
}

async function checkProviders(config: Config): Promise<readonly Finding[]> {
  const real = Object.entries(config.providers).filter(
    ([, provider]) => provider.kind === "openai-compatible",
  );
  if (real.length === 0) {
    const what = "only the offline guide is configured";
    const remedy = `To talk with a real model, name one under providers in ${displayPath(join(config.home, "troupe.yaml"))}.`;
    return [{ name: "Models", verdict: "warning", what, how: "troupe.yaml", remedy }];
  }
  const { createOpenAiCompatibleProvider } = await import("../llm/index.ts");
  return Promise.all(
    real.map(async ([name, { baseUrl = "", kind: _kind, ...provider }]): Promise<Finding> => {
      const how = `asked ${baseUrl}/models`;
      const asked = createOpenAiCompatibleProvider(
        { ...provider, name, baseUrl },
        { clock: systemClock(), random: Math.random },
      );
      try {
        const ids = await asked.listModels({ signal: AbortSignal.timeout(10_000) });
        return checkModelIds(config, name, ids, how);
      } catch (error) {
        const what = TroupeError.is(error) ? error.message : `does not answer (${String(error)})`;
        const remedy = `Check providers.${name} and whether it runs: curl ${baseUrl}/models`;
        return { name: `Provider ${name}`, verdict: "bad", what, how, remedy };
      } finally {
        await asked.close();
      }
    }),
  );
}

function checkModelIds(config: Config, provider: string, ids: readonly string[], how: string): Finding {
  const wanted = new Set([
    ...Object.values(config.models).flat(),
    ...config.agents.map((agent) => agent.model),
  ]);
  const named = [...wanted]
    .filter((name) => name.startsWith(`${provider}/`))
    .map((name) => name.slice(provider.length + 1));
  const missing = named.filter((id) => !ids.includes(id) && !ids.includes(`${id}:latest`));
  const base = { name: `Provider ${provider}`, how };
  if (missing.length === 0) return { ...base, verdict: "good", what: `answers, ${ids.length} models` };
  return {
    ...base,
    verdict: "warning",
    what: `answers, but does not list ${missing.join(", ")}`,
    remedy:
      ids.length === 0
        ? "It lists no models at all."
        : `It has: ${ids.slice(0, 8).join(", ")}${ids.length > 8 ? " …" : ""}.`,
  };
}
