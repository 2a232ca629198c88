import type { Message, MessagePart, ModelMessage, ModelToolCall } from "@troupe/contracts";
import { textOf } from "@troupe/contracts";

/** What stands in a model's history where a turn failed: it must neither answer it now nor repeat what failed. */
const FAILED_NOTE = "[A message here could not be answered because of an error. Do not answer it now.]";
const STOPPED_NOTE = "[Stopped by the user.]";

/**
 * Kept messages of one turn as a model sees them: the assistant's one message unfolds into its steps. Of a failed turn
 * only a note remains. Source: feature NN-014.
 */
export function toModelMessages(messages: readonly Message[]): ModelMessage[] {
  if (messages.some((message) => message.outcome === "failed")) return [{ role: "user", text: FAILED_NOTE }];
  const shown: ModelMessage[] = [];
  for (const message of messages) {
    if (message.role === "user") shown.push({ role: "user", text: textOf(message.parts) });
    else if (message.role === "assistant")
      shown.push(...unfold(message.parts, message.outcome === "cancelled"));
  }
  const isCancelled = messages.some((message) => message.outcome === "cancelled");
  if (isCancelled && !shown.some((message) => message.role === "assistant")) {
    shown.push({ role: "assistant", text: STOPPED_NOTE, calls: [] });
  }
  return shown;
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
    // A provider refuses a call without its result; a turn that was stopped may have left some.
    for (const { callId, name } of calls) {
      if (!answered.has(callId))
        results.push({ role: "tool", callId, name, text: STOPPED_NOTE, isError: true });
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
    else calls.push({ callId: part.callId, name: part.name, arguments: part.arguments });
  }
  if (wasStopped && calls.length === 0) text = text === "" ? STOPPED_NOTE : `${text} ${STOPPED_NOTE}`;
  // Stopped after the results and before an answer: without a word the next turn would take it up again.
  const isUnanswered = wasStopped && calls.length > 0 && calls.every(({ callId }) => answered.has(callId));
  settle();
  if (isUnanswered) shown.push({ role: "assistant", text: STOPPED_NOTE, calls: [] });
  return shown;
}
