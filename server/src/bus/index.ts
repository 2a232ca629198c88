/** Doorbells and live events within one process. */
export { type BusTurnFeed, createBusTurnFeed } from "./bus-turn-feed.ts";
export { createLocalBus, type LocalBus } from "./local-bus.ts";
export { createLocalTurnFeed, type LocalTurnFeed } from "./local-turn-feed.ts";
