// The home of a process that is killed: one agent with the tools that count, on the model and the platform of the driver.
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { FarSide } from "./far-side.ts";
import { AGENT_ID } from "./wire.ts";

export interface HomeOptions {
  /** Default: SQLite in the home. */
  readonly storeUrl?: string | undefined;
  /** Where several processes share the work. */
  readonly bus?: { readonly url: string; readonly prefix: string };
  readonly blobsUrl?: string;
  /** The agent is in the home's files; else it is read from the store. Default true. */
  readonly hasAgent?: boolean;
}

export function writeHome(
  home: string,
  far: Pick<FarSide, "modelUrl">,
  { storeUrl, bus, blobsUrl, hasAgent = true }: HomeOptions,
): void {
  mkdirSync(join(home, "agents"), { recursive: true });
  const config = {
    version: 1,
    server: { port: 0, metricsPort: 0, adminPort: 0 },
    ...(storeUrl === undefined ? {} : { store: { url: storeUrl } }),
    ...(bus === undefined ? {} : { bus }),
    ...(blobsUrl === undefined ? {} : { blobs: { url: blobsUrl } }),
    providers: { scripted: { kind: "openai-compatible", baseUrl: far.modelUrl, apiKey: "none" } },
    models: { default: ["scripted/scripted"] },
    prices: { "scripted/scripted": { inputUsdPerMillion: 1, outputUsdPerMillion: 2 } },
  };
  const agent = {
    id: AGENT_ID,
    name: "Ana",
    model: "default",
    instructions: "Answer.",
    tools: ["note", "act"],
  };
  // JSON is YAML.
  writeFileSync(join(home, "troupe.yaml"), JSON.stringify(config));
  if (hasAgent) writeFileSync(join(home, "agents", `${AGENT_ID}.yaml`), JSON.stringify(agent));
}
