import type { WhileBusy } from "@troupe/contracts";

/** `troupe.yaml` with every default filled in. */
export interface ConfigFile {
  readonly version: 1;
  readonly server: {
    readonly host: string;
    readonly port: number;
    readonly metricsPort: number;
    readonly adminPort: number;
    readonly allowedHosts?: readonly string[] | undefined;
    readonly allowedOrigins?: readonly string[] | undefined;
    readonly grpcPort?: number | undefined;
  };
  readonly store: { readonly url: string };
  readonly bus: { readonly url: string };
  readonly blobs: { readonly url: string };
  readonly providers: Readonly<Record<string, ProviderFile>>;
  readonly models: Readonly<Record<string, readonly string[]>>;
  readonly prices: Readonly<Record<string, PriceFile>>;
  readonly budget: { readonly dailyUsd?: number | undefined };
  readonly limits: {
    readonly ratePerMinute?: number | undefined;
    readonly maxQueuedTurns: number;
    readonly maxConcurrentTurns: {
      readonly realtime: number;
      readonly background: number;
      readonly heavy: number;
    };
    readonly bodyBytes: number;
  };
  readonly turns: {
    readonly deadlineSeconds: number;
    readonly maxSteps: number;
    readonly whileBusy: WhileBusy;
  };
  readonly log: { readonly level?: "debug" | "info" | "warn" | "error" | "silent" | undefined };
}

export interface ProviderFile {
  readonly kind: "openai-compatible" | "offline";
  readonly baseUrl?: string | undefined;
  readonly apiKey?: string | undefined;
  readonly headers?: Readonly<Record<string, string>> | undefined;
  /** Tokens. */
  readonly contextWindow?: number | undefined;
  readonly maxConcurrentCalls?: number | undefined;
  readonly maxTokensField?: "max_tokens" | "max_completion_tokens" | undefined;
  readonly timeouts?:
    | {
        readonly connectMs?: number | undefined;
        readonly firstTokenMs?: number | undefined;
        readonly idleMs?: number | undefined;
      }
    | undefined;
}

export interface PriceFile {
  readonly inputUsdPerMillion: number;
  readonly cachedInputUsdPerMillion?: number | undefined;
  readonly outputUsdPerMillion: number;
}

/** `agents/ID.yaml` with every default filled in. */
export interface AgentFile {
  readonly id: string;
  readonly name: string;
  readonly model: string;
  readonly instructions: string;
  readonly description?: string | undefined;
  readonly tools?: readonly string[] | undefined;
  readonly whileBusy?: WhileBusy | undefined;
  readonly deadlineSeconds?: number | undefined;
  readonly maxSteps?: number | undefined;
}
