import type { CallOptions, Message, MessagePart, Session } from "@troupe/contracts";
import type { FaceStores } from "./deps.ts";

export type ExportFormat = "json" | "markdown";

export const EXPORT_TYPES: Readonly<Record<ExportFormat, string>> = {
  json: "application/json; charset=utf-8",
  markdown: "text/markdown; charset=utf-8",
};

const PAGE = 100;

/** A conversation as text, a page of messages at a time, so that a long one needs no more memory than a short one. */
export async function* exportSession(
  stores: Pick<FaceStores, "sessions">,
  session: Session & { readonly title: string },
  format: ExportFormat,
  options: CallOptions,
): AsyncGenerator<string> {
  yield format === "json" ? jsonHead(session) : markdownHead(session);
  let isFirst = true;
  let cursor: string | undefined;
  do {
    const query = { sessionId: session.id, limit: PAGE, ...(cursor === undefined ? {} : { cursor }) };
    const page = await stores.sessions.messages(query, options);
    let text = "";
    for (const message of page.items) {
      text +=
        format === "json" ? `${isFirst ? "" : ","}\n${JSON.stringify(message)}` : section(session, message);
      isFirst = false;
    }
    if (text !== "") yield text;
    cursor = page.next;
  } while (cursor !== undefined);
  if (format === "json") yield "\n]}\n";
}

function jsonHead(session: Session): string {
  return `{"kind":"troupe.session","v":1,"session":${JSON.stringify(session)},\n"messages":[`;
}

function markdownHead(session: Session & { readonly title: string }): string {
  const title = session.title === "" ? `Conversation ${session.id}` : session.title;
  const facts = [
    `with ${session.agentId}`,
    `begun ${timeText(session.createdAt)}`,
    `last used ${timeText(session.updatedAt)}`,
  ];
  return `# ${title.replace(/\s+/g, " ")}\n\n${facts.join(", ")}\n`;
}

function section(session: Session, message: Message): string {
  const names = { user: session.peerId, assistant: session.agentId, notice: "Troupe" };
  const how = message.outcome === "ok" ? "" : `, ${message.outcome}`;
  return `\n## ${names[message.role]}, ${timeText(message.createdAt)}${how}\n\n${message.parts.map(partText).join("\n\n")}\n`;
}

/** Tools are told in a quote, so that they are not taken for what was said. */
function partText(part: MessagePart): string {
  switch (part.type) {
    case "text":
      return part.text;
    case "file":
      return quote(`${part.name}, ${part.mediaType}, ${part.sizeBytes} bytes`);
    case "tool-call":
      return quote(`${part.name} ${part.arguments}`);
    case "tool-result":
      return quote(`${part.isError === true ? "failed: " : ""}${part.text}`);
  }
}

function quote(text: string): string {
  return text.trimEnd().replace(/^/gm, "> ");
}

function timeText(at: number): string {
  return `${new Date(at).toISOString().slice(0, 16).replace("T", " ")} UTC`;
}
