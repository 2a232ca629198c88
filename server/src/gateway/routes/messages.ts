import type { InboundMessage } from "@troupe/contracts";
import { type Call, headerOf, nameHeader, onDisconnect, parseJson, readBody } from "../call.ts";
import { failureOfEnd } from "../completion-stream.ts";
import { type Entered, enterTurn, readersOf, requestHashOf, type Waiting } from "../enter-turn.ts";
import type { Face } from "../face.ts";
import { type MessageRequest, readMessage } from "../message-request.ts";
import { openOutlet } from "../outlet.ts";
import { type Answer, failureReply, jsonReply, type Reply } from "../reply.ts";
import type { Route } from "../route.ts";
import { TurnEventStream } from "../turn-event-stream.ts";
import { type TurnEnd, TurnOutcome } from "../turn-follower.ts";
import { turnHeaders } from "./completions.ts";

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
  ];
}

async function post(face: Face, call: Call): Promise<Answer> {
  const receivedAt = face.deps.clock.now();
  const body = await readBody(call, face.limits.bodyBytes);
  const request = readMessage(parseJson(body));
  const wants = wantedForm(call);
  const message = toInbound(face, call, { request, body, receivedAt });
  if (wants === "stream") {
    const waiting = await enterTurn(face, call.principal, message, () => new TurnEventStream());
    return streamed(face, call, waiting);
  }
  const waiting = await enterTurn(face, call.principal, message, () => new TurnOutcome());
  if (wants === "receipt") {
    waiting.letGo();
    return receipt(waiting.entered);
  }
  return whole(call, waiting);
}

function wantedForm(call: Call): "receipt" | "stream" | "whole" {
  if (call.context.req.query("wait") === "false") return "receipt";
  if (/\brespond-async\b/i.test(headerOf(call, "prefer") ?? "")) return "receipt";
  return (headerOf(call, "accept") ?? "").includes("text/event-stream") ? "stream" : "whole";
}

function streamed(face: Face, call: Call, waiting: Waiting<TurnEventStream>): Response {
  const { turnId, sessionId } = waiting.entered;
  const response = waiting.sink.open((first) =>
    openOutlet(call, first, {
      headers: turnHeaders(turnId, sessionId),
      bufferedBytes: face.limits.bufferedBytes,
      onGone: (reason) => {
        if (reason === "client-left") waiting.left();
        else waiting.letGo();
      },
      onEnded: () => waiting.done(),
    }),
  );
  waiting.begin();
  return response;
}

async function whole(call: Call, waiting: Waiting<TurnOutcome>): Promise<Reply> {
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
    return failureReply({ code: "not_ready", message, turnId, sessionId }, "problem");
  }
  if (end.state !== "replied" && end.state !== "suppressed") {
    return failureReply({ ...failureOfEnd(end), sessionId }, "problem");
  }
  return jsonReply(outcomeBody(end, sessionId), { headers: turnHeaders(turnId, sessionId) });
}

function outcomeBody(end: TurnEnd, sessionId: string): Readonly<Record<string, unknown>> {
  const { turnId, state, messageId, text, usage, costUsd } = end;
  return { turnId, sessionId, state, messageId, text, usage, costUsd };
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

function toInbound(
  face: Face,
  call: Call,
  from: {
    readonly request: MessageRequest;
    readonly body: string;
    readonly receivedAt: number;
  },
): Omit<InboundMessage, "watch"> {
  const { request } = from;
  const { principal } = call;
  const peerId = request.user ?? principal.id;
  const platformId = nameHeader(call, "idempotency-key");
  const agentId = call.context.req.param("id") ?? "";
  return {
    agentId,
    channel: face.channel,
    sessionKey: request.session,
    peerId,
    audience: readersOf(principal, peerId),
    parts: [{ type: "text", text: request.text }],
    trigger: "chat",
    lane: "realtime",
    requestHash: requestHashOf(principal, request.session, `${agentId}\n${from.body}`),
    debounceMs: 0,
    receivedAt: from.receivedAt,
    ...(platformId === undefined ? {} : { platformId }),
    ...(request.command === undefined ? {} : { direct: request.command }),
    ...(request.instructions === undefined ? {} : { instructions: request.instructions }),
    ...(request.whileBusy === undefined ? {} : { whileBusy: request.whileBusy }),
    ...(request.maxOutputTokens === undefined ? {} : { maxOutputTokens: request.maxOutputTokens }),
    ...(request.temperature === undefined ? {} : { temperature: request.temperature }),
  };
}
