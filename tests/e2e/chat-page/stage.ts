import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type ScriptedModelServer, startScriptedModelServer } from "@troupe/testing";
import { type Browser, type BrowserContext, chromium, type Page } from "playwright-core";
import type { Environment } from "../../../server/src/app/config/index.ts";
import { type Serving, serve } from "../../../server/src/app/lifecycle.ts";
import { createAdjustableLogger } from "../../../server/src/app/logging.ts";
import { openHomeStore } from "../../lab/home-store.ts";
import { freePort } from "./free-port.ts";

const CHROMIUM = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"].find((path) =>
  existsSync(path),
);

/** For `describe.skipIf`: tests/lab/prepare.sh installs it where that needs nobody's leave. */
export const HAS_NO_CHROMIUM: boolean = CHROMIUM === undefined;

const FLAGS = [
  ...["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync"],
  ...["--disable-background-networking", "--disable-component-update"],
];

/** Browser, server and model share the machine with whatever else runs there. */
export const PATIENCE = { timeout: 60_000 } as const;
export const PATIENCE_MS = 120_000;

export const DESKTOP = { width: 1280, height: 800 } as const;
export const PHONE = { width: 390, height: 760 } as const;

export interface StageOptions {
  readonly viewport?: { readonly width: number; readonly height: number };
  readonly colorScheme?: "light" | "dark";
  readonly locale?: string;
  readonly reducedMotion?: "reduce" | "no-preference";
}

/** The real server with the page, a model on the real wire, and a real browser. One for a test file. */
export interface Stage {
  readonly model: ScriptedModelServer;
  readonly home: string;
  readonly address: string;
  readonly serving: Serving;
  /** What pages complained about: errors of scripts and of the content policy. */
  readonly complaints: readonly string[];
  /** A browser of its own, signed in by a link. */
  open(options?: StageOptions): Promise<Page>;
  /** The same without being signed in. */
  openStranger(options?: StageOptions): Promise<Page>;
  /** A new link, as `./troupe key link` makes it. */
  link(): Promise<string>;
  /** Stops the server; `start` brings it back on the same port. */
  stop(): Promise<void>;
  start(): Promise<void>;
  close(): Promise<void>;
}

const AGENTS: Readonly<Record<string, string>> = {
  ana: "id: ana\nname: Ana\ndescription: helper\nmodel: default\ninstructions: Be kind.\n",
  kate: "id: kate\nname: Kate\ndescription: storyteller\nmodel: guide\ninstructions: Tell stories.\n",
};

export async function openStage(): Promise<Stage> {
  const home = mkdtempSync(join(tmpdir(), "troupe-page-"));
  const environment: Environment = { home, runtimeDirectory: home, noColor: true, variables: {} };
  const model = await startScriptedModelServer();
  const port = await freePort();
  const store = await openHomeStore();
  mkdirSync(join(home, "agents"));
  writeFileSync(
    join(home, "troupe.yaml"),
    `version: 1
server: { port: ${port}, metricsPort: 0, adminPort: 0 }
providers: { local: { kind: openai-compatible, baseUrl: "${model.baseUrl}" } }
models: { default: [local/scripted], guide: [offline/guide] }
prices: { local/scripted: { inputUsdPerMillion: 1, outputUsdPerMillion: 5 } }
${store.yaml}`,
  );
  for (const [id, text] of Object.entries(AGENTS)) writeFileSync(join(home, "agents", `${id}.yaml`), text);
  const complaints: string[] = [];
  const contexts: BrowserContext[] = [];
  let serving: Serving | undefined;
  let key = "";
  const start = async (): Promise<void> => {
    const logger = createAdjustableLogger({ level: "silent", isTerminal: false });
    serving = await serve(environment, { logger, page: true });
    key ||= serving.firstKey?.key ?? "";
    await serving.page?.build.folder;
  };
  await start();
  const address = `http://127.0.0.1:${port}`;
  let browser: Browser | undefined;

  const openStranger = async (options: StageOptions = {}): Promise<Page> => {
    browser ??= await chromium.launch({ executablePath: CHROMIUM ?? "", args: FLAGS });
    const context = await browser.newContext({
      viewport: DESKTOP,
      reducedMotion: "reduce",
      locale: "en",
      ...options,
    });
    contexts.push(context);
    context.setDefaultTimeout(15_000);
    const page = await context.newPage();
    page.on("pageerror", (error) => complaints.push(error.message));
    page.on("console", (message) => {
      if (/Content Security Policy|Warning:|Uncaught/.test(message.text())) complaints.push(message.text());
    });
    return page;
  };
  const link = async (): Promise<string> => {
    const headers = { authorization: `Bearer ${key}`, "content-type": "application/json" };
    const made = await fetch(`${address}/api/links`, { method: "POST", headers, body: "{}" });
    const { url } = (await made.json()) as { url: string };
    return url;
  };
  return {
    ...{ model, home, address, complaints, openStranger, link, start },
    get serving() {
      if (serving === undefined) throw new Error("It is stopped.");
      return serving;
    },
    async open(options) {
      const page = await openStranger(options);
      await page.goto(await link());
      await page.getByRole("textbox").first().waitFor();
      return page;
    },
    async stop() {
      await serving?.stop({ graceMs: 0 });
      serving = undefined;
    },
    async close() {
      for (const context of contexts) await context.close();
      await browser?.close();
      await serving?.stop({ graceMs: 0 });
      await model.close();
      await store[Symbol.asyncDispose]();
      rmSync(home, { recursive: true, force: true });
    },
  };
}
