import type { Agent, CallOptions, Tool, ToolContext, ToolOutput, Write } from "@troupe/contracts";
import { MAX_AGENT_MESSAGE_BYTES, SUBJECTS } from "@troupe/contracts";
import { derivedId } from "../kit/index.ts";
import type { DelegationDeps } from "./deps.ts";
import { type Standing, standingOf, waitingAbove } from "./origin.ts";
import { directChannel, postWrites, tellEffect } from "./post.ts";
import type { Progress } from "./progress.ts";
import { named, reachable } from "./reach.ts";
import { answersText, tell } from "./texts.ts";
import { waitForAnswers } from "./wait.ts";

const MAX_ASKED = 32;
const DEFAULT_WAIT_SECONDS = 60;
const MAX_WAIT_SECONDS = 300;
/** Of the time of its turn an agent may wait so much; the rest is for its answer. */
const WAIT_SHARE = 0.8;
/** The executor's own bound comes after every wait. */
const TOOL_TIMEOUT_MS = (MAX_WAIT_SECONDS + 30) * 1_000;
/** Answers that a turn waited for and did not live to take are looked for so long after its wait. */
const ORPHAN_MS = 5_000;

const question = {
  type: "string",
  minLength: 1,
  maxLength: MAX_AGENT_MESSAGE_BYTES,
  description: "All that the other agent needs to know: it does not see this conversation.",
};
const agent = { type: "string", minLength: 1, maxLength: 64, description: "Id or name of the agent." };
const wait = {
  type: "boolean",
  description:
    "Wait for the answer within this turn. Without it the answer comes later, as a message of its own.",
};
const seconds = {
  type: "integer",
  minimum: 1,
  maximum: MAX_WAIT_SECONDS,
  description: `Longest wait. Default ${DEFAULT_WAIT_SECONDS}.`,
};

/** One agent asks one other. Source: feature NR-009. */
export function askAgentTool(deps: DelegationDeps): Tool {
  return {
    spec: {
      name: "ask_agent",
      description: "Asks another agent and gets its answer. Use it for what another agent can do better.",
      kind: "transactional",
      needs: "agents",
      timeoutMs: TOOL_TIMEOUT_MS,
      inputSchema: {
        type: "object",
        properties: { agent, question, wait, seconds },
        required: ["agent", "question"],
        additionalProperties: false,
      },
    },
    async run(input, context, options) {
      const one = input as { agent: string; question: string; wait?: boolean; seconds?: number };
      return ask(deps, { ...one, questions: [one], wanted: 1 }, context, options);
    },
  };
}

/** One agent asks many and gets their answers together. Source: feature NG-034. */
export function askAgentsTool(deps: DelegationDeps): Tool {
  return {
    spec: {
      name: "ask_agents",
      description: "Asks several agents at once and gets all their answers together, or the first ones.",
      kind: "transactional",
      needs: "agents",
      timeoutMs: TOOL_TIMEOUT_MS,
      inputSchema: {
        type: "object",
        properties: {
          questions: {
            type: "array",
            minItems: 1,
            maxItems: MAX_ASKED,
            items: {
              type: "object",
              properties: { agent, question },
              required: ["agent", "question"],
              additionalProperties: false,
            },
          },
          first: {
            type: "integer",
            minimum: 1,
            maximum: MAX_ASKED,
            description: "So many answers are enough. Leave out to wait for all.",
          },
          wait,
          seconds,
        },
        required: ["questions"],
        additionalProperties: false,
      },
    },
    async run(input, context, options) {
      const { first, ...rest } = input as Omit<Asked, "wanted"> & { first?: number };
      const wanted = Math.min(first ?? rest.questions.length, rest.questions.length);
      return ask(deps, { ...rest, wanted }, context, options);
    },
  };
}

interface Asked {
  readonly questions: readonly { readonly agent: string; readonly question: string }[];
  readonly wanted: number;
  readonly wait?: boolean;
  readonly seconds?: number;
}

async function ask(
  deps: DelegationDeps,
  asked: Asked,
  context: ToolContext,
  options: CallOptions,
): Promise<ToolOutput> {
  const targets = targetsOf(deps, asked, context);
  if ("text" in targets) return targets;
  const standing = await standingOf(deps, context, options);
  const over = overLimits(deps, standing, context.language);
  if (over !== undefined) return over;
  const above = await waitingAbove(deps, standing.turn, options);
  const busy = targets.find(({ spec }) => above.has(spec.id));
  if (busy !== undefined)
    return { text: tell(context.language, "circular", { agent: busy.spec.name }), isError: true };
  const session = await deps.sessions.get(context.sessionId, options);
  const isStateless = session?.stateless === true;
  // Whoever asked this agent gets what this turn answers, so what it needs for that must be there before its end.
  const waits = asked.wait === true || standing.isAsked || isStateless;
  const gatherId = derivedId("agent-gather", context.idempotencyKey, JSON.stringify(asked.questions));
  const writes = askWrites(deps, { gatherId, asked, targets, standing, waits }, context);
  const { language } = context;
  if (!waits) {
    const agents = targets.map(({ spec }) => spec.name).join(", ");
    return { text: tell(language, targets.length === 1 ? "asked" : "asked.many", { agents }), writes };
  }
  await deps.unit.commit(writes, options);
  ring(deps);
  const waitSeconds = secondsOf(asked, standing);
  const progress = await waitForAnswers(deps, gatherId, waitSeconds * 1_000, options);
  if (progress.isComplete || isStateless)
    return taken(deps, progress, context, isStateless ? waitSeconds : undefined);
  return {
    text: tell(language, "late", { seconds: waitSeconds }),
    writes: [
      deps.agentDeliveries.release(gatherId),
      deps.effects.put(tellEffect(progress.gather, "released", deps.clock.now())),
    ],
  };
}

/** The answers as the result of the call; that they were taken is kept with the turn's end. */
function taken(
  deps: DelegationDeps,
  { gather, parts, isComplete }: Progress,
  { spaceId, language }: ToolContext,
  waitedSeconds: number | undefined,
): ToolOutput {
  const text = answersText(deps.agents, spaceId, parts, language);
  const late =
    isComplete || waitedSeconds === undefined
      ? ""
      : `${tell(language, "late.gone", { seconds: waitedSeconds })}\n\n`;
  return {
    // Also where nobody answered it is no error: with one, what is kept here would not be.
    text: late + text,
    writes: [
      deps.agentDeliveries.endGather({ id: gather.id, state: "told", at: deps.clock.now() }),
      // What is not needed any more is stopped by whoever tells.
      ...(parts.length > gather.wanted
        ? [deps.effects.put(tellEffect(gather, "enough", deps.clock.now()))]
        : []),
    ],
  };
}

function askWrites(
  deps: DelegationDeps,
  about: {
    readonly gatherId: string;
    readonly asked: Asked;
    readonly targets: readonly Agent[];
    readonly standing: Standing;
    readonly waits: boolean;
  },
  context: ToolContext,
): readonly Write<unknown>[] {
  const { gatherId, asked, targets, standing, waits } = about;
  const { spaceId, agentId, sessionId, turnId, now } = context;
  const { rootTurnId, hops, lane } = standing.origin;
  const gather = { id: gatherId, spaceId, agentId, sessionId, turnId, rootTurnId, createdAt: now };
  const orphanAt = now + secondsOf(asked, standing) * 1_000 + ORPHAN_MS;
  return [
    deps.agentDeliveries.gather({
      ...gather,
      ...{ wanted: asked.wanted, total: targets.length, depth: standing.depth, hops, lane },
      state: waits ? "awaited" : "open",
    }),
    ...(waits ? [deps.effects.put(tellEffect(gather, "orphaned", now, orphanAt))] : []),
    ...targets.flatMap((target, at) => {
      const channel = directChannel(agentId, target.spec.id, context);
      return [
        deps.agentChannels.open(channel, [agentId, target.spec.id]),
        ...postWrites(
          deps,
          {
            ...{ id: derivedId("agent-ask", gatherId, String(at)), channel, kind: "ask", from: agentId },
            ...{ text: asked.questions[at]?.question ?? "", origin: standing.origin, at: now },
          },
          [{ to: target.spec.id, gatherId }],
        ),
      ];
    }),
  ];
}

function targetsOf(
  { agents }: DelegationDeps,
  { questions }: Asked,
  context: ToolContext,
): readonly Agent[] | ToolOutput {
  const { spaceId, agentId, language } = context;
  const self = agents.get(spaceId, agentId);
  const known = self === undefined ? [] : reachable(agents, self);
  const targets: Agent[] = [];
  for (const { agent: wanted, question: text } of questions) {
    const target = named(known, wanted);
    if (target === undefined) return unknownAgent(known, wanted, language);
    if (isTooLarge(text))
      return { text: tell(language, "large", { max: MAX_AGENT_MESSAGE_BYTES }), isError: true };
    targets.push(target);
  }
  return targets;
}

export function unknownAgent(known: readonly Agent[], wanted: string, language: string): ToolOutput {
  const agents = known.map(({ spec }) => `${spec.name} (${spec.id})`).join(", ");
  const who = known.length === 0 ? tell(language, "known.none") : tell(language, "known", { agents });
  return { text: tell(language, "unknown", { agent: wanted.slice(0, 64), known: who }), isError: true };
}

export function isTooLarge(text: string): boolean {
  return Buffer.byteLength(text) > MAX_AGENT_MESSAGE_BYTES;
}

/** Why nothing more may be asked or said in this chain; undefined where it may. */
export function overLimits(
  deps: Pick<DelegationDeps, "limits">,
  { origin }: Pick<Standing, "origin">,
  language: string,
): ToolOutput | undefined {
  const { maxDepth, maxHops } = deps.limits();
  if (origin.depth > maxDepth) return { text: tell(language, "depth", { max: maxDepth }), isError: true };
  if (origin.hops + 1 >= maxHops) return { text: tell(language, "hops", { max: maxHops }), isError: true };
  return undefined;
}

function secondsOf({ seconds: wished = DEFAULT_WAIT_SECONDS }: Asked, { turn }: Standing): number {
  const allowedMs = Math.max(0, turn.deadlineAt - turn.dueAt) * WAIT_SHARE;
  return Math.max(1, Math.min(wished, Math.floor(allowedMs / 1_000)));
}

export function ring({ bus, ids, clock }: Pick<DelegationDeps, "bus" | "ids" | "clock">): void {
  const kind = SUBJECTS.effectDue;
  bus.publish(kind, { id: ids.next(), kind, v: 1, at: clock.now(), payload: {} });
}
