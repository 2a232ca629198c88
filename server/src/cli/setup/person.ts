import { TroupeError } from "@troupe/contracts";

export interface Choice<Value> {
  readonly value: Value;
  readonly label: string;
  readonly hint?: string;
}

/** Who is asked, one thing at a time. Every question rejects with `turn.cancelled` when they leave. */
export interface Person {
  choose<Value>(question: string, choices: readonly Choice<Value>[], first?: Value): Promise<Value>;
  /** What is typed is not shown. */
  secret(question: string): Promise<string>;
  text(
    question: string,
    options: { readonly example: string; check(text: string): string | undefined },
  ): Promise<string>;
  confirm(question: string): Promise<boolean>;
  say(text: string): void;
  warn(text: string): void;
  /** Shows that something is going on; leaving aborts it. */
  during<Result>(what: string, work: (signal: AbortSignal) => Promise<Result>): Promise<Result>;
}

export function left(): TroupeError {
  return new TroupeError("Nothing was changed.", { code: "turn.cancelled" });
}
