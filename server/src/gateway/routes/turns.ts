import type { TurnState } from "@troupe/contracts";
import { type Call, pageOf } from "../call.ts";
import type { Face } from "../face.ts";
import { openOutlet } from "../outlet.ts";
import { FieldError, jsonReply, type Reply } from "../reply.ts";
import type { Route } from "../route.ts";
import { TurnEventStream } from "../turn-event-stream.ts";
import { endOfTurn, isOperator, replyOf, shownStoryline, visibleTurn } from "../turn-record.ts";
import { originOf, treeOf } from "../turn-tree.ts";
import { usageOf } from "../turn-usage.ts";

const STATES: readonly TurnState[] = [
  "queued",
  "running",
  "replied",
  "failed",
  "cancelled",
  "suppressed",
  "dead",
];

/** Turns: what became of a message, live or kept, and stopping one. */
export function turnRoutes(face: Face): readonly Route[] {
  return [
    { method: "GET", path: "/api/turns", access: "key", handle: (call) => list(face, call) },
    { method: "GET", path: "/api/turns/:id", access: "key", handle: (call) => show(face, call) },
    { method: "GET", path: "/api/turns/:id/events", access: "key", handle: (call) => events(face, call) },
    { method: "POST", path: "/api/turns/:id/cancel", access: "key", handle: (call) => cancel(face, call) },
  ];
}

async function list(face: Face, call: Call): Promise<Reply> {
  const { principal, context } = call;
  const sessionId = context.req.query("session");
  const states = statesOf(context.req.query("state"));
  const page = await face.deps.stores.turns.list(
    {
      ...pageOf(call),
      spaceId: principal.spaceId,
      ...(isOperator(principal) ? {} : { ownerId: principal.id }),
      ...(sessionId === undefined ? {} : { sessionId }),
      ...(states === undefined ? {} : { states }),
    },
    face.lifetime,
  );
  return jsonReply(page);
}

/** `?state=queued,running`. */
function statesOf(text: string | undefined): readonly TurnState[] | undefined {
  if (text === undefined || text === "") return undefined;
  return text.split(",").map((name) => {
    const state = STATES.find((known) => known === name);
    if (state !== undefined) return state;
    throw new FieldError("state", `state names "${name.slice(0, 40)}"; known are ${STATES.join(", ")}.`);
  });
}

/** The whole chain of one turn, from receipt to delivery, with what caused it and what it caused. Source: design §2 rule 4. */
async function show(face: Face, call: Call): Promise<Reply> {
  const { stores } = face.deps;
  const { turn, session } = await visibleTurn(stores, idOf(call), call.principal, face.lifetime);
  const { principal } = call;
  const reader = { spaceId: turn.spaceId, ...(isOperator(principal) ? {} : { ownerId: principal.id }) };
  const related = Promise.all([
    originOf(stores, turn, reader, face.lifetime),
    treeOf(stores, turn, session.ownerId, reader, face.lifetime),
  ]);
  const life = Promise.all([
    stores.inbox.ofTurn(turn.id, face.lifetime),
    stores.turns.inbound(turn.id, face.lifetime),
    replyOf(stores, turn, face.lifetime),
    stores.turns.steps(turn.id, face.lifetime),
    stores.ledger.callsOfTurn(turn.id, face.lifetime),
    stores.outbox.ofTurn(turn.id, face.lifetime),
    stores.effects.ofTurn(turn.id, face.lifetime),
    shownStoryline(stores, session, principal, face.lifetime),
  ]);
  const [parts, [origin, caused]] = await Promise.all([life, related]);
  const [inbound, messages, reply, steps, modelCalls, outbox, effects, storyline] = parts;
  return jsonReply({
    turn,
    session,
    storyline: storyline === undefined ? null : { id: storyline.id, title: storyline.title },
    inbound,
    messages,
    reply: reply ?? null,
    steps,
    modelCalls,
    usage: usageOf(modelCalls),
    outbox,
    effects,
    origin: origin ?? null,
    caused,
  });
}

/** Live events of a running turn, replayed from the start of its attempt; of an ended one its end alone. */
async function events(face: Face, call: Call): Promise<Response> {
  const { turn } = await visibleTurn(face.deps.stores, idOf(call), call.principal, face.lifetime);
  const stream = new TurnEventStream();
  const follower = face.follower(stream);
  // Watch first, read then: an end that falls in between is in the record.
  const watching = face.deps.feed.subscribe(turn.id, follower.listener);
  const stop = (): void => {
    watching[Symbol.dispose]();
    follower.stop();
  };
  try {
    const end = await endOfTurn(face.deps.stores, turn.id, face.lifetime);
    if (end !== undefined) follower.listener(end);
  } catch (error) {
    stop();
    throw error;
  }
  const response = stream.open((first) =>
    openOutlet(call, first, {
      headers: { "x-troupe-turn": turn.id, "x-troupe-session": turn.sessionId },
      bufferedBytes: face.limits.bufferedBytes,
      onGone: stop,
      onEnded: stop,
    }),
  );
  follower.follow(turn.id);
  return response;
}

async function cancel(face: Face, call: Call): Promise<Reply> {
  const { turn } = await visibleTurn(face.deps.stores, idOf(call), call.principal, face.lifetime);
  const reason = `asked for by ${call.principal.kind} ${call.principal.id}`;
  const result = await face.deps.control.cancel(turn.id, { reason, tree: true }, face.lifetime);
  return jsonReply({ turnId: turn.id, result: result.kind, state: result.state });
}

function idOf(call: Call): string {
  return call.context.req.param("id") ?? "";
}
