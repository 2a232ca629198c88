import type { AccountScope, ApprovalRule, AtLimit, Lane, LearnMode, WhileBusy } from "@troupe/contracts";
import type { LaneLimits } from "../../kit/index.ts";
import type { PriceConfig, ProviderConfig } from "../../llm/index.ts";

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
    readonly cors?: { readonly origins: readonly string[] } | undefined;
    readonly grpcPort?: number | undefined;
  };
  readonly store: { readonly url: string };
  readonly bus: { readonly url: string; readonly prefix: string };
  readonly blobs: { readonly url: string; readonly maxFileBytes: number };
  readonly providers: Readonly<Record<string, ProviderConfig>>;
  readonly models: Readonly<Record<string, readonly string[]>>;
  readonly prices: Readonly<Record<string, PriceConfig>>;
  readonly budget: { readonly dailyUsd?: number | undefined };
  readonly budgets: Readonly<Record<string, BudgetFile>>;
  readonly limits: {
    readonly ratePerMinute?: number | undefined;
    readonly keyPerMinute?: number | undefined;
    readonly addressPerMinute?: number | undefined;
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
    readonly historyTokens: number;
    readonly whileBusy: WhileBusy;
  };
  readonly lanes: Readonly<Record<Lane, LaneLimits>>;
  readonly agents: {
    readonly loopGuard: { readonly max: number; readonly windowMinutes: number };
    readonly maxDepth: number;
    readonly maxHops: number;
    readonly keepDays: number;
  };
  /** IANA zone; absent: that of the machine. */
  readonly timeZone?: string | undefined;
  readonly jobs: { readonly maxPerOwner: number; readonly maxRunMinutes: number };
  readonly quietHours?: QuietHoursFile | undefined;
  /** By id. */
  readonly peers: Readonly<Record<string, PeerFile>>;
  readonly tape: { readonly record: boolean; readonly keepDays: number; readonly maxBytes: number };
  readonly recall: {
    /** Absent: `turns` with what ships, `off` with models of others, whose calls may cost. */
    readonly vectors?: "off" | "search" | "turns" | undefined;
    /** Where vectors are searched: in the memory of each process, or in the database. */
    readonly index: "resident" | "pgvector";
    readonly waitMs: number;
  };
  readonly storylines: { readonly whenUnsure: "rules" | "model" };
  readonly memory: {
    readonly dreams: boolean;
    readonly dreamHour: number;
    readonly feelings: "off" | "on";
  };
  readonly knowledge: { readonly privateHosts: readonly string[] };
  /** Absent: there is none. */
  readonly episodes?: EpisodesFile | undefined;
  readonly modules: Readonly<Record<string, { readonly whenUnsure: "rules" | "model" }>>;
  readonly a2a: {
    readonly enabled: boolean;
    readonly agent?: string | undefined;
    readonly url?: string | undefined;
  };
  readonly log: { readonly level?: "debug" | "info" | "warn" | "error" | "silent" | undefined };
}

/** A memory of conversations that another service keeps. */
export interface EpisodesFile {
  readonly url: string;
  readonly apiKey?: string | undefined;
  readonly waitMs: number;
  readonly limit: number;
  readonly keepsAudiences: boolean;
  readonly privateHosts: readonly string[];
}

export interface QuietHoursFile {
  readonly enabled: boolean;
  readonly from: string;
  readonly to: string;
  readonly timeZone?: string | undefined;
}

export interface PeerFile {
  readonly timeZone?: string | undefined;
  readonly quietHours?: QuietHoursFile | undefined;
}

export interface HeartbeatFile {
  readonly everyMinutes: number;
  readonly text?: string | undefined;
  readonly activeHours?: { readonly from: string; readonly to: string } | undefined;
  readonly deliverTo?: { readonly channel: string; readonly target: string } | undefined;
}

export interface BudgetFile {
  readonly per: AccountScope;
  readonly only?: readonly string[] | undefined;
  readonly dailyUsd?: number | undefined;
  readonly monthlyUsd?: number | undefined;
  readonly atLimit: AtLimit;
  readonly model?: string | undefined;
}

/** `agents/ID.yaml` with every default filled in. */
export interface AgentFile {
  readonly id: string;
  readonly name: string;
  readonly model: string;
  readonly instructions: string;
  readonly description?: string | undefined;
  readonly tools?: readonly string[] | undefined;
  readonly modules?: readonly string[] | undefined;
  readonly without?: readonly string[] | undefined;
  readonly approvals?: Readonly<Record<string, ApprovalRule>> | undefined;
  readonly whileBusy?: WhileBusy | undefined;
  readonly deadlineSeconds?: number | undefined;
  readonly maxSteps?: number | undefined;
  readonly tape?: boolean | undefined;
  readonly learn?: LearnMode | undefined;
  readonly delegates?: readonly string[] | undefined;
  readonly acceptsFrom?: readonly string[] | undefined;
  readonly capabilities?: readonly string[] | undefined;
  readonly workspace?: { readonly readers?: readonly string[] | undefined } | undefined;
  readonly quietHours?: QuietHoursFile | undefined;
  readonly heartbeat?: HeartbeatFile | undefined;
}
