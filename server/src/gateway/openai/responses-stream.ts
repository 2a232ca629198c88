import type { ToolCallPart } from "@troupe/contracts";
import type { Failure } from "../reply.ts";
import type { TurnEnd } from "../turn-follower.ts";
import type { StreamDialect } from "./one-way-stream.ts";
import {
  callItem,
  endedResponse,
  incompleteOf,
  type Json,
  messageItem,
  responseObject,
  type ShownResponse,
  textPart,
} from "./responses-body.ts";

/** A turn as the event stream of responses. Source: platform.openai.com/docs/api-reference/responses-streaming. */
export function responsesDialect(shown: ShownResponse): StreamDialect {
  let turnId = "";
  let number = 0;
  let isSpeaking = false;
  const event = (type: string, body: Json): string =>
    `event: ${type}\ndata: ${JSON.stringify({ type, sequence_number: number++, ...body })}\n\n`;
  const part = (): Json => ({ item_id: `msg_${turnId}`, output_index: 0, content_index: 0 });
  const begun = (): Json => responseObject(shown, turnId, { status: "in_progress", output: [] });

  const speak = (): string => {
    if (isSpeaking) return "";
    isSpeaking = true;
    const item = messageItem(turnId, undefined, "in_progress");
    return (
      event("response.output_item.added", { output_index: 0, item }) +
      event("response.content_part.added", { ...part(), part: textPart("") })
    );
  };
  const fallSilent = (text: string, status: "completed" | "incomplete"): string => {
    if (!isSpeaking) return "";
    return (
      event("response.output_text.done", { ...part(), text, logprobs: [] }) +
      event("response.content_part.done", { ...part(), part: textPart(text) }) +
      event("response.output_item.done", { output_index: 0, item: messageItem(turnId, text, status) })
    );
  };
  const callEvents = (call: ToolCallPart, index: number): string => {
    const at = { item_id: `fc_${call.callId}`, output_index: index };
    const { name, arguments: text } = call;
    return (
      event("response.output_item.added", { output_index: index, item: callItem(call, "in_progress") }) +
      event("response.function_call_arguments.delta", { ...at, delta: text }) +
      event("response.function_call_arguments.done", { ...at, name, arguments: text }) +
      event("response.output_item.done", { output_index: index, item: callItem(call, "completed") })
    );
  };
  return {
    begin(id) {
      turnId = id;
      return (
        event("response.created", { response: begun() }) +
        event("response.in_progress", { response: begun() })
      );
    },
    text: (delta) => speak() + event("response.output_text.delta", { ...part(), delta, logprobs: [] }),
    finish(end: TurnEnd) {
      const { calls = [] } = end;
      // A reply without words is a message without words; calls alone need none.
      const first = end.text === "" && calls.length === 0 ? speak() : "";
      const why = incompleteOf(end);
      const said = fallSilent(end.text, why === undefined ? "completed" : "incomplete");
      const called = calls.map((call, at) => callEvents(call, at + (isSpeaking ? 1 : 0))).join("");
      const type = why === undefined ? "response.completed" : "response.incomplete";
      return first + said + called + event(type, { response: endedResponse(shown, end) });
    },
    fail(failure: Failure) {
      const response = responseObject(shown, turnId, { status: "failed", output: [], failure });
      return event("response.failed", { response });
    },
  };
}
