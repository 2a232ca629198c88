import type { InboxEntry, InboxItem, Page } from "@troupe/contracts";
import { TroupeError } from "@troupe/contracts";
import { safeText } from "../../kit/index.ts";
import type { AdminClient } from "../client.ts";
import type { CommandContext } from "../context.ts";
import { dateTime } from "../format/time.ts";
import { oneLine, type Paint, table, withMore } from "../output.ts";
import { pageOf, queryOf } from "./query.ts";

type Options = Readonly<Record<string, unknown>>;
type InboxPage = Page<InboxEntry> & { readonly unread: number };

const pathOf = (id: string): string => `/api/inbox/${encodeURIComponent(id)}`;

export async function listInbox({ connect, output }: CommandContext, options: Options): Promise<void> {
  const query = queryOf({ ...pageOf(options), unread: options.unread === true ? "true" : undefined });
  await using client = await connect({ command: "inbox list" });
  const page = await client.call<InboxPage>("GET", `/api/inbox${query}`);
  output.result(page, () => formatInbox(page, output.paint));
}

export async function showItem(
  { connect, output }: CommandContext,
  options: Options,
  id: string,
): Promise<void> {
  await using client = await connect({ command: "inbox show" });
  const item =
    options.keepUnread === true
      ? await client.call<InboxItem>("GET", pathOf(id))
      : await client.call<InboxItem>("POST", `${pathOf(id)}/read`);
  output.result(item, () => formatItem(item, output.paint));
}

export async function markRead(
  { connect, output }: CommandContext,
  options: Options,
  id: string | undefined,
): Promise<void> {
  const as = options.unread === true ? "unread" : "read";
  if (id === undefined && as === "unread") {
    throw new TroupeError("--unread needs the id of an item; ./troupe inbox list shows them.", {
      code: "request.invalid",
    });
  }
  await using client = await connect({ command: "inbox read" });
  if (id === undefined) {
    const { read } = await client.call<{ readonly read: number }>("POST", "/api/inbox/read");
    output.result({ read }, () => (read === 0 ? "Nothing was unread." : `Marked as read: ${read}.`));
    return;
  }
  const item = await client.call<InboxItem>("POST", `${pathOf(id)}/${as}`);
  output.result(item, () => `Marked as ${as}: ${oneLine(item.title, 80)}`);
}

/** What is unread stays: nothing goes that nobody has seen, but by its id. */
export async function clearInbox({ connect, output }: CommandContext, id: string | undefined): Promise<void> {
  await using client = await connect({ command: "inbox clear" });
  const ids = id === undefined ? await readIds(client) : [id];
  for (const one of ids) await client.call("DELETE", pathOf(one));
  output.result({ removed: ids.length }, () =>
    ids.length === 0 ? "Nothing to remove: nothing was read." : `Removed: ${ids.length}.`,
  );
}

/** Of everything that was read. */
async function readIds(client: Pick<AdminClient, "call">): Promise<readonly string[]> {
  const ids: string[] = [];
  let cursor: string | undefined;
  do {
    const page: InboxPage = await client.call("GET", `/api/inbox${queryOf({ limit: 200, cursor })}`);
    ids.push(...page.items.filter(({ readAt }) => readAt !== undefined).map(({ id }) => id));
    cursor = page.next;
  } while (cursor !== undefined);
  return ids;
}

function formatInbox({ items, unread, next }: InboxPage, paint: Paint): string {
  if (items.length === 0) return "Nothing waits for you.";
  const rows = items.map((item) => [
    item.readAt === undefined ? paint.bold("●") : " ",
    item.id,
    dateTime(item.createdAt),
    item.agentId ?? "Troupe",
    item.readAt === undefined ? paint.bold(oneLine(item.title, 60)) : oneLine(item.title, 60),
  ]);
  return `${withMore(table(rows), next)}\n\n${unread} unread. ./troupe inbox show ID prints one.`;
}

function formatItem(item: InboxItem, paint: Paint): string {
  const from = item.agentId ?? "Troupe";
  const where = item.sessionId === undefined ? "" : `  conversation ${item.sessionId}`;
  const head = `${paint.bold(oneLine(item.title, 200))}\n${paint.dim(`${from}, ${dateTime(item.createdAt)}${where}`)}`;
  return `${head}\n\n${safeText(item.text).trimEnd()}`;
}
