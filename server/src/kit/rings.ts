import type { Clock, IdGenerator, MessageBus, Write } from "@troupe/contracts";

export interface RingParts {
  readonly bus: Pick<MessageBus, "publish">;
  readonly ids: IdGenerator;
  readonly clock: Clock;
}

/** Rings, each once, the subjects for which something may be due now that these writes are kept. */
export function ringFor({ bus, ids, clock }: RingParts, writes: readonly Write<unknown>[]): void {
  for (const subject of ringsOf(writes))
    bus.publish(subject, { id: ids.next(), kind: subject, v: 1, at: clock.now(), payload: {} });
}

export function ringsOf(writes: readonly Write<unknown>[]): ReadonlySet<string> {
  return new Set(writes.flatMap(({ rings = [] }) => rings));
}
