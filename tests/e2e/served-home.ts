// For end-to-end tests: a home with two agents on a scripted model, served on free ports.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type ScriptedModelServer, startScriptedModelServer } from "@troupe/testing";
import { type ServeOptions, type Serving, serve } from "../../server/src/app/lifecycle.ts";
import { createAdjustableLogger } from "../../server/src/app/logging.ts";
import { openHomeStore } from "../lab/home-store.ts";

export interface ServedHome extends AsyncDisposable {
  /** Its folder, where its socket is too. */
  readonly path: string;
  readonly model: ScriptedModelServer;
  readonly serving: Serving;
  /** `http://127.0.0.1:…` of the gateway. */
  readonly address: string;
  /** An operator's. */
  readonly key: string;
}

/** `settings`: further lines of troupe.yaml; `providers` and `models`: further entries of these maps. */
export async function serveHome(
  settings = "",
  {
    providers = "",
    models = "",
    model: name = "local/scripted-vision",
  }: {
    readonly providers?: string;
    readonly models?: string;
    /** Of the agents. */
    readonly model?: string;
  } = {},
  options: ServeOptions = {},
): Promise<ServedHome> {
  const home = mkdtempSync(join(tmpdir(), "troupe-served-"));
  const model = await startScriptedModelServer();
  const store = await openHomeStore();
  mkdirSync(join(home, "agents"));
  writeFileSync(
    join(home, "troupe.yaml"),
    `version: 1
server: { port: 0, metricsPort: 0, adminPort: 0 }
providers: { local: { kind: openai-compatible, baseUrl: "${model.baseUrl}" }${providers} }
models: { default: [${name}]${models} }
${store.yaml}${settings}`,
  );
  for (const [id, name] of [
    ["ana", "Ana"],
    ["ben", "Ben"],
  ]) {
    const agent = `id: ${id}\nname: ${name}\ndescription: The helper ${name}.\ninstructions: Be kind.\n`;
    writeFileSync(join(home, "agents", `${id}.yaml`), agent);
  }
  const environment = { home, runtimeDirectory: home, noColor: true, variables: {} };
  const serving = await serve(environment, {
    ...options,
    logger: createAdjustableLogger({ level: "silent", isTerminal: false }),
  });
  return {
    path: home,
    model,
    serving,
    address: serving.addresses?.gateway ?? "",
    key: serving.firstKey?.key ?? "",
    async [Symbol.asyncDispose]() {
      await serving.stop({ graceMs: 0 });
      await model.close();
      await store[Symbol.asyncDispose]();
      rmSync(home, { recursive: true, force: true });
    },
  };
}
