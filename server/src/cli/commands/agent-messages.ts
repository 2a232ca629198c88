import type { Page } from "@troupe/contracts";
import type { AgentChannelView, AgentMessageView } from "../../app/index.ts";
import type { CommandContext } from "../context.ts";
import { count, dateTime } from "../format/time.ts";
import { oneLine, type Paint, table, withMore } from "../output.ts";
import { pageOf, queryOf } from "./query.ts";

type Options = Readonly<Record<string, unknown>>;

export async function listChannels({ connect, output }: CommandContext, options: Options): Promise<void> {
  const query = queryOf({ ...pageOf(options), agent: options.agent });
  await using client = await connect({ command: "agent channels" });
  const page = await client.call<Page<AgentChannelView>>("GET", `/admin/agents/channels${query}`);
  output.result(page, () => withMore(formatChannels(page.items, output.paint), page.next));
}

export async function listMessages(
  { connect, output }: CommandContext,
  options: Options,
  channel: string | undefined,
): Promise<void> {
  const query = queryOf({ ...pageOf(options), state: options.state, channel });
  await using client = await connect({ command: "agent messages" });
  const page = await client.call<Page<AgentMessageView>>("GET", `/admin/agents/messages${query}`);
  output.result(page, () => withMore(formatMessages(page.items, output.paint), page.next));
}

export function formatChannels(channels: readonly AgentChannelView[], paint: Paint): string {
  if (channels.length === 0)
    return "Agents have not talked with one another yet. They may once their files name each other: delegates and acceptsFrom.";
  return table(
    channels.map(({ id, name, members, lastSeq, peerId, createdAt }) => {
      const processed = Math.min(...members.map(({ processedSeq }) => processedSeq));
      const open = members.length === 0 ? 0 : lastSeq - processed;
      return [
        id,
        dateTime(createdAt),
        name === "" ? "direct" : `"${oneLine(name, 24)}"`,
        oneLine(members.map(({ agentId }) => agentId).join(", "), 40),
        `for ${oneLine(peerId, 24)}`,
        `${count(lastSeq)} said${open > 0 ? `, ${paint.warn(`${count(open)} at work`)}` : ""}`,
      ];
    }),
  );
}

export function formatMessages(messages: readonly AgentMessageView[], paint: Paint): string {
  if (messages.length === 0) return "No messages.";
  return messages.map((message) => formatMessage(message, paint)).join("\n");
}

function formatMessage(
  { createdAt, kind, from, text, deliveries, channelId, seq }: AgentMessageView,
  paint: Paint,
): string {
  const head = `${dateTime(createdAt)}  ${paint.dim(`${channelId} ${seq}`)}  ${kind} of ${from}: ${oneLine(text, 80)}`;
  const ends = deliveries.map(({ to, state, reason, turnId }) => {
    const isBad = state !== "waiting" && state !== "activated" && state !== "done";
    const why = reason === undefined ? "" : `: ${oneLine(reason, 120)}`;
    return `    to ${to} ${isBad ? paint.bad(state) : state}${why}${turnId === undefined ? "" : `, turn ${turnId}`}`;
  });
  return [head, ...ends].join("\n");
}
