/** Doorbells and live events, within one process or across many. */
export type { BusTurnFeed } from "./bus-turn-feed.ts";
export type { NatsFacts } from "./examine-nats.ts";
export { createLocalBus, type LocalBus } from "./local-bus.ts";
export { createLocalTurnFeed, type LocalTurnFeed } from "./local-turn-feed.ts";
export type { NatsBus } from "./nats-bus.ts";

/** What speaks NATS; loaded where a bus is one. */
export function loadNats(): Promise<typeof import("./nats.ts")> {
  return import("./nats.ts");
}
