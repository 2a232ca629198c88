import type { Agent } from "@troupe/contracts";
import { TroupeError } from "@troupe/contracts";
import { streamOf, wholeAnswer } from "../answer-turn.ts";
import { type Call, nameHeader, parseJson, readBody } from "../call.ts";
import { enterTurn } from "../enter-turn.ts";
import type { Face } from "../face.ts";
import { type Answer, jsonReply } from "../reply.ts";
import type { Route } from "../route.ts";
import { TurnOutcome } from "../turn-follower.ts";
import { readCompletion } from "./completion-request.ts";
import { completionBody, completionDialect } from "./completion-stream.ts";
import { toInbound } from "./enter.ts";
import { OneWayStream } from "./one-way-stream.ts";

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
  const body = await readBody(call, face.limits.mediaBodyBytes);
  const sessionKey = nameHeader(call, "x-troupe-session");
  const request = readCompletion(parseJson(body), sessionKey !== undefined);
  const message = await toInbound(face, call, { asked: request, body, sessionKey, receivedAt });
  const shown = { model: request.agentId, createdSeconds: Math.floor(receivedAt / 1_000) };
  if (!request.stream) {
    const waiting = await enterTurn(face, call.principal, message, () => new TurnOutcome());
    return wholeAnswer(call, waiting, "openai", (end) => completionBody(shown, end));
  }
  const make = (): OneWayStream =>
    new OneWayStream(completionDialect({ ...shown, includeUsage: request.includeUsage }));
  const waiting = await enterTurn(face, call.principal, message, make);
  const response = waiting.sink.open(
    waiting.entered.turnId,
    streamOf(face, call, waiting, { firstMayWait: true }),
  );
  waiting.begin();
  return response;
}
