/** Doorbells and live events, within one process or across many. */
export { type BusTurnFeed, createBusTurnFeed } from "./bus-turn-feed.ts";
export { examineNats, type NatsFacts } from "./examine-nats.ts";
export { createLocalBus, type LocalBus } from "./local-bus.ts";
export { createLocalTurnFeed, type LocalTurnFeed } from "./local-turn-feed.ts";
export { createNatsBus, type NatsBus } from "./nats-bus.ts";
