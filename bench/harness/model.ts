// The driver's side of the scripted model server.
import { type Child, startChild } from "./child.ts";

export interface ModelSettings {
  /** Time before the first token, and between tokens; 0 sends the rest in one piece. */
  readonly firstTokenMs: number;
  readonly interTokenMs: number;
  readonly tokens: number;
  /** Called when a message asks for the tool; another peer's first tool takes its place where there is none so named. */
  readonly toolName: string;
  /** JSON; `{n}` becomes a number that no other call has. */
  readonly toolArguments: string;
  /** Compares each request of a turn with the one before: only of use while one conversation runs alone. */
  readonly comparesPrefixes: boolean;
}

/** Times are of CLOCK_MONOTONIC, so that they compare with those of other processes. */
export interface ModelRequestRecord {
  readonly arrivedMs: number;
  firstByteMs: number;
  lastByteMs: number;
  readonly bytes: number;
  readonly messages: number;
  /** Of a turn: it brings tools. Background work, such as a summary, asks without. */
  readonly isTurn: boolean;
  prefixBytes: number;
  previousBytes: number;
}

export interface ModelLog {
  readonly records: readonly ModelRequestRecord[];
  readonly maxInFlight: number;
  readonly lastToolResult: string;
}

export type ModelCommand =
  | { readonly kind: "configure"; readonly settings: ModelSettings }
  | { readonly kind: "reset" }
  | { readonly kind: "log" };

export interface Model extends AsyncDisposable {
  /** Up to and including `/v1`. */
  readonly baseUrl: string;
  configure(changes: Partial<ModelSettings>): Promise<void>;
  reset(): Promise<void>;
  log(): Promise<ModelLog>;
}

export const TOKENS = 32;

/** What every reply says, to the letter; anything else is a bad reply. */
export const EXPECTED_REPLY: string = Array.from({ length: TOKENS }, (_, index) => `w${index}`).join(" ");

const DEFAULTS: ModelSettings = {
  firstTokenMs: 0,
  interTokenMs: 0,
  tokens: TOKENS,
  toolName: "remember",
  toolArguments: '{"text":"note {n}: the ferry leaves at noon"}',
  comparesPrefixes: false,
};

export async function startModel(): Promise<Model> {
  const child: Child = await startChild(new URL("./model-server.ts", import.meta.url));
  const ask = (command: ModelCommand): Promise<unknown> => child.ask(command);
  await ask({ kind: "configure", settings: DEFAULTS });
  return {
    baseUrl: `http://127.0.0.1:${child.greeting}/v1`,
    async configure(changes) {
      await ask({ kind: "configure", settings: { ...DEFAULTS, ...changes } });
    },
    async reset() {
      await ask({ kind: "reset" });
    },
    log: async () => (await ask({ kind: "log" })) as ModelLog,
    [Symbol.asyncDispose]: () => child[Symbol.asyncDispose](),
  };
}
