import { createServer, request } from "node:http";
import type { AddressInfo } from "node:net";
import { LLMock } from "@copilotkit/aimock";
import type { ModelRequest, ToolSpec } from "@troupe/contracts";
import { systemClock } from "../../server/src/kit/index.ts";
import { openProvider, type ProviderConfig } from "../../server/src/llm/index.ts";
import type { Provider } from "../../server/src/llm/provider.ts";

/** The wires that servers speak which this project did not write. */
export const WIRES = ["openai", "responses", "anthropic", "google"] as const;
export type Wire = (typeof WIRES)[number];

export const KEY = "test-key-0123456789";

const MODELS: Readonly<Record<Wire, string>> = {
  openai: "gpt-4o",
  responses: "gpt-4o",
  anthropic: "claude-sonnet-4-5",
  google: "gemini-2.5-flash",
};

export const TOOLS: readonly ToolSpec[] = ["dice", "time"].map((name) => ({
  name,
  description: `The ${name}.`,
  inputSchema: { type: "object", properties: { x: { type: "string" } } },
  kind: "pure",
}));

export const ask = (text: string, more: Partial<ModelRequest> = {}): ModelRequest => ({
  messages: [
    { role: "system", text: "You are Ana." },
    { role: "user", text },
  ],
  tools: [],
  ...more,
});

/** Tokens that the server is told to report, in the words of each wire. */
export function usageOf(wire: Wire): Readonly<Record<string, number>> {
  switch (wire) {
    case "openai":
      return { prompt_tokens: 321, completion_tokens: 45, total_tokens: 366 };
    case "google":
      return { promptTokenCount: 321, candidatesTokenCount: 45, totalTokenCount: 366 };
    default:
      return { input_tokens: 321, output_tokens: 45, total_tokens: 366 };
  }
}

export function configOf(wire: Wire, url: string, more: Partial<ProviderConfig> = {}): ProviderConfig {
  const base = { apiKey: KEY, ...more };
  switch (wire) {
    case "openai":
      return { kind: "openai", baseUrl: `${url}/v1`, ...base };
    case "responses":
      return { kind: "openai", api: "responses", baseUrl: `${url}/v1`, ...base };
    case "anthropic":
      return { kind: "anthropic", baseUrl: `${url}/v1`, ...base };
    case "google":
      return { kind: "google", baseUrl: `${url}/v1beta`, ...base };
  }
}

export const modelOf = (wire: Wire): string => MODELS[wire];

/** A server of all wires on a free port, and the provider `p` of one of them. */
export interface AimockStage extends AsyncDisposable {
  readonly mock: LLMock;
  readonly provider: Provider;
  readonly model: ReturnType<Provider["model"]>;
  open(more?: Partial<ProviderConfig>): Provider;
  /** Bodies of the requests as they went over the wire. */
  readonly received: readonly string[];
}

interface Recorder {
  readonly url: string;
  readonly received: readonly string[];
  close(): Promise<void>;
}

/** Hands everything on as it is and remembers the bodies: the server's own journal holds them in its own shape. */
async function openRecorder(port: number): Promise<Recorder> {
  const received: string[] = [];
  const server = createServer((incoming, outgoing) => {
    const pieces: Buffer[] = [];
    const onward = request(
      { host: "127.0.0.1", port, path: incoming.url, method: incoming.method, headers: incoming.headers },
      (answer) => {
        outgoing.writeHead(answer.statusCode ?? 502, answer.headers);
        answer.pipe(outgoing);
        answer.on("error", () => outgoing.destroy());
      },
    );
    onward.on("error", () => outgoing.destroy());
    outgoing.on("close", () => onward.destroy());
    incoming.on("data", (piece: Buffer) => pieces.push(piece));
    incoming.on("end", () => received.push(Buffer.concat(pieces).toString("utf8")));
    incoming.pipe(onward);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port: own } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${own}`,
    received,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

export async function openAimock(wire: Wire, more: Partial<ProviderConfig> = {}): Promise<AimockStage> {
  const mock = new LLMock({ port: 0, host: "127.0.0.1", logLevel: "silent", auth: { apiKeys: [KEY] } });
  await mock.start();
  const opened: Provider[] = [];
  const proxy = await openRecorder(mock.port);
  const open = (further: Partial<ProviderConfig> = {}): Provider => {
    const config = configOf(wire, proxy.url, { ...more, ...further });
    const provider = openProvider("p", config, { clock: systemClock(), random: () => 0.5 });
    if (provider === undefined) throw new Error("There is no such provider.");
    opened.push(provider);
    return provider;
  };
  const provider = open();
  return {
    mock,
    provider,
    model: provider.model(modelOf(wire)),
    open,
    received: proxy.received,
    async [Symbol.asyncDispose]() {
      await Promise.all(opened.map((one) => one.close()));
      await proxy.close();
      await mock.stop();
    },
  };
}
