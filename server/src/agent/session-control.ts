import type { CallOptions, SessionControl } from "@troupe/contracts";
import { SUBJECTS, TroupeError } from "@troupe/contracts";
import { sleep } from "../kit/index.ts";
import type { Control } from "./control.ts";
import type { AgentDeps } from "./deps.ts";
import type { SessionViews } from "./session-views.ts";

export type SessionControlDeps = Pick<
  AgentDeps,
  "unit" | "sessions" | "turns" | "bus" | "clock" | "ids" | "hooks"
> & {
  readonly views: Pick<SessionViews, "forget">;
  readonly control: Pick<Control, "cancel">;
};

/** A turn that was asked to stop ends within moments; one that does not is told of. */
const WAIT_MS = 5_000;
const PAUSE_MS = 50;
const OPEN = ["queued", "running"] as const;
const MAX_OPEN = 200;

export function createSessionControl(deps: SessionControlDeps): SessionControl {
  const { unit, sessions, clock } = deps;

  const openTurns = async (sessionId: string, spaceId: string, options: CallOptions) => {
    const query = { spaceId, sessionId, states: OPEN, limit: MAX_OPEN };
    return (await deps.turns.list(query, options)).items.map((turn) => turn.id);
  };

  return {
    async remove(sessionId, { cancel, reason }, options) {
      const session = await sessions.get(sessionId, options);
      if (session === undefined)
        throw new TroupeError(`There is no session "${sessionId}".`, { code: "request.not_found" });
      const cancelled = cancel ? await openTurns(sessionId, session.spaceId, options) : [];
      for (const turnId of cancelled) await deps.control.cancel(turnId, { reason }, options);
      const giveUpAt = clock.monotonicMs() + (cancel ? WAIT_MS : 0);
      for (;;) {
        try {
          const write = sessions.remove(sessionId);
          const removed = (await unit.commit([write], options)).read(write);
          forgetEverywhere(deps, sessionId);
          if (deps.hooks?.has("session_end") === true) {
            const { spaceId, agentId } = session;
            await deps.hooks.tell("session_end", { spaceId, sessionId, agentId }, options);
          }
          return { ...removed, cancelled };
        } catch (error) {
          if (!TroupeError.is(error, "store.conflict")) throw error;
          if (clock.monotonicMs() >= giveUpAt) throw await stillBusy(deps, sessionId, options);
        }
        await sleep(clock, PAUSE_MS, options.signal);
      }
    },
  };
}

/** Any process may hold what was said in its cache, and a later session may have the same id. */
function forgetEverywhere({ views, bus, clock, ids }: SessionControlDeps, sessionId: string): void {
  views.forget(sessionId);
  const kind = SUBJECTS.sessionRemoved;
  bus.publish(kind, { id: ids.next(), kind, v: 1, at: clock.now(), payload: { sessionId } });
}

async function stillBusy(
  { sessions }: SessionControlDeps,
  sessionId: string,
  options: CallOptions,
): Promise<TroupeError> {
  // Somebody else deleted it just now.
  if ((await sessions.get(sessionId, options)) === undefined)
    return new TroupeError(`There is no session "${sessionId}".`, { code: "request.not_found" });
  return new TroupeError(
    "Something of this conversation is still under way: a turn that waits or runs, or a reply on its way. Nothing was deleted; stop it first, or wait for it.",
    { code: "request.conflict" },
  );
}
