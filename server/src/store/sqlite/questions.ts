/** Reads as they cross to a thread and back: flat, and answered in order. */
import { type ErrorCode, TroupeError } from "@troupe/contracts";
import { troupeErrorOf } from "../failure.ts";
import type { StatementText, Value } from "../statement.ts";
import type { Engine } from "./engine.ts";
import { failureOf } from "./errors.ts";

export interface Question {
  readonly index: number;
  readonly values: readonly Value[];
  readonly signal: AbortSignal;
  readonly resolve: (found: unknown) => void;
  readonly reject: (error: unknown) => void;
}

/** Rejects those that were aborted meanwhile, and gives the others. */
export function stillAsked<Asked extends Question>(questions: readonly Asked[]): readonly Asked[] {
  return questions.filter(({ signal, reject }) => {
    if (signal.aborted) reject(signal.reason);
    return !signal.aborted;
  });
}

export function flat(questions: readonly Question[]): Value[] {
  return questions.flatMap(({ index, values }) => [index, ...values]);
}

/** On the thread: for each question 0 and what was found, or an error code and its message. */
export function answersOf({ engine, path, statements }: EngineOnThread, asked: readonly Value[]): unknown[] {
  const answer: unknown[] = [];
  let at = 0;
  while (at < asked.length) {
    const index = asked[at++] as number;
    const end = at + (statements[index]?.parameterCount ?? 0);
    try {
      answer.push(0, engine.query(index, asked.slice(at, end)));
    } catch (error) {
      const { code, message } = TroupeError.is(error) ? error : failureOf(error, path);
      answer.push(code, message);
    }
    at = end;
  }
  return answer;
}

export interface EngineOnThread {
  readonly engine: Engine;
  readonly path: string;
  readonly statements: readonly StatementText[];
}

/** Back again: each question gets its answer. */
export function settle(questions: readonly Question[], answer: readonly unknown[]): void {
  let at = 0;
  for (const { resolve, reject } of questions) {
    const head = answer[at++];
    if (typeof head === "string")
      reject(troupeErrorOf({ code: head as ErrorCode, message: String(answer[at++]) }));
    else resolve(answer[at++]);
  }
}
