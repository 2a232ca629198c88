import {
  type AgentChannel,
  type AgentDelivery,
  type AgentDeliveryState,
  type AgentMember,
  type AgentMessageKind,
  type Page,
  type Stores,
  TroupeError,
} from "@troupe/contracts";
import type { AdminRequest, AdminRoute } from "../gateway/index.ts";
import { pageIn } from "./page-query.ts";

/** A channel with who is in it. */
export interface AgentChannelView extends AgentChannel {
  readonly members: readonly AgentMember[];
}

/** A message of an agent, and what became of it for each whom it was to make work. */
export interface AgentMessageView {
  readonly id: string;
  readonly channelId: string;
  readonly seq: number;
  readonly kind: AgentMessageKind;
  readonly from: string;
  readonly text: string;
  /** UTC milliseconds. */
  readonly createdAt: number;
  readonly deliveries: readonly Pick<AgentDelivery, "to" | "state" | "attempts" | "reason" | "turnId">[];
}

type Parts = { readonly stores: Pick<Stores, "agentChannels" | "agentDeliveries"> };

const STATES: readonly AgentDeliveryState[] = [
  ...(["waiting", "activated", "done", "failed"] as const),
  ...(["refused", "suppressed", "cancelled", "dead"] as const),
];
const LISTED = 50;

/** What agents say among themselves. The operator's alone: it may be about any person. */
export function agentChannelRoutes(parts: Parts): readonly AdminRoute[] {
  return [
    { method: "GET", path: "/admin/agents/channels", handle: (request) => channels(parts, request) },
    { method: "GET", path: "/admin/agents/messages", handle: (request) => messages(parts, request) },
  ];
}

async function channels(
  { stores: { agentChannels } }: Parts,
  request: AdminRequest,
): Promise<Page<AgentChannelView>> {
  const agentId = request.query.get("agent");
  const page = await agentChannels.list(
    {
      ...pageOf(request),
      spaceId: request.principal.spaceId,
      ...(agentId === null ? {} : { agentId }),
    },
    request,
  );
  const items = await Promise.all(
    page.items.map(async (channel) => ({
      ...channel,
      members: await agentChannels.members(channel.id, request),
    })),
  );
  return { ...page, items };
}

/** Newest first: of one channel all that was said, else what was to make somebody work. */
async function messages(parts: Parts, request: AdminRequest): Promise<Page<AgentMessageView>> {
  const { spaceId } = request.principal;
  const channelId = request.query.get("channel") ?? undefined;
  const states = statesOf(request.query.get("state"));
  if (channelId !== undefined) {
    const channel = await parts.stores.agentChannels.get(channelId, request);
    if (channel?.spaceId !== spaceId)
      throw new TroupeError(
        `There is no channel "${channelId.slice(0, 64)}". ./troupe agent channels lists them.`,
        { code: "request.not_found" },
      );
    if (states === undefined) return said(parts, channelId, request);
  }
  const { agentChannels, agentDeliveries } = parts.stores;
  const page = await agentDeliveries.list(
    {
      ...{ ...pageOf(request), spaceId },
      ...(channelId === undefined ? {} : { channelId }),
      ...(states === undefined ? {} : { states }),
    },
    request,
  );
  const byMessage = Map.groupBy(page.items, ({ messageId }) => messageId);
  const items = await Promise.all(
    [...byMessage].map(async ([id, deliveries]): Promise<AgentMessageView> => {
      const [first] = deliveries;
      if (first === undefined) throw new TypeError("A group of nothing.");
      const { channelId: of, seq, kind, from, createdAt } = first;
      const text = (await agentChannels.message(id, request))?.text ?? "";
      return {
        ...{ id, channelId: of, seq, kind, from, text, createdAt },
        deliveries: deliveries.map(shown),
      };
    }),
  );
  return { ...page, items };
}

async function said(
  { stores: { agentChannels, agentDeliveries } }: Parts,
  channelId: string,
  request: AdminRequest,
): Promise<Page<AgentMessageView>> {
  const page = await agentChannels.messages({ ...pageOf(request), channelId }, request);
  const items = await Promise.all(
    page.items.map(async ({ id, seq, kind, from, text, createdAt }): Promise<AgentMessageView> => {
      const deliveries = await agentDeliveries.ofMessage(id, request);
      return { ...{ id, channelId, seq, kind, from, text, createdAt }, deliveries: deliveries.map(shown) };
    }),
  );
  return { ...page, items };
}

function shown({
  to,
  state,
  attempts,
  reason,
  turnId,
}: AgentDelivery): AgentMessageView["deliveries"][number] {
  return {
    ...{ to, state, attempts },
    ...(reason === undefined ? {} : { reason }),
    ...(turnId === undefined ? {} : { turnId }),
  };
}

function pageOf({ query }: AdminRequest): { readonly limit: number; readonly cursor?: string } {
  return { limit: LISTED, ...pageIn(query) };
}

function statesOf(text: string | null): readonly AgentDeliveryState[] | undefined {
  if (text === null || text === "") return undefined;
  return text.split(",").map((name) => {
    const state = STATES.find((known) => known === name);
    if (state !== undefined) return state;
    throw new TroupeError(`state names "${name.slice(0, 40)}"; known are ${STATES.join(", ")}.`, {
      code: "request.invalid",
    });
  });
}
