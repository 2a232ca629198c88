import type { Agent, CallOptions, Message, Tool, ToolContext, ToolOutput, Write } from "@troupe/contracts";
import { MAX_AGENT_MESSAGE_BYTES, textOf } from "@troupe/contracts";
import { derivedId } from "../kit/index.ts";
import { isTooLarge, unknownAgent } from "./ask-tools.ts";
import type { DelegationDeps } from "./deps.ts";
import { AGENTS_CHANNEL } from "./post.ts";
import { named, reachable } from "./reach.ts";
import { cut, nameOf, tell } from "./texts.ts";

const DEFAULT_MESSAGES = 10;
const MOST_MESSAGES = 50;
const MOST_CONTEXT_BYTES = 32 * 1024;

interface Wish {
  readonly agent: string;
  readonly note: string;
  readonly show?: "nothing" | "summary" | "messages";
  readonly messages?: number;
}

/** One agent gives its conversation with a person to another. Source: feature NG-034. */
export function handOffTool(deps: DelegationDeps): Tool {
  return {
    spec: {
      name: "hand_off",
      description:
        "Hands this conversation to another agent, who answers the person from their next message on. It knows your note and what you show it, and nothing else of what was said. Use it when the person asks for somebody else, or needs what only another agent can do.",
      kind: "transactional",
      needs: "agents",
      triggers: ["chat", "channel"],
      inputSchema: {
        type: "object",
        properties: {
          agent: { type: "string", minLength: 1, maxLength: 64, description: "Id or name of the agent." },
          note: {
            type: "string",
            minLength: 1,
            maxLength: MAX_AGENT_MESSAGE_BYTES,
            description: "What it needs to know: what the person wants and how far you came.",
          },
          show: {
            type: "string",
            enum: ["nothing", "summary", "messages"],
            description: "What of the conversation it sees beside the note. Default: nothing.",
          },
          messages: {
            type: "integer",
            minimum: 1,
            maximum: MOST_MESSAGES,
            description: `With show "messages": how many of the newest. Default ${DEFAULT_MESSAGES}.`,
          },
        },
        required: ["agent", "note"],
        additionalProperties: false,
      },
    },
    async run(input, context, options) {
      const wish = input as Wish;
      const { spaceId, agentId, sessionId, language } = context;
      const self = deps.agents.get(spaceId, agentId);
      const known = self === undefined ? [] : reachable(deps.agents, self);
      const target = named(known, wish.agent);
      if (target === undefined) return unknownAgent(known, wish.agent, language);
      if (isTooLarge(wish.note))
        return { text: tell(language, "large", { max: MAX_AGENT_MESSAGE_BYTES }), isError: true };
      const session = await deps.sessions.get(sessionId, options);
      if (session === undefined || session.stateless || session.channel === AGENTS_CHANNEL)
        return { text: tell(language, "handed.notHere"), isError: true };
      const own = deps.agents.get(spaceId, session.agentId);
      if (target.spec.id === session.agentId) return giveBack(deps, context, target);
      // Whose conversation it is must be allowed to reach who answers there, through however many hands it went.
      if (
        own !== undefined &&
        own.spec.id !== agentId &&
        named(reachable(deps.agents, own), target.spec.id) === undefined
      )
        return unknownAgent(reachable(deps.agents, own), wish.agent, language);
      return give(deps, context, target, wish, await contextOf(deps, context, wish, options));
    },
  };
}

/** Gives a conversation back to the agent whose it is. Also what `/back` of a person does. */
export function handBackTool(deps: DelegationDeps): Tool {
  return {
    spec: {
      name: "hand_back",
      description:
        "Gives this conversation back to the agent that handed it to you, when you are done with it.",
      kind: "transactional",
      needs: "agents",
      inputSchema: { type: "object", properties: {}, additionalProperties: false },
    },
    async run(_input, context, options) {
      const { spaceId, sessionId, language } = context;
      const session = await deps.sessions.get(sessionId, options);
      const name = nameOf(deps.agents, spaceId, session?.agentId ?? "");
      if (session?.handedTo === undefined)
        return { text: tell(language, "handed.not", { agent: name }), isError: true };
      const own = deps.agents.get(spaceId, session.agentId);
      return giveBack(deps, context, own);
    },
  };
}

function give(
  deps: DelegationDeps,
  context: ToolContext,
  target: Agent,
  { note }: Wish,
  slice: string,
): ToolOutput {
  const { spaceId, agentId: from, sessionId, turnId, turnSeq, audience, now: at, language } = context;
  const handoff = {
    ...{ id: derivedId("handoff", context.idempotencyKey), spaceId, sessionId, from, to: target.spec.id },
    ...{ turnId, turnSeq, note, context: slice, audience, at },
  };
  const names = { agent: target.spec.name, from: nameOf(deps.agents, spaceId, from) };
  return {
    text: tell(language, "handed", names),
    writes: [deps.sessions.handOff(handoff), ...told(deps, context, tell(language, "handed.notice", names))],
  };
}

function giveBack(deps: DelegationDeps, context: ToolContext, own: Agent | undefined): ToolOutput {
  const { sessionId: id, now: at, language } = context;
  const names = { agent: own?.spec.name ?? "" };
  return {
    text: tell(language, "handed.back", names),
    writes: [
      deps.sessions.handBack({ id, at }),
      ...told(deps, context, tell(language, "handed.backNotice", names)),
    ],
  };
}

/** One sentence in the conversation, behind the answer of the turn, whatever the model says of it. */
function told({ sessions }: DelegationDeps, context: ToolContext, text: string): readonly Write<unknown>[] {
  const { spaceId, sessionId, turnId, turnSeq, audience, now: at, idempotencyKey } = context;
  return [
    sessions.take({ id: sessionId, at, count: 1 }),
    sessions.append({
      id: derivedId("handoff-notice", idempotencyKey),
      ...{ spaceId, sessionId, turnId, turnSeq, role: "notice", parts: [{ type: "text", text }], audience },
      ...{ outcome: "ok", createdAt: at, fromLast: 0 },
    }),
  ];
}

/** What of the conversation the other agent sees; only what all who read it now know. */
async function contextOf(
  deps: DelegationDeps,
  context: ToolContext,
  { show = "nothing", messages = DEFAULT_MESSAGES }: Wish,
  options: CallOptions,
): Promise<string> {
  const { sessionId, turnSeq, audience, agentId, spaceId } = context;
  const isKnown = (one: { readonly audience: readonly string[] }): boolean =>
    audience.every((reader) => one.audience.includes(reader));
  if (show === "summary") {
    const storyline = await deps.storylines.ofSession(sessionId, options);
    return storyline === undefined || !isKnown(storyline) ? "" : cut(storyline.summary, MOST_CONTEXT_BYTES);
  }
  if (show === "nothing") return "";
  const history = await deps.sessions.history(
    { sessionId, beforeTurnSeq: turnSeq, maxMessages: messages, maxBytes: MOST_CONTEXT_BYTES },
    options,
  );
  const name = nameOf(deps.agents, spaceId, agentId);
  const lines = history.filter(isKnown).map((message) => lineOf(message, name));
  return cut(lines.filter((line) => line !== "").join("\n"), MOST_CONTEXT_BYTES);
}

function lineOf({ role, parts, outcome }: Message, name: string): string {
  const text = textOf(parts).trim();
  if (text === "" || outcome !== "ok") return "";
  return `${role === "user" ? "Person" : name}: ${text}`;
}
