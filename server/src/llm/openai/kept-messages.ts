import type { ModelMessage } from "@troupe/contracts";

/** Serialises the messages of one conversation's requests, one request after the other. */
export interface KeptMessages {
  /** All messages as JSON with commas between, in UTF-8. What is given may change with the next call. */
  serialise(messages: readonly ModelMessage[]): Buffer;
}

/** Room for the next turns, so that a conversation that grows is not copied with each of them. */
const SPARE_SHARE = 0.25;
const LEAST_BYTES = 1024;

/**
 * Keeps what it serialised last. A request mostly begins with the messages of the one before, so only what follows them
 * is serialised; where the beginning changed (the history was cut, a turn failed), all after the change is.
 */
export function createKeptMessages(textOf: (message: ModelMessage) => string): KeptMessages {
  let known: readonly ModelMessage[] = [];
  /** Where each of `known` ends in `bytes`. */
  const ends: number[] = [];
  let bytes = Buffer.alloc(0);

  return {
    serialise(messages) {
      const same = commonLength(known, messages);
      let end = ends[same - 1] ?? 0;
      ends.length = same;
      const texts = messages.slice(same).map((message, i) => (same + i === 0 ? "" : ",") + textOf(message));
      const needed = end + texts.reduce((sum, text) => sum + Buffer.byteLength(text), 0);
      if (needed > bytes.length) {
        const larger = Buffer.allocUnsafeSlow(Math.max(LEAST_BYTES, Math.ceil(needed * (1 + SPARE_SHARE))));
        bytes.copy(larger, 0, 0, end);
        bytes = larger;
      }
      for (const text of texts) {
        end += bytes.write(text, end);
        ends.push(end);
      }
      known = messages;
      return bytes.subarray(0, end);
    },
  };
}

function commonLength(before: readonly ModelMessage[], now: readonly ModelMessage[]): number {
  const most = Math.min(before.length, now.length);
  let length = 0;
  while (length < most && (before[length] === now[length] || isEqual(before[length], now[length]))) length++;
  return length;
}

/** What was a turn's newest message comes back from the history as an equal one. */
function isEqual(one: ModelMessage | undefined, other: ModelMessage | undefined): boolean {
  if (one === undefined || one.role !== other?.role || one.text !== other.text) return false;
  // Steps that called tools come back once, so they may be serialised once more.
  if (one.role === "tool" || other.role === "tool") return false;
  return (
    one.role !== "assistant" || (other.role === "assistant" && one.calls.length + other.calls.length === 0)
  );
}
