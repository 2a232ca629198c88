import type { Agent, CallOptions, InboundMessage } from "@troupe/contracts";
import type { InboxDeps, Way } from "./deps.ts";
import type { Draft } from "./draft.ts";

const MOST_KNOWN = 10_000;

/**
 * Which conversations are handed to another agent, as far as this process has met them. What it says is tried, and the
 * accepting commit refuses it where it is old; so nothing is read before that, and no process tells another.
 */
export interface Handed {
  /** Id of the agent that answers there; empty where it is the session's own. */
  of(sessionId: string): string;
  learn(sessionId: string, agentId: string): void;
}

export function createHanded(): Handed {
  const known = new Map<string, string>();
  return {
    of: (sessionId) => known.get(sessionId) ?? "",
    learn(sessionId, agentId) {
      known.delete(sessionId);
      if (agentId !== "") known.set(sessionId, agentId);
      for (const oldest of known.keys()) {
        if (known.size <= MOST_KNOWN) break;
        known.delete(oldest);
      }
    },
  };
}

/** Only what people say goes to whoever answers there now; what was caused for an agent is for that agent. */
export function isForWhoever({ sessionKey, cause }: InboundMessage): boolean {
  return sessionKey !== undefined && cause === undefined;
}

/** What follows from who answers. */
export function runBy(
  deps: InboxDeps,
  { message, own, sessionId, at, dueAt }: Pick<Draft, "message" | "own" | "sessionId" | "at" | "dueAt">,
  handedTo: string | undefined,
): Pick<Draft, "runner" | "handedTo" | "whileBusy" | "outlay" | "deadlineAt"> {
  const runner = runnerOf(deps, own, handedTo ?? "");
  return {
    runner,
    handedTo,
    whileBusy: message.whileBusy ?? runner.spec.whileBusy ?? "queue",
    outlay: deps.outlay(runner, message, { at, sessionId }),
    deadlineAt: dueAt + deps.deadlineMs(runner),
  };
}

/** Who answers in a session that is handed to `handedTo`. Authority fails closed: its own agent, where that may be reached no more. */
function runnerOf(
  { agents, mayHandOff }: Pick<InboxDeps, "agents" | "mayHandOff">,
  own: Agent,
  handedTo: string,
): Agent {
  const other = handedTo === "" ? undefined : agents.get(own.spaceId, handedTo);
  return other !== undefined && mayHandOff?.(own, other) === true ? other : own;
}

/** The same message for whoever answers in its session by now; undefined where that was not why it was refused. */
export async function handedAnew(
  { deps, handed }: Way,
  draft: Draft,
  options: CallOptions,
): Promise<Draft | undefined> {
  if (draft.handedTo === undefined) return undefined;
  const session = await deps.sessions.get(draft.sessionId, options);
  const handedTo = session?.handedTo ?? "";
  if (handedTo === draft.handedTo) return undefined;
  handed.learn(draft.sessionId, handedTo);
  return { ...draft, ...runBy(deps, draft, handedTo) };
}
