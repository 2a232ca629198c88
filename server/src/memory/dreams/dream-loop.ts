import type {
  CallOptions,
  Clock,
  EffectStore,
  Logger,
  MemoryStore,
  NewEffect,
  UnitOfWork,
} from "@troupe/contracts";
import { createWakeLoop, derivedId, type WakeLoop } from "../../kit/index.ts";
import { DREAM_EFFECT, DREAM_VERSION } from "./dream-handler.ts";

/** A start has other things to do. */
const FIRST_ROUND_MS = 10 * 60_000;
const ROUND_EVERY_MS = 60 * 60_000;
const RETRY_MS = 15 * 60_000;
const BATCH = 100;
const HOUR_MS = 3_600_000;
/** The night's work is the least urgent. */
const PRIORITY = 9;

export interface DreamLoopDeps {
  readonly unit: Pick<UnitOfWork, "commit">;
  readonly effects: Pick<EffectStore, "put">;
  readonly memories: Pick<MemoryStore, "counts">;
  readonly spaceId: string;
  /** Undefined: agents dream no more. */
  readonly hour: () => number | undefined;
  /** IANA zone of that hour. */
  readonly zone: () => string;
  readonly clock: Clock;
  readonly logger: Logger;
}

/**
 * Asks once a night for a dream of every agent that remembers anything: one timer for the process, and of several processes
 * each asks for the same effects. A night that passed while nobody served is made up for at the next start; of several the last.
 */
export function createDreamLoop(deps: DreamLoopDeps): WakeLoop {
  const { clock, logger } = deps;
  let isFirst = true;
  let asked: string | undefined;
  return createWakeLoop({
    name: "memory.dreams",
    ...{ clock, logger, retryMs: RETRY_MS },
    async round(signal) {
      if (isFirst) {
        isFirst = false;
        return FIRST_ROUND_MS;
      }
      const hour = deps.hour();
      if (hour === undefined) return ROUND_EVERY_MS;
      const night = nightOf(clock.now(), hour, deps.zone());
      if (night !== asked) await ask(deps, night, { signal });
      asked = night;
      return ROUND_EVERY_MS;
    },
  });
}

/** The day on which the last night began that is due by now: at `hour` of the zone. */
export function nightOf(now: number, hour: number, zone: string): string {
  const days = new Intl.DateTimeFormat("en-CA", { timeZone: zone, dateStyle: "short" });
  return days.format(now - hour * HOUR_MS);
}

async function ask(deps: DreamLoopDeps, night: string, options: CallOptions): Promise<void> {
  const { unit, effects, memories, spaceId, clock } = deps;
  const counts = await memories.counts({ spaceId }, options);
  const agentIds = new Set(
    counts.filter(({ open, kind }) => open > 0 && kind !== "document").map(({ agentId }) => agentId),
  );
  const all = [...agentIds].map(
    (agentId): NewEffect => ({
      ...{
        id: derivedId(DREAM_EFFECT, spaceId, agentId, night),
        spaceId,
        kind: DREAM_EFFECT,
        v: DREAM_VERSION,
      },
      ...{ lane: "heavy", turnId: "", sessionId: "", payload: { agentId, night }, priority: PRIORITY },
      ...{ createdAt: clock.now(), key: `${DREAM_EFFECT} ${agentId}` },
    }),
  );
  for (let at = 0; at < all.length; at += BATCH)
    await unit.commit(
      all.slice(at, at + BATCH).map((effect) => effects.put(effect)),
      options,
    );
}
