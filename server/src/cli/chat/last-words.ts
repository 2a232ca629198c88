import { type Message, type Page, textOf } from "@troupe/contracts";
import { safeText } from "../../kit/index.ts";
import type { AdminClient } from "../client.ts";
import { queryOf } from "../commands/query.ts";
import { oneLine } from "../output.ts";
import { ownSession } from "./own-session.ts";
import { wrapped } from "./wrap.ts";

/** Lines of the last reply that are shown again; the rest is told by `session show`. */
const SHOWN_LINES = 4;
/** More than a turn has, with those of a turn that waited behind it. */
const READ_MESSAGES = 10;

/** What a conversation that goes on was about and how it ended, in a few lines; undefined for a new one. */
export async function lastWords(
  client: Pick<AdminClient, "call">,
  talk: { readonly agentId: string; readonly session: string },
  columns: number,
): Promise<string | undefined> {
  const session = await ownSession(client, talk);
  if (session === undefined) return undefined;
  const path = `/api/sessions/${encodeURIComponent(session.id)}/messages`;
  const { items: messages } = await client.call<Page<Message>>(
    "GET",
    `${path}${queryOf({ limit: READ_MESSAGES, newest: "true" })}`,
  );
  const inOrder = messages.toSorted((a, b) => a.seq - b.seq);
  const turnId = inOrder.at(-1)?.turnId;
  const said = inOrder
    .filter((message) => message.turnId === turnId)
    .map((message) => {
      const text = textOf(message.parts);
      return message.role === "user" ? `> ${oneLine(text, columns - 2)}` : firstLines(text, columns);
    });
  const title = session.title === "" ? "" : ` "${oneLine(session.title, 60)}"`;
  return [`You go on with${title === "" ? " a conversation" : title}. /new begins another.`, ...said].join(
    "\n",
  );
}

function firstLines(text: string, columns: number): string {
  const lines = wrapped(safeText(text).trim(), columns).split("\n");
  return lines.length <= SHOWN_LINES ? lines.join("\n") : `${lines.slice(0, SHOWN_LINES).join("\n")}\n…`;
}
