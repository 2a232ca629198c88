import type { ErrorCode } from "@troupe/contracts";
import type { StatementText, Value } from "./statement.ts";

/**
 * What goes to a database, flat, so that it crosses threads cheaply. A batch is a list of transactions, each: number of operations, then for each its
 * statement's number and its values.
 */
export type Batch = readonly Value[];

/**
 * An answer has for each transaction either 0 and one result for every operation that returns something, or an error
 * code and its message.
 */
export type Answer = unknown[];

/** Where each transaction of a batch begins. */
export function startsOf(batch: Batch, statements: readonly StatementText[]): number[] {
  const starts: number[] = [];
  let at = 0;
  while (at < batch.length) {
    starts.push(at);
    let left = batch[at++] as number;
    for (; left > 0; left--) at += 1 + (statements[batch[at] as number]?.parameterCount ?? 0);
  }
  return starts;
}

export function refuseAll(
  count: number,
  failure: { readonly code: ErrorCode; readonly message: string },
): Answer {
  const answer: Answer = [];
  for (let i = 0; i < count; i++) answer.push(failure.code, failure.message);
  return answer;
}
