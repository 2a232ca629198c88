import type { ModelRequestRecord } from "./model.ts";
import type { TurnTimes } from "./peer.ts";

/** A turn without the time that the model took for itself. */
export interface AddedTime {
  readonly turnMs: number;
  readonly addedMs: number;
  readonly addedToFirstTokenMs: number;
  readonly modelCalls: number;
}

/**
 * Takes the model's own time off turns that ran one after another. Requests of background work belong to no turn, and
 * no turn waits for them. Both lists are in the order of time.
 */
export function addedTimes(
  turns: readonly TurnTimes[],
  records: readonly ModelRequestRecord[],
): readonly AddedTime[] {
  const requests = records.filter((record) => record.isTurn);
  let next = 0;
  return turns.map(({ startedMs, firstTokenMs, endedMs }) => {
    while (next < requests.length && (requests[next] as ModelRequestRecord).arrivedMs < startedMs) next++;
    let ownMs = 0;
    let ownToFirstTokenMs = 0;
    let modelCalls = 0;
    for (let index = next; index < requests.length; index++) {
      const request = requests[index] as ModelRequestRecord;
      if (request.arrivedMs > endedMs) break;
      modelCalls++;
      ownMs += Math.min(request.lastByteMs, endedMs) - request.arrivedMs;
      if (request.arrivedMs > firstTokenMs) continue;
      // A call of a tool counts until its last byte, the call that brought the first token until its first.
      const isLast = (requests[index + 1]?.arrivedMs ?? Number.POSITIVE_INFINITY) > firstTokenMs;
      const end = isLast ? request.firstByteMs : request.lastByteMs;
      ownToFirstTokenMs += Math.min(end, firstTokenMs) - request.arrivedMs;
    }
    return {
      turnMs: endedMs - startedMs,
      addedMs: endedMs - startedMs - ownMs,
      addedToFirstTokenMs: firstTokenMs - startedMs - ownToFirstTokenMs,
      modelCalls,
    };
  });
}
