import type { ClaimedTurn } from "@troupe/contracts";
import { TroupeError } from "@troupe/contracts";
import { type LinkedSignal, linkSignal } from "../kit/index.ts";
import type { AgentDeps } from "./deps.ts";
import { LeftForTakeover } from "./failure.ts";
import { createReruns } from "./reruns.ts";
import type { TurnRunner } from "./run-turn.ts";
import type { Place, Slots } from "./slots.ts";
import { allowedMs } from "./steps/1-open.ts";
import type { Gathering, TurnRun } from "./values.ts";

export interface ActiveTurn {
  readonly run: TurnRun;
  readonly work: LinkedSignal;
  readonly place: Place;
  ended: Promise<void>;
}

/** The turns that run in this process. */
export interface ActiveTurns {
  start(claimed: ClaimedTurn, place: Place, prepared?: Gathering): void;
  get(turnId: string): ActiveTurn | undefined;
  ofSession(sessionId: string): ActiveTurn | undefined;
  readonly size: number;
  /** Waits `graceMs` for what runs, then leaves the rest for takeover. */
  drain(graceMs: number): Promise<void>;
}

export function createActiveTurns(
  deps: Pick<AgentDeps, "unit" | "turns" | "clock" | "logger" | "processId">,
  parts: {
    readonly runner: TurnRunner;
    readonly slots: Slots;
    readonly custody: AbortController;
    readonly onFree: () => void;
  },
): ActiveTurns {
  const { clock } = deps;
  const { runner, slots, custody, onFree } = parts;
  const byTurn = new Map<string, ActiveTurn>();
  const bySession = new Map<string, ActiveTurn>();
  let isDraining = false;

  const start = (claimed: ClaimedTurn, place: Place, prepared?: Gathering): void => {
    const { turn, session } = claimed;
    // A process that slept past its lease may claim its own turn again; the older run is void. The answer to the older
    // claim may come last, and then it is the one that counts for nothing.
    const known = byTurn.get(turn.id);
    if (known !== undefined && known.run.claimed.turn.epoch > turn.epoch) {
      place.free();
      return;
    }
    known?.work.abort(new LeftForTakeover("it was claimed anew"));
    // Made when it is needed: an error with its stack is too dear for every turn.
    const late = () => new TroupeError("It took longer than allowed.", { code: "turn.deadline" });
    const work = linkSignal(custody.signal, { clock, afterMs: allowedMs(turn), reason: late });
    const run = runner.begin(claimed, prepared);
    const one: ActiveTurn = { run, work, place, ended: Promise.resolve() };
    byTurn.set(turn.id, one);
    bySession.set(session.id, one);
    one.ended = runner.run(run, { work: work.signal, custody: custody.signal }).then((outcome) => {
      work[Symbol.dispose]();
      const isCurrent = byTurn.get(turn.id) === one;
      if (isCurrent) byTurn.delete(turn.id);
      if (bySession.get(session.id) === one) bySession.delete(session.id);
      place.free();
      if (outcome === "left" && isCurrent && !isDraining) reruns.later(claimed);
      onFree();
    });
  };
  const reruns = createReruns(deps, { slots, signal: custody.signal, start, onFree });

  return {
    start,
    get: (turnId) => byTurn.get(turnId),
    ofSession: (sessionId) => bySession.get(sessionId),
    get size() {
      return byTurn.size;
    },
    async drain(graceMs) {
      isDraining = true;
      await reruns.stop();
      using _ = clock.schedule(graceMs, () => custody.abort(new LeftForTakeover("the process stops")));
      while (byTurn.size > 0) await Promise.all([...byTurn.values()].map((one) => one.ended));
    },
  };
}
