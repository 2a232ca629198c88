import type { InboundMessage, Principal, Session } from "@troupe/contracts";
import { readersOf, requestHashOf } from "./enter-turn.ts";
import type { Face } from "./face.ts";
import type { MessageRequest } from "./message-request.ts";

/** A message of our own API as the way in takes it, from HTTP or a WebSocket. */
export function inboundOf(
  face: Face,
  principal: Principal,
  from: {
    readonly agentId: string;
    readonly request: MessageRequest;
    /** The conversation that it goes into, where it is named by its id. */
    readonly session?: Pick<Session, "channel" | "key" | "peerId">;
    readonly receivedAt: number;
    readonly platformId: string | undefined;
    /** What a repetition must say again, word for word. */
    readonly hashed: string;
  },
): Omit<InboundMessage, "watch"> {
  const { request, agentId, platformId, session } = from;
  const peerId = session?.peerId ?? request.user ?? principal.id;
  const sessionKey = session?.key ?? request.session;
  return {
    agentId,
    channel: session?.channel ?? face.channel,
    sessionKey,
    peerId,
    audience: readersOf(principal, peerId),
    parts: [
      ...request.files,
      ...(request.text === "" ? [] : [{ type: "text" as const, text: request.text }]),
    ],
    trigger: "chat",
    lane: "realtime",
    requestHash: requestHashOf(principal, sessionKey, from.hashed),
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
