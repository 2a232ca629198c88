import { TroupeError } from "@troupe/contracts";
import type { Config } from "./config/index.ts";
import { isPostgres, isShared } from "./open-store.ts";

/** What a process of a Troupe does: everything, or a part that others leave to it. */
export type Role = "all" | "gateway" | "agent" | "worker";

export const ROLES: readonly Role[] = ["all", "gateway", "agent", "worker"];

/** The parts of the work, as a role takes them. */
export interface Duties {
  /** Faces and channels: takes messages, keeps them, shows what comes of them. */
  readonly takesMessages: boolean;
  readonly runsTurns: boolean;
  /** What comes behind the reply: deliveries, effects, indexing, upkeep. */
  readonly worksBehind: boolean;
}

export function dutiesOf(role: Role): Duties {
  return {
    takesMessages: role === "all" || role === "gateway",
    runsTurns: role === "all" || role === "agent",
    worksBehind: role === "all" || role === "worker",
  };
}

/** What decides whether processes may share the work. */
export interface SharingSettings {
  readonly store: Pick<Config["store"], "url">;
  readonly bus: Pick<Config["bus"], "url">;
}

/** Throws `config.invalid` where a role stands alone: what it leaves to other processes nobody would do. */
export function checkRole(role: Role, config: SharingSettings): void {
  if (role === "all" || isShared(config)) return;
  const lacking = isPostgres(config.store.url)
    ? 'bus.url is "local:"; give them a NATS server, nats://HOST:4222'
    : "store.url is SQLite, which one process has for itself; move to PostgreSQL with ./troupe migrate --to URL, and give bus.url a NATS server";
  throw new TroupeError(
    `The role ${role} leaves part of the work to other processes, and this home cannot be shared: ${lacking}. Without --role one process does everything.`,
    { code: "config.invalid" },
  );
}

/** How quickly a process counts as dead, and how often it looks for what no doorbell told of. */
export interface Pace {
  readonly leaseMs: number;
  readonly sweepMs: number;
}

/**
 * Alone, the lock proves death at once and no doorbell is ever lost: each renewal is a commit and an fsync, so they are
 * few. Among several, others take over within seconds.
 */
export function paceOf(config: SharingSettings): Pace {
  return isShared(config) ? { leaseMs: 6_000, sweepMs: 2_000 } : { leaseMs: 60_000, sweepMs: 20_000 };
}
