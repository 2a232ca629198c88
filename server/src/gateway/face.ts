import type { CallOptions, TurnEvent } from "@troupe/contracts";
import { type FaceDeps, type FaceLimits, limitsOf } from "./deps.ts";
import { createInboxBells, type InboxBells } from "./inbox-bells.ts";
import { createInterest, type Interest } from "./interest.ts";
import { createRates, type Rates } from "./rates.ts";
import { createSessionBells, type SessionBells } from "./session-bells.ts";
import { TurnFollower, type TurnSink } from "./turn-follower.ts";
import { endOfTurn } from "./turn-record.ts";
import { createWatchers, type Watchers } from "./watchers.ts";

/** One face at work: what its routes share. */
export interface Face {
  readonly deps: FaceDeps;
  readonly limits: FaceLimits;
  /** The channel that messages of this face belong to. */
  readonly channel: "api" | "terminal";
  readonly watchers: Watchers;
  readonly interest: Interest;
  readonly bells: SessionBells;
  readonly inboxBells: InboxBells;
  readonly rates: Rates;
  /** For every call into a port: aborts when the face closes, after its clients were told. */
  readonly lifetime: CallOptions;
  follower(sink: TurnSink): TurnFollower;
  isClosing(): boolean;
  /** New requests are told `not_ready` from now on. */
  beginClosing(): void;
  /** Whoever still waits is told, then all reads are aborted. */
  finishClosing(): void;
}

export function createFace(deps: FaceDeps, channel: Face["channel"]): Face {
  const limits = limitsOf(deps.limits);
  const watchers = createWatchers(deps.clock, limits.keepAliveCommentMs, {
    begun: deps.metrics.counter("http_waits_begun_total", "Requests that began to wait for a turn."),
    ended: deps.metrics.counter("http_waits_ended_total", "Requests that ended waiting for a turn."),
  });
  const life = new AbortController();
  const lifetime = { signal: life.signal };
  let closing = false;
  const following = {
    watchers,
    logger: deps.logger,
    readEnd: (turnId: string): Promise<TurnEvent | undefined> => endOfTurn(deps.stores, turnId, lifetime),
  };
  return {
    deps,
    limits,
    channel,
    watchers,
    interest: createInterest(),
    bells: createSessionBells(deps.bus),
    inboxBells: createInboxBells(deps.bus),
    rates: createRates(deps.rates, deps.metrics),
    lifetime,
    follower: (sink) => new TurnFollower(following, sink),
    isClosing: () => closing,
    beginClosing() {
      closing = true;
    },
    finishClosing() {
      closing = true;
      watchers.abandonAll();
      life.abort(new Error("The face is closed."));
    },
  };
}
