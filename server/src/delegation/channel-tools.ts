import type { AgentChannel, CallOptions, Tool, ToolContext, ToolOutput } from "@troupe/contracts";
import { isActivated, MAX_AGENT_MESSAGE_BYTES } from "@troupe/contracts";
import { derivedId } from "../kit/index.ts";
import { isTooLarge, overLimits, unknownAgent } from "./ask-tools.ts";
import type { DelegationDeps } from "./deps.ts";
import { type Standing, standingOf } from "./origin.ts";
import { directChannel, postWrites } from "./post.ts";
import { mayActivate, named, reachable } from "./reach.ts";
import { nameOf, tell } from "./texts.ts";

const MAX_MEMBERS = 32;
const READ_DEFAULT = 20;
const READ_MOST = 100;
const LISTED = 50;
const DIRECT = { kind: "direct", creator: "" } as const;

const text = { type: "string", minLength: 1, maxLength: MAX_AGENT_MESSAGE_BYTES };
const channelId = { type: "string", minLength: 1, maxLength: 64, description: "Id or name of the channel." };

/** Where agents talk without waiting for one another. Source: feature NN-080. */
export function channelTools(deps: DelegationDeps): readonly Tool[] {
  return [sendTool(deps), postTool(deps), readTool(deps), createTool(deps), leaveTool(deps), listTool(deps)];
}

function spec(
  name: string,
  description: string,
  kind: "pure" | "transactional",
  properties: Readonly<Record<string, unknown>>,
  required: readonly string[],
): Tool["spec"] {
  const inputSchema = { type: "object", properties, required, additionalProperties: false };
  return { name, description, kind, needs: "agents", inputSchema };
}

function sendTool(deps: DelegationDeps): Tool {
  const agent = { type: "string", minLength: 1, maxLength: 64, description: "Id or name of the agent." };
  return {
    spec: spec(
      "send_to_agent",
      "Tells another agent something without waiting for an answer. To get an answer use ask_agent.",
      "transactional",
      { agent, text },
      ["agent", "text"],
    ),
    async run(input, context, options) {
      const { agent: wanted, text: said } = input as { agent: string; text: string };
      const { spaceId, agentId, language } = context;
      const standing = await standingOf(deps, context, options);
      const self = deps.agents.get(spaceId, agentId);
      const known = deps.agents
        .list(spaceId)
        .filter((one) => self !== undefined && mayActivate(DIRECT, self, one, standing.turn));
      const target = named(known, wanted);
      if (target === undefined) return unknownAgent(known, wanted, language);
      const channel = directChannel(agentId, target.spec.id, context);
      return post(
        deps,
        { channel, said, to: [target.spec.id], mentions: [], opens: [agentId, target.spec.id], standing },
        context,
        () => tell(language, "sent", { agent: target.spec.name }),
      );
    },
  };
}

function postTool(deps: DelegationDeps): Tool {
  return {
    spec: spec(
      "post_to_channel",
      "Writes to a channel of agents. Who is to act on it is mentioned in the text with @id, or all with @everyone.",
      "transactional",
      { channel: channelId, text },
      ["channel", "text"],
    ),
    async run(input, context, options) {
      const { channel: wanted, text: said } = input as { channel: string; text: string };
      const { agentId, spaceId, language } = context;
      const channel = await channelOf(deps, wanted, context, options);
      if (channel === undefined) return unknownChannel(wanted, language);
      const members = (await deps.agentChannels.members(channel.id, options)).map((one) => one.agentId);
      const mentions = mentionsIn(said, members);
      const standing = await standingOf(deps, context, options);
      const self = deps.agents.get(spaceId, agentId);
      const meant = members.filter((member) => isActivated(channel, { from: agentId, mentions }, member));
      const to = meant.filter((member) => {
        const target = deps.agents.get(spaceId, member);
        return (
          self !== undefined && target !== undefined && mayActivate(channel, self, target, standing.turn)
        );
      });
      const namesOf = (ids: readonly string[]) =>
        ids.map((id) => nameOf(deps.agents, spaceId, id)).join(", ");
      const name = channel.name === "" ? channel.id : channel.name;
      const agents = namesOf(to);
      const others = namesOf(meant.filter((member) => !to.includes(member)));
      return post(deps, { channel, said, to, mentions, standing }, context, () =>
        [
          tell(language, to.length === 0 ? "posted.nobody" : "posted", { channel: name, agents }),
          ...(others === "" ? [] : [tell(language, "posted.notThese", { agents: others })]),
        ].join(" "),
      );
    },
  };
}

/** `@id` of a member, or `@everyone`. Source: feature NN-082. */
function mentionsIn(said: string, members: readonly string[]): readonly string[] {
  const names = new Set(
    [...said.matchAll(/@([A-Za-z0-9_-]+)/g)].map(([, name]) => (name ?? "").toLowerCase()),
  );
  return [
    ...members.filter((id) => names.has(id.toLowerCase())),
    ...(names.has("everyone") ? ["everyone"] : []),
  ];
}

function post(
  deps: DelegationDeps,
  about: {
    readonly channel: Omit<AgentChannel, "lastSeq">;
    readonly said: string;
    readonly to: readonly string[];
    readonly mentions: readonly string[];
    /** Members of a channel that may not be there yet. */
    readonly opens?: readonly string[];
    readonly standing: Standing;
  },
  context: ToolContext,
  told: () => string,
): ToolOutput {
  const { channel, said, to, mentions, opens, standing } = about;
  const { agentId, language, idempotencyKey, now } = context;
  if (isTooLarge(said))
    return { text: tell(language, "large", { max: MAX_AGENT_MESSAGE_BYTES }), isError: true };
  const over = overLimits(deps, standing, language);
  if (over !== undefined && to.length > 0) return over;
  const id = derivedId("agent-post", idempotencyKey);
  const { origin } = standing;
  const message = {
    id,
    channel,
    kind: "message",
    from: agentId,
    text: said,
    mentions,
    origin,
    at: now,
  } as const;
  const writes = [
    ...(opens === undefined ? [] : [deps.agentChannels.open(channel, opens)]),
    ...postWrites(
      deps,
      message,
      to.map((one) => ({ to: one })),
    ),
  ];
  return { text: told(), writes };
}

function readTool(deps: DelegationDeps): Tool {
  return {
    spec: spec(
      "read_channel",
      "Reads the newest messages of a channel of agents, oldest first.",
      "transactional",
      { channel: channelId, limit: { type: "integer", minimum: 1, maximum: READ_MOST } },
      ["channel"],
    ),
    async run(input, context, options) {
      const { channel: wanted, limit = READ_DEFAULT } = input as { channel: string; limit?: number };
      const { agentId, spaceId, language } = context;
      const channel = await channelOf(deps, wanted, context, options);
      if (channel === undefined) return unknownChannel(wanted, language);
      const { items } = await deps.agentChannels.messages({ channelId: channel.id, limit }, options);
      const newest = items[0];
      if (newest === undefined) return { text: tell(language, "channel.empty") };
      return {
        text: items
          .toReversed()
          .map((one) => `${one.seq} ${nameOf(deps.agents, spaceId, one.from)}: ${one.text}`)
          .join("\n"),
        writes: [deps.agentChannels.see({ channelId: channel.id, agentId, seq: newest.seq })],
      };
    },
  };
}

function createTool(deps: DelegationDeps): Tool {
  return {
    spec: spec(
      "create_channel",
      "Makes a channel for several agents. You act on everything in it, the others on what mentions them.",
      "transactional",
      {
        name: { type: "string", minLength: 1, maxLength: 80 },
        members: {
          type: "array",
          minItems: 1,
          maxItems: MAX_MEMBERS,
          items: { type: "string", minLength: 1, maxLength: 64 },
          description: "Ids or names of agents, without yourself.",
        },
      },
      ["name", "members"],
    ),
    async run(input, context) {
      const { name, members } = input as { name: string; members: readonly string[] };
      const { spaceId, agentId, language, ownerId, peerId, audience, now } = context;
      const self = deps.agents.get(spaceId, agentId);
      const known = self === undefined ? [] : reachable(deps.agents, self);
      const ids: string[] = [];
      for (const wanted of members) {
        const target = named(known, wanted);
        if (target === undefined) return unknownAgent(known, wanted, language);
        ids.push(target.spec.id);
      }
      const id = derivedId("agent-channel", context.idempotencyKey);
      const channel = {
        id,
        spaceId,
        kind: "group",
        name,
        creator: agentId,
        ownerId,
        peerId,
        audience,
      } as const;
      const agents = [...new Set(ids)].map((one) => nameOf(deps.agents, spaceId, one)).join(", ");
      return {
        text: tell(language, "channel.made", { name, id, agents }),
        writes: [deps.agentChannels.open({ ...channel, createdAt: now }, [...new Set([agentId, ...ids])])],
      };
    },
  };
}

function leaveTool(deps: DelegationDeps): Tool {
  return {
    spec: spec(
      "leave_channel",
      "Leaves a channel of agents: nothing new from it reaches you.",
      "transactional",
      { channel: channelId },
      ["channel"],
    ),
    async run(input, context, options) {
      const { channel: wanted } = input as { channel: string };
      const { agentId, language, now } = context;
      const channel = await channelOf(deps, wanted, context, options);
      if (channel === undefined) return unknownChannel(wanted, language);
      return {
        text: tell(language, "channel.left", { channel: channel.name === "" ? channel.id : channel.name }),
        writes: [deps.agentChannels.leave({ channelId: channel.id, agentId, at: now })],
      };
    },
  };
}

function listTool(deps: DelegationDeps): Tool {
  return {
    spec: spec(
      "list_channels",
      "Lists the channels of agents that you are in, with what is new in them.",
      "pure",
      {},
      [],
    ),
    async run(_input, context, options) {
      const { agentId, spaceId, language } = context;
      const shown = await ownChannels(deps, context, options);
      if (shown.length === 0) return { text: tell(language, "channel.none") };
      const lines = await Promise.all(
        shown.map(async ({ id, name, lastSeq }) => {
          const members = await deps.agentChannels.members(id, options);
          const seen = members.find((one) => one.agentId === agentId)?.seenSeq ?? 0;
          const others = members.filter((one) => one.agentId !== agentId);
          const who = others.map((one) => nameOf(deps.agents, spaceId, one.agentId)).join(", ");
          return `${name === "" ? "" : `${name} `}(${id}) ${who}: ${lastSeq}, +${lastSeq - seen}`;
        }),
      );
      return { text: lines.join("\n") };
    },
  };
}

/** The channels that the agent is in and that are known to exactly those who know this conversation. */
async function ownChannels(
  deps: DelegationDeps,
  { agentId, spaceId, ownerId, peerId, audience }: ToolContext,
  options: CallOptions,
): Promise<readonly AgentChannel[]> {
  const own = { spaceId, agentId, ownerId, peerId, limit: LISTED };
  const { items } = await deps.agentChannels.list(own, options);
  return items.filter((channel) => isSame(channel.audience, audience));
}

/** What is said there is known to all who read it, and the other way round. Source: design §2 rule 7. */
function isSame(one: readonly string[], other: readonly string[]): boolean {
  return one.length === other.length && one.every((reader) => other.includes(reader));
}

async function channelOf(
  deps: DelegationDeps,
  wanted: string,
  context: ToolContext,
  options: CallOptions,
): Promise<AgentChannel | undefined> {
  const own = await ownChannels(deps, context, options);
  return own.find(({ id }) => id === wanted) ?? own.find(({ name }) => name !== "" && name === wanted);
}

function unknownChannel(wanted: string, language: string): ToolOutput {
  return { text: tell(language, "channel.unknown", { channel: wanted.slice(0, 64) }), isError: true };
}
