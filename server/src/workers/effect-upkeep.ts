import type { Clock, EffectHandler, EffectStore, Lane, Logger, UnitOfWork } from "@troupe/contracts";
import type { Metrics } from "../kit/index.ts";
import type { LaneState } from "./effect-lanes.ts";

const SHED_CHECK_MS = 1_000;
const PARKED_CHECK_MS = 60_000;
/** Of one commit; the next check takes the rest. */
const MOST_SHED = 1_000;

export interface EffectUpkeep {
  /** Sheds where a lane is past its bound, and takes up parked effects that a handler here knows; each now and then. */
  run(options: { readonly signal: AbortSignal }): Promise<void>;
}

export function createEffectUpkeep(deps: {
  readonly unit: UnitOfWork;
  readonly effects: Pick<EffectStore, "shed" | "backlog" | "parked" | "unpark">;
  readonly handlers: readonly EffectHandler[];
  readonly lanes: readonly LaneState[];
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics: Metrics;
}): EffectUpkeep {
  const { unit, effects, handlers, clock, logger, metrics } = deps;
  const kinds = handlers.filter(({ mayShed }) => mayShed === true).map(({ kind }) => kind);
  const total = metrics.counter("effects_total", "Effects by kind and outcome");
  const checkedAtMs = new Map<Lane, number>();
  let parkedAtMs = Number.NEGATIVE_INFINITY;

  const shed = async (
    { lane, shedAbove }: LaneState,
    options: { readonly signal: AbortSignal },
  ): Promise<void> => {
    const nowMs = clock.monotonicMs();
    if (nowMs - (checkedAtMs.get(lane) ?? Number.NEGATIVE_INFINITY) < SHED_CHECK_MS) return;
    checkedAtMs.set(lane, nowMs);
    const over = (await effects.backlog(lane, shedAbove + MOST_SHED, options)) - shedAbove;
    if (over <= 0) return;
    const reason = `The lane ${lane} had more than ${shedAbove} to do, and this kind may be left out then.`;
    const write = effects.shed({ lane, kinds, limit: over, reason, at: clock.now() });
    const ended = (await unit.commit([write], options)).read(write);
    for (const [kind, some] of Map.groupBy(ended, (one) => one.kind)) {
      total.add(some.length, { kind, outcome: "shed" });
      logger.warn("effect.shed", { lane, kind, effects: some.length, shedAbove });
    }
  };
  const unpark = async (options: { readonly signal: AbortSignal }): Promise<void> => {
    const nowMs = clock.monotonicMs();
    if (nowMs - parkedAtMs < PARKED_CHECK_MS) return;
    parkedAtMs = nowMs;
    const parked = await effects.parked(options);
    const known = parked.filter(({ kind, v }) =>
      handlers.some((handler) => handler.kind === kind && handler.versions.includes(v)),
    );
    if (known.length === 0) return;
    const write = effects.unpark(known, clock.now());
    const taken = (await unit.commit([write], options)).read(write);
    logger.info("effect.unparked", { effects: taken.length, kinds: known.map(({ kind }) => kind) });
  };

  return {
    async run(options) {
      if (kinds.length > 0) for (const lane of deps.lanes) await shed(lane, options);
      await unpark(options);
    },
  };
}
