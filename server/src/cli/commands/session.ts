import type { Message, Page, Session, Turn } from "@troupe/contracts";
import { textOf } from "@troupe/contracts";
import { safeText } from "../../kit/index.ts";
import type { CommandContext } from "../context.ts";
import { type FoundSession, formatSessions } from "../format/lists.ts";
import { dateTime } from "../format/time.ts";
import { oneLine, type Paint, withMore } from "../output.ts";
import { limitOf, pageOf, queryOf } from "./query.ts";

type Options = Readonly<Record<string, unknown>>;

export async function listSessions({ connect, output }: CommandContext, options: Options): Promise<void> {
  const query = queryOf({
    ...pageOf(options),
    agent: options.agent,
    query: options.query,
    stateless: options.all === true ? "true" : undefined,
  });
  await using client = await connect({ command: "session list" });
  const page = await client.call<Page<FoundSession>>("GET", `/api/sessions${query}`);
  output.result(page, () =>
    page.items.length === 0 && typeof options.query === "string"
      ? `No conversation has the words "${oneLine(options.query)}".`
      : withMore(formatSessions(page.items, output.paint), page.next),
  );
}

export async function showSession(
  { connect, output }: CommandContext,
  options: Options,
  id: string,
): Promise<void> {
  const limit = limitOf(options);
  await using client = await connect({ command: "session show" });
  const path = `/api/sessions/${encodeURIComponent(id)}`;
  const [session, messages, turns] = await Promise.all([
    client.call<Session>("GET", path),
    client.call<Page<Message>>("GET", `${path}/messages${queryOf({ limit, newest: "true" })}`),
    client.call<Page<Turn>>("GET", `/api/turns${queryOf({ session: id, limit })}`),
  ]);
  // A conversation that was handed over is answered by more than one.
  const agents = new Map(turns.items.map((turn) => [turn.id, turn.agentId]));
  output.result({ session, messages: messages.items }, () =>
    formatConversation(session, messages.items, agents, output.paint),
  );
}

function formatConversation(
  session: Session,
  messages: readonly Message[],
  agents: ReadonlyMap<string, string>,
  paint: Paint,
): string {
  const handed = session.handedTo === undefined ? "" : `  handed to ${session.handedTo}`;
  const head = `session ${paint.bold(session.id)}  agent ${session.agentId}${handed}  ${session.channel}/${oneLine(session.key, 40)}`;
  const inOrder = messages.toSorted((a, b) => a.seq - b.seq);
  const lines = inOrder.map((message) => {
    const agent = agents.get(message.turnId) ?? session.agentId;
    const who = message.role === "user" ? session.peerId : message.role === "assistant" ? agent : "notice";
    const text = safeText(textOf(message.parts)).trimEnd().replace(/\n/g, "\n    ");
    const marks = message.parts.flatMap((part) => (part.type === "tool-call" ? [part.name] : []));
    const tools = marks.length === 0 ? "" : paint.dim(`  (${marks.join(", ")})`);
    return `${paint.dim(`${String(message.seq).padStart(4)}  ${dateTime(message.createdAt)}`)}  ${paint.bold(oneLine(who, 24))}${tools}\n    ${text}`;
  });
  return [head, ...lines].join("\n");
}
