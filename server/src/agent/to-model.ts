import type { FilePart, Message, MessagePart, ModelMessage, ModelToolCall } from "@troupe/contracts";
import { filesOf, textOf } from "@troupe/contracts";
import { withAuthor } from "../kit/index.ts";

/** What stands in a model's history where a turn failed: it must neither answer it now nor repeat what failed. */
const FAILED_NOTE = "[A message here could not be answered because of an error. Do not answer it now.]";
const STOPPED_NOTE = "[Stopped by the user.]";
/** Calls of a client's own tools are open when their turn ends; a provider takes no call without a result. */
export const HANDED_NOTE: string =
  "[Handed to the program that brought this tool. What it answered, if it did, follows.]";

/**
 * Kept messages of one turn as a model sees them: the assistant's one message unfolds into its steps. Of a failed turn
 * only a note remains, of one that its agent chose not to answer nothing. Source: feature NN-014.
 */
export function toModelMessages(messages: readonly Message[]): ModelMessage[] {
  if (messages.some((message) => message.outcome === "suppressed")) return [];
  if (messages.some((message) => message.outcome === "failed")) return [{ role: "user", text: FAILED_NOTE }];
  const shown: ModelMessage[] = [];
  for (const message of messages) {
    if (message.role === "user") shown.push(fromUser(message));
    else if (message.role === "assistant")
      shown.push(...unfold(message.parts, message.outcome === "cancelled"));
  }
  const isCancelled = messages.some((message) => message.outcome === "cancelled");
  if (isCancelled && !shown.some((message) => message.role === "assistant")) {
    shown.push({ role: "assistant", text: STOPPED_NOTE, calls: [] });
  }
  return shown;
}

/**
 * What a person sent, as a model sees it; results of a client's tools that came with it are told in words. Where several people
 * read, the author stands before it in brackets.
 */
export function fromUser({ parts, author }: Pick<Message, "parts" | "author">): ModelMessage {
  const results = parts.flatMap((part) =>
    part.type === "tool-result" ? [`[Result of ${part.name}]\n${part.text}`] : [],
  );
  const text = withAuthor(textOf(parts), author);
  const told = results.length === 0 ? text : [...results, ...(text === "" ? [] : [text])].join("\n\n");
  return userMessage(told, filesOf(parts));
}

/** The same right behind the calls that it answers: results are results. */
export function answersOf(parts: readonly MessagePart[]): readonly ModelMessage[] {
  const results = parts.flatMap((part): ModelMessage[] =>
    part.type === "tool-result"
      ? [
          {
            role: "tool",
            callId: part.callId,
            name: part.name,
            text: part.text,
            isError: part.isError === true,
          },
        ]
      : [],
  );
  const text = textOf(parts);
  const files = filesOf(parts);
  const isMore = text !== "" || files.length > 0 || results.length === 0;
  return isMore ? [...results, userMessage(text, files)] : results;
}

export function userMessage(text: string, files: readonly FilePart[]): ModelMessage {
  return files.length === 0 ? { role: "user", text } : { role: "user", text, files };
}

/** Parts of an assistant message as model messages: a step begins where text or a call follows a result. */
export function unfold(parts: readonly MessagePart[], wasStopped = false): ModelMessage[] {
  const shown: ModelMessage[] = [];
  let text = "";
  let calls: ModelToolCall[] = [];
  const answered = new Set<string>();
  const flush = (): void => {
    if (text !== "" || calls.length > 0) shown.push({ role: "assistant", text, calls });
    text = "";
    calls = [];
  };
  const results: ModelMessage[] = [];
  const settle = (): void => {
    // A provider refuses a call without its result; a turn that was stopped, or handed calls to its client, leaves some.
    for (const { callId, name } of calls) {
      if (!answered.has(callId))
        results.push({
          ...{ role: "tool", callId, name },
          ...(wasStopped ? { text: STOPPED_NOTE, isError: true } : { text: HANDED_NOTE, isError: false }),
        });
    }
    flush();
    shown.push(...results.splice(0));
    // Some servers give the calls of every step the same ids.
    answered.clear();
  };
  for (const part of parts) {
    if (part.type === "tool-result") {
      answered.add(part.callId);
      results.push({
        role: "tool",
        callId: part.callId,
        name: part.name,
        text: part.text,
        isError: part.isError === true,
      });
      continue;
    }
    if (results.length > 0) settle();
    if (part.type === "text") text += part.text;
    else if (part.type === "tool-call")
      calls.push({ callId: part.callId, name: part.name, arguments: part.arguments });
  }
  if (wasStopped && calls.length === 0) text = text === "" ? STOPPED_NOTE : `${text} ${STOPPED_NOTE}`;
  // Stopped after the results and before an answer: without a word the next turn would take it up again.
  const isUnanswered = wasStopped && calls.length > 0 && calls.every(({ callId }) => answered.has(callId));
  settle();
  if (isUnanswered) shown.push({ role: "assistant", text: STOPPED_NOTE, calls: [] });
  return shown;
}
