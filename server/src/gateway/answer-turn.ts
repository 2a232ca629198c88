import { type Call, onDisconnect } from "./call.ts";
import type { Waiting } from "./enter-turn.ts";
import type { Face } from "./face.ts";
import { type Outlet, openOutlet } from "./outlet.ts";
import { type Dialect, failureReply, jsonReply, type Reply } from "./reply.ts";
import type { TurnEnd, TurnOutcome, TurnSink } from "./turn-follower.ts";
import { failureOfEnd } from "./turn-record.ts";

/** Names the turn to every client, whatever its dialect. */
export function turnHeaders(turnId: string, sessionId: string): Readonly<Record<string, string>> {
  return { "x-troupe-turn": turnId, "x-troupe-session": sessionId, "x-request-id": turnId };
}

/** Opens the stream of a turn: `waiting` learns when the client leaves, when it is let go, and when all is written. */
export function streamOf(
  face: Face,
  call: Call,
  waiting: Waiting<TurnSink>,
  { firstMayWait = false }: { readonly firstMayWait?: boolean } = {},
): (first: string) => Outlet {
  const { turnId, sessionId } = waiting.entered;
  return (first) =>
    openOutlet(call, first, {
      headers: turnHeaders(turnId, sessionId),
      bufferedBytes: face.limits.bufferedBytes,
      ...(firstMayWait ? { firstMayWait: face.deps.clock } : {}),
      onGone: (reason) => {
        if (reason === "client-left") waiting.left();
        else waiting.letGo();
      },
      onEnded: () => waiting.done(),
    });
}

/** Waits for the turn's end and answers in one piece: `bodyOf` its reply, or why there is none. */
export async function wholeAnswer(
  call: Call,
  waiting: Waiting<TurnOutcome>,
  dialect: Dialect,
  bodyOf: (end: TurnEnd) => unknown,
): Promise<Reply> {
  const { turnId, sessionId } = waiting.entered;
  using _ = onDisconnect(call, () => {
    waiting.left();
    waiting.sink.abandoned();
  });
  waiting.begin();
  const end = await waiting.sink.end;
  waiting.done();
  if (end === undefined) {
    const message = `Troupe is closing. Turn ${turnId} is kept and goes on.`;
    return failureReply({ code: "not_ready", message, turnId, sessionId }, dialect);
  }
  if (end.state !== "replied" && end.state !== "suppressed") {
    return failureReply({ ...failureOfEnd(end), sessionId }, dialect);
  }
  return jsonReply(bodyOf(end), { headers: turnHeaders(turnId, sessionId) });
}
