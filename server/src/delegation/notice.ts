import type { Write } from "@troupe/contracts";
import { SUBJECTS, TroupeError } from "@troupe/contracts";
import { derivedId } from "../kit/index.ts";
import type { DelegationDeps } from "./deps.ts";

export interface Notice {
  /** The turn whose session is told, and who reads it. */
  readonly sessionId: string;
  readonly turnId: string;
  readonly text: string;
  /** Names it: the same one is kept once. */
  readonly about: string;
}

/**
 * Keeps `writes` together with notices in the sessions that they are about: what a limit held back is never silent. A session
 * that is gone is told nothing; what happened stays in the list of messages.
 */
export async function keepWithNotices(
  deps: Pick<DelegationDeps, "unit" | "sessions" | "turns" | "bus" | "ids" | "clock" | "logger">,
  writes: readonly Write<unknown>[],
  notices: readonly Notice[],
): Promise<void> {
  const told: Write<unknown>[] = [];
  for (const notice of notices) told.push(...(await noticeWrites(deps, notice)));
  try {
    await deps.unit.commit([...writes, ...told], NEVER);
  } catch (error) {
    if (told.length === 0 || !TroupeError.is(error, "store.conflict")) throw error;
    deps.logger.warn("delegation.notice_lost", { sessions: notices.map(({ sessionId }) => sessionId) });
    await deps.unit.commit(writes, NEVER);
    return;
  }
  for (const { sessionId, turnId } of told.length === 0 ? [] : notices) {
    const kind = SUBJECTS.sessionChanged;
    const at = deps.clock.now();
    deps.bus.publish(kind, { id: deps.ids.next(), kind, v: 1, at, payload: { sessionId, turnId } });
  }
}

async function noticeWrites(
  deps: Pick<DelegationDeps, "sessions" | "turns" | "clock">,
  { sessionId, turnId, text, about }: Notice,
): Promise<readonly Write<unknown>[]> {
  const [session, turn] = await Promise.all([
    deps.sessions.get(sessionId, NEVER),
    deps.turns.get(turnId, NEVER),
  ]);
  if (session === undefined || turn === undefined) return [];
  const at = deps.clock.now();
  return [
    deps.sessions.take({ id: sessionId, at, count: 1 }),
    deps.sessions.append({
      id: derivedId("agent-notice", about),
      ...{ spaceId: session.spaceId, sessionId, turnId, turnSeq: turn.turnSeq, role: "notice" },
      parts: [{ type: "text", text }],
      ...{ audience: session.audience, outcome: "ok", createdAt: at, fromLast: 0 },
    }),
  ];
}

/** What was done is kept although the process is stopping. */
export const NEVER: { readonly signal: AbortSignal } = { signal: new AbortController().signal };
