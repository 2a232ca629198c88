import { hash } from "node:crypto";
import { TroupeError } from "@troupe/contracts";
import { derivedId, sessionIdFrom } from "../../kit/index.ts";
import { streamOf, wholeAnswer } from "../answer-turn.ts";
import { type Call, nameHeader, parseJson, readBody } from "../call.ts";
import { enterTurn, requestHashOf } from "../enter-turn.ts";
import type { Face } from "../face.ts";
import { type Answer, FieldError, jsonReply, type Reply } from "../reply.ts";
import type { Route } from "../route.ts";
import { TurnOutcome } from "../turn-follower.ts";
import { endOfTurn, failureOfEnd, replyOf, visibleTurn } from "../turn-record.ts";
import { toInbound } from "./enter.ts";
import { OneWayStream } from "./one-way-stream.ts";
import { endedResponse, responseObject, type ShownResponse } from "./responses-body.ts";
import { conversationFieldsOf, type ResponsesRequest, readResponses, turnIdAt } from "./responses-request.ts";
import { responsesDialect } from "./responses-stream.ts";

/** OpenAI's newer dialect. A response is a turn, and what it follows is its session. */
export function responseRoutes(face: Face): readonly Route[] {
  return [
    {
      method: "POST",
      path: "/v1/responses",
      access: "key",
      dialect: "openai",
      acceptsWork: true,
      handle: (call) => respond(face, call),
    },
    {
      method: "GET",
      path: "/v1/responses/:id",
      access: "key",
      dialect: "openai",
      handle: (call) => retrieve(face, call),
    },
  ];
}

async function respond(face: Face, call: Call): Promise<Answer> {
  const receivedAt = face.deps.clock.now();
  const body = await readBody(call, face.limits.mediaBodyBytes);
  const json = parseJson(body);
  const { previousTurnId, store } = conversationFieldsOf(json);
  const named = nameHeader(call, "x-troupe-session");
  if (previousTurnId !== undefined && named !== undefined) {
    throw new FieldError(
      "previous_response_id",
      "previous_response_id and the header x-troupe-session both name a conversation; send one of them.",
    );
  }
  const isKept = store || previousTurnId !== undefined || named !== undefined;
  const request = readResponses(json, isKept);
  const known = named ?? previousTurnId ?? "";
  const place = isKept ? await placeOf(face, call, request, named, body) : undefined;
  const asked = place === undefined ? request : { ...request, user: place.user ?? request.user };
  const message = {
    ...(await toInbound(face, call, { asked, body, sessionKey: place?.key, receivedAt })),
    // A retry says the same, though its conversation may have a fresh name.
    requestHash: requestHashOf(call.principal, `responses\n${known}`, body),
  };
  const shown = shownOf(request, receivedAt, isKept);
  if (!request.stream) {
    const waiting = await enterTurn(face, call.principal, message, () => new TurnOutcome());
    return wholeAnswer(call, waiting, "openai", (end) => endedResponse(shown, end));
  }
  const waiting = await enterTurn(
    face,
    call.principal,
    message,
    () => new OneWayStream(responsesDialect(shown)),
  );
  const response = waiting.sink.open(
    waiting.entered.turnId,
    streamOf(face, call, waiting, { firstMayWait: true }),
  );
  waiting.begin();
  return response;
}

function shownOf(request: ResponsesRequest, receivedAt: number, isKept: boolean): ShownResponse {
  const { agentId, previousTurnId, instructions, echo } = request;
  const createdSeconds = Math.floor(receivedAt / 1_000);
  return { model: agentId, createdSeconds, previousTurnId, store: isKept, instructions, echo };
}

interface Place {
  readonly key: string;
  /** Of the conversation that goes on. */
  readonly user: string | undefined;
}

/** The conversation: one that is named, the one of the previous response, or a fresh one. */
async function placeOf(
  face: Face,
  call: Call,
  request: ResponsesRequest,
  named: string | undefined,
  body: string,
): Promise<Place> {
  const { previousTurnId } = request;
  if (named !== undefined) return { key: named, user: undefined };
  // Of the request alone, so that a retry finds the same one.
  const fresh = `resp-${derivedId("response", call.principal.id, previousTurnId ?? face.deps.ids.next(), hash("sha256", body, "hex"))}`;
  if (previousTurnId === undefined) return { key: fresh, user: undefined };
  const { stores } = face.deps;
  const { turn, session } = await visibleTurn(stores, previousTurnId, call.principal, face.lifetime);
  const isOwn = session.ownerId === call.principal.id && session.channel === face.channel;
  if (!isOwn || session.agentId !== request.agentId || session.stateless) {
    throw new FieldError(
      "previous_response_id",
      `previous_response_id names a turn whose conversation cannot go on here: it needs the same key and model, and a response that was stored.`,
    );
  }
  const user = session.peerId;
  const reply = await replyOf(stores, turn, face.lifetime);
  if (reply === undefined) {
    throw new TroupeError(`Response ${previousTurnId} has not ended yet. Wait for it, or cancel its turn.`, {
      code: "request.conflict",
      retryable: true,
      retryAfterMs: 1_000,
    });
  }
  if (reply.seq === session.lastSeq) return { key: session.key, user };
  // The conversation went on since; what follows an earlier response is a branch of it.
  const id = sessionIdFrom({ ...session, key: fresh });
  const write = stores.sessions.branch({
    ...{ id, key: fresh, parentId: session.id, messageId: reply.id, isIncluded: true, name: undefined },
    storylineId: derivedId("storyline", id),
    at: face.deps.clock.now(),
  });
  try {
    await stores.unit.commit([write], face.lifetime);
  } catch (error) {
    // A retry: the branch is there.
    if (!TroupeError.is(error, "store.conflict")) throw error;
    if ((await stores.sessions.get(id, face.lifetime)) === undefined) throw error;
  }
  return { key: fresh, user };
}

async function retrieve(face: Face, call: Call): Promise<Reply> {
  const turnId = turnIdAt(call.context.req.param("id"), "id");
  const { stores } = face.deps;
  const { turn, session } = await visibleTurn(stores, turnId, call.principal, face.lifetime);
  const shown: ShownResponse = {
    model: turn.agentId,
    createdSeconds: Math.floor(turn.createdAt / 1_000),
    previousTurnId: undefined,
    store: !session.stateless,
    instructions: turn.payload.instructions,
    echo: {},
  };
  const end = await endOfTurn(stores, turnId, face.lifetime);
  if (end?.type !== "end") {
    return jsonReply(responseObject(shown, turnId, { status: "in_progress", output: [] }));
  }
  if (end.state === "replied" || end.state === "suppressed") return jsonReply(endedResponse(shown, end));
  const failure = failureOfEnd(end);
  return jsonReply(responseObject(shown, turnId, { status: "failed", output: [], failure }));
}
