import {
  type Clock,
  type FlowRun,
  type FlowStore,
  type Logger,
  TroupeError,
  type UnitOfWork,
} from "@troupe/contracts";
import { createWakeLoop, type LinkedSignal, linkSignal, untilAborted } from "../kit/index.ts";

/** A claim is prolonged when a third of it has passed, and given up when so much of it is left and nobody prolonged it. */
const RENEWED_SHARE = 1 / 3;
const LEFT_SHARE = 1 / 5;
const RETRY_MS = 1_000;

/** A flow that this process works on. */
export interface HeldFlow extends Disposable {
  /** Aborts when the claim was lost, when the flow is to be cancelled, and with the life that it was held under. */
  readonly signal: AbortSignal;
}

export interface FlowClaims {
  /** `heldUntilMs` is on the monotonic clock. Disposing holds it no longer. */
  hold(flow: FlowRun, heldUntilMs: number, life: AbortSignal): HeldFlow;
  /** Somebody wants it cancelled: whatever runs of it here is aborted. */
  cancel(flowId: string, reason: string): void;
  start(signal: AbortSignal): void;
  stop(withinMs: number): Promise<void>;
}

interface Holding {
  readonly flow: FlowRun;
  readonly link: LinkedSignal;
  heldUntilMs: number;
}

export interface FlowClaimsDeps {
  readonly unit: UnitOfWork;
  readonly flows: Pick<FlowStore, "renew">;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly processId: string;
  readonly leaseMs: number;
}

/** Prolongs the claims of all flows that are worked on here: one loop, which sleeps while no step runs for long. */
export function createFlowClaims(deps: FlowClaimsDeps): FlowClaims {
  const { clock, logger, leaseMs } = deps;
  const holdings = new Set<Holding>();

  const end = (holding: Holding, error: TroupeError): void => {
    holdings.delete(holding);
    holding.link.abort(error);
  };
  const lose = (holding: Holding, why: string): void => {
    logger.warn("flow.claim_lost", { flowId: holding.flow.id, step: holding.flow.step, why });
    const message = `The claim on the flow was lost: ${why}.`;
    end(holding, new TroupeError(message, { code: "store.conflict", retryable: true }));
  };
  const cancel = (holding: Holding, reason: string): void =>
    end(holding, new TroupeError(`The flow is to be cancelled: ${reason}`, { code: "store.conflict" }));
  const round = async (signal: AbortSignal): Promise<number | undefined> => {
    const nowMs = clock.monotonicMs();
    const due = [...holdings].filter(
      ({ heldUntilMs }) => heldUntilMs - nowMs <= leaseMs * (1 - RENEWED_SHARE),
    );
    let failed = false;
    try {
      if (due.length > 0) await renew(deps, due, signal, { lose, cancel });
    } catch (error) {
      signal.throwIfAborted();
      failed = true;
      logger.warn("flow.claims_not_renewed", { claims: due.length, error });
    }
    for (const holding of [...holdings])
      if (holding.heldUntilMs - clock.monotonicMs() <= leaseMs * LEFT_SHARE)
        lose(holding, "it could not be prolonged in time");
    return nextOf(holdings, clock.monotonicMs(), leaseMs, failed);
  };
  const loop = createWakeLoop({ name: "flow-claims", clock, logger, round, retryMs: RETRY_MS });

  return {
    hold(flow, heldUntilMs, life) {
      const holding: Holding = { flow, link: linkSignal(life), heldUntilMs };
      holdings.add(holding);
      loop.wakeIn(Math.ceil(leaseMs * RENEWED_SHARE));
      return {
        signal: holding.link.signal,
        [Symbol.dispose]() {
          holdings.delete(holding);
          holding.link[Symbol.dispose]();
        },
      };
    },
    cancel(flowId, reason) {
      for (const holding of [...holdings]) if (holding.flow.id === flowId) cancel(holding, reason);
    },
    start: (signal) => loop.start(signal),
    stop: (withinMs) => loop.stop(withinMs),
  };
}

async function renew(
  { unit, flows, clock, processId, leaseMs }: FlowClaimsDeps,
  holdings: readonly Holding[],
  signal: AbortSignal,
  told: {
    readonly lose: (holding: Holding, why: string) => void;
    readonly cancel: (holding: Holding, reason: string) => void;
  },
): Promise<void> {
  const beforeMs = clock.monotonicMs();
  const late = () => new TroupeError("The store did not prolong the claims in time.", { code: "store.busy" });
  using linked = linkSignal(signal, { clock, afterMs: leaseMs * RENEWED_SHARE, reason: late });
  const ids = holdings.map(({ flow }) => flow.id);
  const write = flows.renew({ owner: processId, leaseMs, ids });
  const committed = await untilAborted(unit.commit([write], { signal: linked.signal }), linked.signal);
  const kept = new Map(committed.read(write).map((one) => [one.id, one]));
  for (const holding of holdings) {
    const { epoch, cancelRequested } = kept.get(holding.flow.id) ?? {};
    if (epoch !== holding.flow.epoch) told.lose(holding, "another process holds it");
    else if (cancelRequested !== undefined) told.cancel(holding, cancelRequested);
    else holding.heldUntilMs = beforeMs + leaseMs;
  }
}

/** Milliseconds until the next claim is to be prolonged; after a failure sooner. */
function nextOf(
  holdings: ReadonlySet<Holding>,
  nowMs: number,
  leaseMs: number,
  failed: boolean,
): number | undefined {
  if (holdings.size === 0) return undefined;
  const first = Math.min(...[...holdings].map(({ heldUntilMs }) => heldUntilMs));
  return Math.ceil(Math.max(failed ? leaseMs / 12 : 1, first - nowMs - leaseMs * (1 - RENEWED_SHARE)));
}
