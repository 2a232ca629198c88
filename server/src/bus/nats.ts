/** Doorbells and live events across processes. */
export { type BusTurnFeed, createBusTurnFeed } from "./bus-turn-feed.ts";
export { examineNats, type NatsFacts } from "./examine-nats.ts";
export { createNatsBus, type NatsBus } from "./nats-bus.ts";
