import { join } from "node:path";
import { type Config, displayPath, formatProblem, type LoadResult } from "../config/index.ts";
import type { Finding } from "./finding.ts";

const LOOPBACK = new Set(["127.0.0.1", "::1", "localhost"]);

export function checkConfiguration(loaded: LoadResult): Finding {
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

export function checkExposure({ server }: Config): readonly Finding[] {
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

export async function checkPorts(
  { server, home }: Pick<Config, "server" | "home">,
  isRunning: boolean,
): Promise<readonly Finding[]> {
  const settings = ["port", "metricsPort", "adminPort"] as const;
  if (isRunning) {
    const what = settings.map((name) => server[name]).join(", ");
    return [
      { name: "Ports", verdict: "good", what: `${what} are Troupe's`, how: "it answers on its socket" },
    ];
  }
  const { whyPortCannotOpen } = await import("../../gateway/index.ts");
  const file = displayPath(join(home, "troupe.yaml"));
  const fixed = settings.filter((name) => server[name] !== 0);
  const findings: Finding[] = [];
  for (const name of fixed) {
    const at = { host: server.host, port: server[name] };
    const why = await whyPortCannotOpen(at, `server.${name} in ${file}`);
    if (why === undefined) continue;
    findings.push({
      name: "Ports",
      verdict: "bad",
      what: `port ${at.port} cannot be opened`,
      how: "tried to listen",
      remedy: why instanceof Error ? why.message : String(why),
    });
  }
  if (findings.length > 0) return findings;
  const what =
    fixed.length === 0
      ? "any free ones are taken"
      : `${fixed.map((name) => server[name]).join(", ")} ${fixed.length === 1 ? "is" : "are"} free`;
  return [{ name: "Ports", verdict: "good", what, how: "tried to listen" }];
}
