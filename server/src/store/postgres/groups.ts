import { type Answer, type Batch, refuseAll, startsOf } from "../batch.ts";
import { guardFailureOf, type StoreFailure } from "../failure.ts";
import type { Row, StatementText } from "../statement.ts";
import { GUARD_STATE } from "./dialect.ts";
import { failureOf, stateOf } from "./errors.ts";
import type { Step } from "./pipeline.ts";

export type TripOutcome =
  | { readonly kind: "kept"; readonly rows: readonly (readonly Row[])[] }
  /** A step was refused by the server; nothing of the trip is kept. */
  | { readonly kind: "refused"; readonly step: number; readonly error: unknown }
  /** The whole trip is lost. */
  | { readonly kind: "unavailable"; readonly failure: StoreFailure };

/** One transaction in one round trip. */
export type Trip = (steps: readonly Step[]) => Promise<TripOutcome>;

interface Transaction {
  readonly steps: readonly Step[];
  readonly statements: readonly StatementText[];
}

/**
 * Group commit: all transactions of a batch are one on the server, so that they share a round trip and an fsync. Where
 * one of them is refused, those before it are sent again without it, then it alone, for what they changed may be why it
 * is refused, then those after it. Refusals are rare, savepoints would be paid for by all.
 */
export function createGroups(deps: {
  readonly texts: () => readonly StatementText[];
  readonly trip: Trip;
  readonly where: string;
}): (batch: Batch) => Promise<Answer> {
  const run = async (group: readonly Transaction[]): Promise<Answer> => {
    if (group.length === 0) return [];
    const outcome = await deps.trip(group.flatMap(({ steps }) => steps));
    if (outcome.kind === "kept") return answerOf(group, outcome.rows);
    if (outcome.kind === "unavailable") return refuseAll(group.length, outcome.failure);
    const refused = transactionOf(group, outcome.step);
    if (group.length === 1) {
      const { code, message } = failureAt(group[0] as Transaction, outcome, deps.where);
      return [code, message];
    }
    const before = await run(group.slice(0, refused));
    const itself = await run(group.slice(refused, refused + 1));
    return [...before, ...itself, ...(await run(group.slice(refused + 1)))];
  };
  return (batch) => run(transactionsOf(batch, deps.texts()));
}

/** A prepared statement's name: its number tells it from all others, its own name tells people. */
export function preparedName(index: number, { name }: StatementText): string {
  return `${index} ${name}`.slice(0, 63);
}

function transactionsOf(batch: Batch, texts: readonly StatementText[]): readonly Transaction[] {
  return startsOf(batch, texts).map((start) => {
    const steps: Step[] = [];
    const statements: StatementText[] = [];
    let at = start + 1;
    for (let left = batch[start] as number; left > 0; left--) {
      const index = batch[at++] as number;
      const text = texts[index] as StatementText;
      const end = at + text.parameterCount;
      steps.push({ name: preparedName(index, text), text: text.sql, values: batch.slice(at, end) });
      statements.push(text);
      at = end;
    }
    return { steps, statements };
  });
}

function answerOf(group: readonly Transaction[], rows: readonly (readonly Row[])[]): Answer {
  const answer: Answer = [];
  let at = 0;
  for (const { statements } of group) {
    answer.push(0);
    for (const { returns } of statements) {
      const found = rows[at++] ?? [];
      if (returns === "rows") answer.push(found);
      else if (returns === "row") answer.push(found[0] ?? null);
    }
  }
  return answer;
}

function transactionOf(group: readonly Transaction[], step: number): number {
  let at = 0;
  for (const [i, { steps }] of group.entries()) {
    at += steps.length;
    if (step < at) return i;
  }
  return group.length - 1;
}

function failureAt(
  { statements }: Transaction,
  { step, error }: { readonly step: number; readonly error: unknown },
  where: string,
): StoreFailure {
  const statement = statements[step];
  const isGuard = stateOf(error) === GUARD_STATE;
  return isGuard && statement?.guard !== undefined ? guardFailureOf(statement) : failureOf(error, where);
}
