import type { GivenMessage, InboundMessage, MessagePart } from "@troupe/contracts";
import { MAX_FILES_PER_MESSAGE } from "@troupe/contracts";
import { type Call, headerOf, nameHeader } from "../call.ts";
import { readersOf, requestHashOf } from "../enter-turn.ts";
import type { Face } from "../face.ts";
import { FieldError } from "../reply.ts";
import type { Asked, GivenDraft } from "./completion-request.ts";
import { keepFiles } from "./content.ts";

/** A request of these dialects as the way in takes it. The files that it holds are kept first. */
export async function toInbound(
  face: Face,
  call: Call,
  from: {
    readonly asked: Asked;
    readonly body: string;
    readonly sessionKey: string | undefined;
    readonly receivedAt: number;
  },
): Promise<Omit<InboundMessage, "watch">> {
  const { asked, sessionKey } = from;
  const { principal } = call;
  const peerId = asked.user ?? principal.id;
  const platformId = nameHeader(call, "idempotency-key");
  const retries = headerOf(call, "x-stainless-retry-count");
  const client = withToolsMode(call, asked.client);
  const given = asked.given === undefined ? undefined : await keepGiven(face, call, asked.given);
  return {
    agentId: asked.agentId,
    channel: face.channel,
    sessionKey,
    peerId,
    audience: readersOf(principal, peerId),
    parts: await partsOf(face, call, asked),
    trigger: "chat",
    lane: "realtime",
    requestHash: requestHashOf(principal, sessionKey, from.body),
    debounceMs: 0,
    receivedAt: from.receivedAt,
    ...(platformId === undefined ? {} : { platformId }),
    ...(retries === undefined || retries === "0" ? {} : { isRetry: true }),
    ...(given === undefined ? {} : { given }),
    ...(asked.instructions === undefined ? {} : { instructions: asked.instructions }),
    ...(asked.maxOutputTokens === undefined ? {} : { maxOutputTokens: asked.maxOutputTokens }),
    ...(asked.temperature === undefined ? {} : { temperature: asked.temperature }),
    ...(client === undefined ? {} : { client }),
  };
}

/** `x-troupe-tools: client` offers the request's tools alone; by default they stand beside the agent's own. */
function withToolsMode(call: Call, client: Asked["client"]): Asked["client"] {
  const mode = headerOf(call, "x-troupe-tools");
  if (mode === undefined || mode === "both") return client;
  if (mode === "client") return { ...client, withoutAgentTools: true };
  throw new FieldError(
    "x-troupe-tools",
    `x-troupe-tools is "${mode.slice(0, 40)}"; it must be both or client.`,
  );
}

async function partsOf(face: Face, call: Call, asked: Asked): Promise<readonly MessagePart[]> {
  if (asked.files.length > MAX_FILES_PER_MESSAGE) {
    const many = `The new messages hold ${asked.files.length} files; ${MAX_FILES_PER_MESSAGE} are the most.`;
    throw new FieldError("messages", many);
  }
  const text: MessagePart[] = asked.text === "" ? [] : [{ type: "text", text: asked.text }];
  return [...asked.results, ...text, ...(await keepFiles(face, call.principal, asked.files))];
}

async function keepGiven(
  face: Face,
  call: Call,
  drafts: readonly GivenDraft[],
): Promise<readonly GivenMessage[]> {
  const given: GivenMessage[] = [];
  for (const { files, ...message } of drafts) {
    given.push(
      files === undefined ? message : { ...message, files: await keepFiles(face, call.principal, files) },
    );
  }
  return given;
}
