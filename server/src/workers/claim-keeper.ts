import {
  type Clock,
  type Effect,
  type EffectStore,
  type Logger,
  TroupeError,
  type UnitOfWork,
} from "@troupe/contracts";
import { createWakeLoop, linkSignal, untilAborted } from "../kit/index.ts";

/** A claim is prolonged when a third of it has passed, and given up when so much of it is left and nobody prolonged it. */
const RENEWED_SHARE = 1 / 3;
const LEFT_SHARE = 1 / 5;

/** An effect that this process holds. */
export interface HeldClaim {
  /** Why it holds it no longer, or could not prolong it in time. */
  readonly lost: TroupeError | undefined;
  /** Called when it is lost. */
  onLost: ((reason: TroupeError) => void) | undefined;
}

export interface ClaimKeeper {
  /** `heldUntilMs` is on the monotonic clock. */
  hold(effect: Effect, heldUntilMs: number, leaseMs: number): HeldClaim;
  /** Holds it no longer. */
  release(claim: HeldClaim): void;
  start(signal: AbortSignal): void;
  stop(withinMs: number): Promise<void>;
}

interface Holding extends HeldClaim {
  readonly effect: Effect;
  readonly leaseMs: number;
  heldUntilMs: number;
  lost: TroupeError | undefined;
}

/** Prolongs the claims of all effects that run in this process: one loop, which sleeps while nothing runs for long. */
export function createClaimKeeper(deps: {
  readonly unit: UnitOfWork;
  readonly effects: Pick<EffectStore, "renew">;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly processId: string;
}): ClaimKeeper {
  const { clock, logger } = deps;
  const holdings = new Set<Holding>();

  const lose = (holding: Holding, why: string): void => {
    holdings.delete(holding);
    const { id, kind, turnId } = holding.effect;
    logger.warn("effect.claim_lost", { effectId: id, kind, turnId, why });
    const message = `The claim on the effect was lost: ${why}.`;
    holding.lost = new TroupeError(message, { code: "store.conflict", retryable: true });
    holding.onLost?.(holding.lost);
  };
  const round = async (signal: AbortSignal): Promise<number | undefined> => {
    const nowMs = clock.monotonicMs();
    const isDue = ({ heldUntilMs, leaseMs }: Holding) => heldUntilMs - nowMs <= leaseMs * (1 - RENEWED_SHARE);
    const due = [...holdings].filter(isDue);
    let failed = false;
    for (const [leaseMs, some] of Map.groupBy(due, (holding) => holding.leaseMs)) {
      try {
        await renew(deps, some, leaseMs, signal, lose);
      } catch (error) {
        signal.throwIfAborted();
        failed = true;
        logger.warn("effect.claims_not_renewed", { claims: some.length, error });
      }
    }
    for (const holding of [...holdings])
      if (holding.heldUntilMs - clock.monotonicMs() <= holding.leaseMs * LEFT_SHARE)
        lose(holding, "it could not be prolonged in time");
    return nextOf(holdings, clock.monotonicMs(), failed);
  };
  const loop = createWakeLoop({ name: "effect-claims", clock, logger, round, retryMs: 1_000 });

  return {
    hold(effect, heldUntilMs, leaseMs) {
      const holding: Holding = { effect, heldUntilMs, leaseMs, lost: undefined, onLost: undefined };
      holdings.add(holding);
      loop.wakeIn(Math.ceil(leaseMs * RENEWED_SHARE));
      return holding;
    },
    release: (claim) => void holdings.delete(claim as Holding),
    start: (signal) => loop.start(signal),
    stop: (withinMs) => loop.stop(withinMs),
  };
}

async function renew(
  { unit, effects, clock, processId }: Parameters<typeof createClaimKeeper>[0],
  holdings: readonly Holding[],
  leaseMs: number,
  signal: AbortSignal,
  lose: (holding: Holding, why: string) => void,
): Promise<void> {
  const beforeMs = clock.monotonicMs();
  const late = () => new TroupeError("The store did not prolong the claims in time.", { code: "store.busy" });
  using linked = linkSignal(signal, { clock, afterMs: leaseMs * RENEWED_SHARE, reason: late });
  const ids = holdings.map(({ effect }) => effect.id);
  const write = effects.renew({ owner: processId, leaseMs, ids });
  const committed = await untilAborted(unit.commit([write], { signal: linked.signal }), linked.signal);
  const epochs = new Map(committed.read(write).map(({ id, epoch }) => [id, epoch]));
  for (const holding of holdings) {
    if (epochs.get(holding.effect.id) === holding.effect.epoch) holding.heldUntilMs = beforeMs + leaseMs;
    else lose(holding, "another process holds it");
  }
}

/** Milliseconds until the next claim is to be prolonged; after a failure sooner. */
function nextOf(holdings: ReadonlySet<Holding>, nowMs: number, failed: boolean): number | undefined {
  if (holdings.size === 0) return undefined;
  const toNext = [...holdings].map(
    ({ heldUntilMs, leaseMs }) => heldUntilMs - nowMs - leaseMs * (1 - RENEWED_SHARE),
  );
  const shortest = Math.min(...[...holdings].map(({ leaseMs }) => leaseMs));
  return Math.ceil(Math.max(failed ? shortest / 12 : 1, Math.min(...toNext)));
}
