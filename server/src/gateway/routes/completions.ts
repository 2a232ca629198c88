import type { Agent, InboundMessage } from "@troupe/contracts";
import { TroupeError } from "@troupe/contracts";
import { type Call, headerOf, nameHeader, onDisconnect, parseJson, readBody } from "../call.ts";
import { type CompletionRequest, readCompletion } from "../completion-request.ts";
import { CompletionStream, completionBody, failureOfEnd } from "../completion-stream.ts";
import { enterTurn, readersOf, requestHashOf, type Waiting } from "../enter-turn.ts";
import type { Face } from "../face.ts";
import { openOutlet } from "../outlet.ts";
import { type Answer, failureReply, jsonReply } from "../reply.ts";
import type { Route } from "../route.ts";
import { TurnOutcome } from "../turn-follower.ts";

/** The routes in OpenAI's dialect. Source: design §8, HTTP. */
export function completionRoutes(face: Face): readonly Route[] {
  return [
    {
      method: "POST",
      path: "/v1/chat/completions",
      access: "key",
      dialect: "openai",
      acceptsWork: true,
      handle: (call) => complete(face, call),
    },
    {
      method: "GET",
      path: "/v1/models",
      access: "key",
      dialect: "openai",
      handle: (call) => {
        const data = face.deps.agents.list(call.principal.spaceId).map(modelOf);
        return jsonReply({ object: "list", data });
      },
    },
    {
      method: "GET",
      path: "/v1/models/:id",
      access: "key",
      dialect: "openai",
      handle: (call) => {
        const id = call.context.req.param("id") ?? "";
        const agent = face.deps.agents.get(call.principal.spaceId, id);
        if (agent !== undefined) return jsonReply(modelOf(agent));
        throw new TroupeError(`There is no agent "${id.slice(0, 64)}".`, { code: "request.not_found" });
      },
    },
  ];
}

function modelOf(agent: Agent): Readonly<Record<string, unknown>> {
  // Agents have no date of their own; the field is required by the dialect.
  return { id: agent.spec.id, object: "model", created: 0, owned_by: "troupe" };
}

async function complete(face: Face, call: Call): Promise<Answer> {
  const receivedAt = face.deps.clock.now();
  const body = await readBody(call, face.limits.bodyBytes);
  const sessionKey = nameHeader(call, "x-troupe-session");
  const request = readCompletion(parseJson(body), sessionKey !== undefined);
  const message = toInbound(face, call, { request, body, sessionKey, receivedAt });
  const shown = { model: request.agentId, createdSeconds: Math.floor(receivedAt / 1_000) };
  if (!request.stream) {
    const waiting = await enterTurn(face, call.principal, message, () => new TurnOutcome());
    return wholeAnswer(call, waiting, shown);
  }
  const make = (): CompletionStream => new CompletionStream({ ...shown, includeUsage: request.includeUsage });
  const waiting = await enterTurn(face, call.principal, message, make);
  return streamedAnswer(face, call, waiting);
}

function streamedAnswer(face: Face, call: Call, waiting: Waiting<CompletionStream>): Answer {
  const { turnId, sessionId } = waiting.entered;
  const response = waiting.sink.open(turnId, (firstChunk) =>
    openOutlet(call, firstChunk, {
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

async function wholeAnswer(
  call: Call,
  waiting: Waiting<TurnOutcome>,
  shown: { readonly model: string; readonly createdSeconds: number },
): Promise<Answer> {
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
    return failureReply({ code: "not_ready", message, turnId, sessionId }, "openai");
  }
  if (end.state !== "replied" && end.state !== "suppressed") {
    return failureReply({ ...failureOfEnd(end), sessionId }, "openai");
  }
  return jsonReply(completionBody(shown, end), { headers: turnHeaders(turnId, sessionId) });
}

export function turnHeaders(turnId: string, sessionId: string): Readonly<Record<string, string>> {
  return { "x-troupe-turn": turnId, "x-troupe-session": sessionId, "x-request-id": turnId };
}

function toInbound(
  face: Face,
  call: Call,
  from: {
    readonly request: CompletionRequest;
    readonly body: string;
    readonly sessionKey: string | undefined;
    readonly receivedAt: number;
  },
): Omit<InboundMessage, "watch"> {
  const { request, sessionKey } = from;
  const { principal } = call;
  const peerId = request.user ?? principal.id;
  const platformId = nameHeader(call, "idempotency-key");
  const retries = headerOf(call, "x-stainless-retry-count");
  return {
    agentId: request.agentId,
    channel: face.channel,
    sessionKey,
    peerId,
    audience: readersOf(principal, peerId),
    parts: request.parts,
    trigger: "chat",
    lane: "realtime",
    requestHash: requestHashOf(principal, sessionKey, from.body),
    debounceMs: 0,
    receivedAt: from.receivedAt,
    ...(platformId === undefined ? {} : { platformId }),
    ...(retries === undefined || retries === "0" ? {} : { isRetry: true }),
    ...(request.given === undefined ? {} : { given: request.given }),
    ...(request.instructions === undefined ? {} : { instructions: request.instructions }),
    ...(request.maxOutputTokens === undefined ? {} : { maxOutputTokens: request.maxOutputTokens }),
    ...(request.temperature === undefined ? {} : { temperature: request.temperature }),
  };
}
