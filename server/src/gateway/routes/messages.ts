import { type Session, TroupeError } from "@troupe/contracts";
import { streamOf, turnHeaders, wholeAnswer } from "../answer-turn.ts";
import { type Call, headerOf, nameHeader, parseJson, readBody } from "../call.ts";
import { type Entered, enterTurn } from "../enter-turn.ts";
import type { Face } from "../face.ts";
import { inboundOf } from "../message-inbound.ts";
import { readMessage } from "../message-request.ts";
import { type Answer, FieldError, jsonReply, type Reply } from "../reply.ts";
import type { Route } from "../route.ts";
import { TurnEventStream } from "../turn-event-stream.ts";
import { type TurnEnd, TurnOutcome } from "../turn-follower.ts";
import { visibleSession } from "../turn-record.ts";

/** Our own way to talk to an agent: JSON, an event stream, or only a receipt. */
export function messageRoutes(face: Face): readonly Route[] {
  return [
    {
      method: "POST",
      path: "/api/agents/:id/messages",
      access: "key",
      acceptsWork: true,
      handle: (call) => post(face, call),
    },
    {
      method: "POST",
      path: "/api/sessions/:id/messages",
      access: "key",
      acceptsWork: true,
      handle: async (call) =>
        post(face, call, await ownSession(face, call, call.context.req.param("id") ?? "")),
    },
  ];
}

/** Channels whose conversations anybody may go on with from elsewhere: replies go to whoever waits for them. */
const OPEN_CHANNELS: ReadonlySet<string> = new Set(["api", "terminal"]);

/** A kept conversation of whoever asks, on a face. Throws `request.not_found`, `auth.forbidden` or `request.conflict` else. */
export async function ownSession(face: Face, call: Call, id: string): Promise<Session> {
  const session = await visibleSession(face.deps.stores, id, call.principal, face.lifetime);
  if (session.ownerId !== call.principal.id) {
    throw new TroupeError("This conversation is somebody else's; only they write in it.", {
      code: "auth.forbidden",
    });
  }
  if (!session.stateless && OPEN_CHANNELS.has(session.channel)) return session;
  const where = session.stateless ? "stood alone" : `lives on ${session.channel}; write there`;
  throw new TroupeError(`This conversation ${where}.`, { code: "request.conflict" });
}

async function post(face: Face, call: Call, session?: Session): Promise<Answer> {
  const receivedAt = face.deps.clock.now();
  const body = await readBody(call, face.limits.bodyBytes);
  const request = readMessage(parseJson(body));
  const wants = wantedForm(call);
  const agentId = session?.agentId ?? call.context.req.param("id") ?? "";
  if (session !== undefined && (request.session ?? request.user) !== undefined) {
    throw new FieldError("session", "The address names the conversation; leave session and user out.");
  }
  const message = inboundOf(face, call.principal, {
    ...{ agentId, request, receivedAt, hashed: `${agentId}\n${body}` },
    platformId: nameHeader(call, "idempotency-key"),
    ...(session === undefined ? {} : { session }),
  });
  if (wants === "stream") {
    const waiting = await enterTurn(face, call.principal, message, () => new TurnEventStream());
    const response = waiting.sink.open(streamOf(face, call, waiting));
    waiting.begin();
    return response;
  }
  const waiting = await enterTurn(face, call.principal, message, () => new TurnOutcome());
  if (wants === "receipt") {
    waiting.letGo();
    return receipt(waiting.entered);
  }
  return wholeAnswer(call, waiting, "problem", (end) => outcomeBody(end, waiting.entered.sessionId));
}

function wantedForm(call: Call): "receipt" | "stream" | "whole" {
  if (call.context.req.query("wait") === "false") return "receipt";
  if (/\brespond-async\b/i.test(headerOf(call, "prefer") ?? "")) return "receipt";
  return (headerOf(call, "accept") ?? "").includes("text/event-stream") ? "stream" : "whole";
}

function outcomeBody(end: TurnEnd, sessionId: string): Readonly<Record<string, unknown>> {
  const { turnId, state, messageId, text, usage, costUsd, finishReason } = end;
  return { turnId, sessionId, state, messageId, text, usage, costUsd, finishReason };
}

function receipt(entered: Entered): Reply {
  const { turnId, sessionId } = entered;
  const body =
    entered.kind === "duplicate"
      ? { turnId, sessionId, state: entered.state, joined: true }
      : {
          turnId,
          sessionId,
          messageId: entered.messageId,
          seq: entered.seq,
          position: entered.position,
          joined: false,
        };
  const headers = { ...turnHeaders(turnId, sessionId), location: `/api/turns/${turnId}` };
  return jsonReply(body, { status: 202, headers });
}
