import type { Clock, ModelEvent, ModelRequest, ToolSpec } from "@troupe/contracts";
import {
  collectEvents,
  type EndEvent,
  endOf,
  type ScriptedAnswer,
  type ScriptedModelServer,
  startScriptedModelServer,
  textIn,
} from "@troupe/testing";
import { expect } from "vitest";
import { systemClock } from "../../server/src/kit/index.ts";
import {
  createOpenAiCompatibleProvider,
  type OpenAiCompatibleConfig,
  type OpenAiCompatibleProvider,
} from "../../server/src/llm/index.ts";

export const KEY = "sk-test-0123456789abcdef";

export const TOOLS: readonly ToolSpec[] = ["dice", "time"].map((name) => ({
  name,
  description: `The ${name}.`,
  inputSchema: { type: "object", properties: { x: { type: "string" } } },
  kind: "pure",
}));

export const ask = (text = "hello"): ModelRequest => ({ messages: [{ role: "user", text }], tools: [] });

/** A scripted model server, and the provider `local` that talks to it. */
export interface ProviderStage extends AsyncDisposable {
  readonly server: ScriptedModelServer;
  readonly provider: OpenAiCompatibleProvider;
  /** Another provider of the same server; closed with the stage. */
  another(config?: Partial<OpenAiCompatibleConfig>, clock?: Clock): OpenAiCompatibleProvider;
  /** The end of a call that goes wrong, after making sure that the next one works. */
  failWith(answer: ScriptedAnswer): Promise<EndEvent & { readonly told: string }>;
}

export async function openProviderStage(
  options: {
    readonly models?: readonly string[];
    readonly config?: Partial<OpenAiCompatibleConfig>;
    readonly clock?: Clock;
  } = {},
): Promise<ProviderStage> {
  const server = await startScriptedModelServer(
    options.models === undefined ? {} : { models: options.models },
  );
  const opened: OpenAiCompatibleProvider[] = [];
  const another: ProviderStage["another"] = (config = {}, clock = options.clock ?? systemClock()) => {
    const provider = createOpenAiCompatibleProvider(
      { name: "local", baseUrl: server.baseUrl, apiKey: KEY, ...config },
      { clock, random: () => 0.5 },
    );
    opened.push(provider);
    return provider;
  };
  const provider = another(options.config);
  return {
    server,
    provider,
    another,
    async failWith(answer) {
      server.enqueue(answer);
      const events = await collectEvents(provider.model("llama"), ask());
      await expectWorking(provider);
      return { ...endOf(events), told: textIn(events) };
    },
    async [Symbol.asyncDispose]() {
      await Promise.all(opened.map((one) => one.close()));
      await server.close();
    },
  };
}

export async function expectWorking(provider: OpenAiCompatibleProvider): Promise<void> {
  const events = await collectEvents(provider.model("llama"), ask());
  expect(textIn(events)).toBe("You said: hello");
  expect(endOf(events).reason).toBe("stop");
}

/** A call under way, of which one can see what has come so far. */
export interface RunningCall {
  readonly events: readonly ModelEvent[];
  /** Resolves when the call has ended. */
  readonly ended: Promise<readonly ModelEvent[]>;
  /** Resolves when this much text has come. */
  until(text: string): Promise<void>;
}

export function call(provider: OpenAiCompatibleProvider): RunningCall {
  const events: ModelEvent[] = [];
  const run = async (): Promise<readonly ModelEvent[]> => {
    const signal = new AbortController().signal;
    for await (const event of provider.model("llama").stream(ask(), { signal })) events.push(event);
    return events;
  };
  return {
    events,
    ended: run(),
    until: (text) => eventually(() => textIn(events) === text),
  };
}

/** Resolves when `condition` holds; fails the test by its own time limit else. */
export async function eventually(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => void setTimeout(resolve, 2));
}
