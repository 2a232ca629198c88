import type { FilePart, Message } from "../api/types.ts";
import type { Exchange } from "../state/exchanges.ts";

/** The readable text of a message: its text parts, a paragraph each. */
export function textOfMessage(message: Message): string {
  return message.parts.flatMap((part) => (part.type === "text" ? [part.text] : [])).join("\n\n");
}

/** What a turn answered so far, or the notice about why there is none. */
export function replyText({ reply, notice, live }: Exchange): string {
  if (reply !== undefined) return textOfMessage(reply);
  if (notice !== undefined) return textOfMessage(notice);
  if (live?.end !== undefined && live.end.text !== "") return live.end.text;
  return (live?.parts ?? []).flatMap((part) => (part.type === "text" ? [part.text] : [])).join("\n\n");
}

export function filesOfMessage(message: Message): readonly FilePart[] {
  return message.parts.filter((part) => part.type === "file");
}
