import type { Message, Page, Session } from "@troupe/contracts";
import { TroupeError, textOf } from "@troupe/contracts";
import type { AdminClient } from "../client.ts";
import { confirm } from "../confirm.ts";
import type { CommandContext } from "../context.ts";
import { plural } from "../format/time.ts";
import { oneLine } from "../output.ts";
import { askOnce } from "./chat.ts";
import { queryOf } from "./query.ts";

type Options = Readonly<Record<string, unknown>>;

interface ShownSession extends Session {
  readonly title: string;
}

export async function renameSession(
  { connect, output }: CommandContext,
  id: string,
  title: string | undefined,
): Promise<void> {
  await using client = await connect({ command: "session rename" });
  const session = await client.call<ShownSession>("PATCH", pathOf(id), { title: title ?? null });
  output.result(session, () =>
    title === undefined
      ? `It goes by "${oneLine(session.title)}" again, which summaries may change.`
      : `It is called "${oneLine(session.title)}" now.`,
  );
}

interface Removed {
  readonly id: string;
  readonly messages: number;
  readonly turns: number;
  readonly cancelled: readonly string[];
}

export async function deleteSession(
  { connect, output }: CommandContext,
  options: Options,
  id: string,
): Promise<void> {
  await using client = await connect({ command: "session delete" });
  if (options.yes !== true) {
    const { title } = await client.call<ShownSession>("GET", pathOf(id));
    await confirm(`Delete "${oneLine(title)}" (${id}) for good? It cannot be brought back.`, {
      unasked: "Nobody can be asked here. Add --yes to delete it without a question.",
      nothing: "Nothing was deleted.",
    });
  }
  const query = queryOf({ cancel: options.cancel === true ? "true" : undefined });
  const removed = await client.call<Removed>("DELETE", `${pathOf(id)}${query}`);
  output.result(removed, () => {
    const { messages, turns, cancelled } = removed;
    const stopped = cancelled.length === 0 ? "" : ` ${plural(cancelled.length, "turn")} stopped for it.`;
    return `Deleted: ${plural(messages, "message")} of ${plural(turns, "turn")}.${stopped}`;
  });
}

export async function branchSession(
  { connect, output }: CommandContext,
  options: Options,
  id: string,
): Promise<void> {
  await using client = await connect({ command: "session branch" });
  const message = await messageAt(client, id, options.at);
  const branch = await client.call<ShownSession>("POST", `${pathOf(id)}/branches`, {
    messageId: message.id,
    before: options.before === true,
    ...(typeof options.title === "string" ? { title: options.title } : {}),
  });
  output.result(branch, () => {
    const where = options.before === true ? "before" : "after";
    return `Branch ${branch.id}, parted ${where} message ${message.seq}.\n${howToGoOn(branch)}`;
  });
}

/** The question is asked again as it stood, in a branch that knows only what came before it. */
export async function retrySession(
  context: CommandContext,
  _options: Options,
  id: string,
  text: string | undefined,
): Promise<void> {
  const { connect, output } = context;
  await using client = await connect({ command: "session retry", work: true });
  const session = await client.call<ShownSession>("GET", pathOf(id));
  if (!isOurs(session)) {
    throw new TroupeError(
      `The conversation ${id} belongs to ${session.channel}/${session.peerId}; only they can go on with it. session branch copies it, session show tells what was said.`,
      { code: "auth.forbidden" },
    );
  }
  const question = await lastQuestion(client, id);
  const branch = await client.call<ShownSession>("POST", `${pathOf(id)}/branches`, {
    messageId: question.id,
    before: true,
  });
  output.note(`Asked again in the branch ${branch.id}.`);
  const message = { agentId: session.agentId, session: branch.key, text: text ?? question.text };
  await askOnce(context, client, message);
}

/** Of the terminal, as the operator: the conversations that the command line can go on with. */
function isOurs({ channel, ownerId, peerId }: Session): boolean {
  return channel === "terminal" && ownerId === peerId;
}

function howToGoOn(branch: Session): string {
  if (isOurs(branch)) return `Go on in it: ./troupe chat --agent ${branch.agentId} --session ${branch.key}`;
  return `Its owner goes on in it by the session name ${branch.key}.`;
}

const NEWEST = 200;

/** The message with this id or number; without either, the last. */
async function messageAt(client: AdminClient, id: string, at: unknown): Promise<Message> {
  const items = await newest(client, id);
  const found =
    at === undefined ? items[0] : items.find((message) => message.id === at || String(message.seq) === at);
  if (found !== undefined) return found;
  if (at === undefined) throw new TroupeError("Nothing was said there yet.", { code: "request.not_found" });
  throw new TroupeError(
    `There is no message "${String(at)}" among the last ${NEWEST} of this conversation. ./troupe session show ${id} numbers them.`,
    { code: "request.not_found" },
  );
}

async function lastQuestion(
  client: AdminClient,
  id: string,
): Promise<{ readonly id: string; readonly text: string }> {
  const items = (await newest(client, id)).toReversed();
  const last = items.findLast((message) => message.role === "user");
  // A burst of messages is one question: the branch parts before the first of them.
  const asked = items.filter((message) => message.role === "user" && message.turnId === last?.turnId);
  const [first] = asked;
  if (first === undefined)
    throw new TroupeError("Nothing was asked there yet.", { code: "request.not_found" });
  return { id: first.id, text: asked.map((message) => textOf(message.parts)).join("\n\n") };
}

async function newest(client: AdminClient, id: string): Promise<readonly Message[]> {
  const query = queryOf({ newest: "true", limit: NEWEST });
  return (await client.call<Page<Message>>("GET", `${pathOf(id)}/messages${query}`)).items;
}

export function pathOf(id: string): string {
  return `/api/sessions/${encodeURIComponent(id)}`;
}
