import { type ErrorCode, TroupeError } from "@troupe/contracts";
import { type CatalogueKey, say } from "./catalogue/index.ts";
import type { Language } from "./language.ts";

/** A model that gave up, and what it said last. */
export interface ModelRefusal {
  /** `provider/model`. */
  readonly model: string;
  readonly error: TroupeError;
  /** How often it was asked; 0 where it was left alone. */
  readonly tries: number;
}

/** Why none of a list's models answered. `list`: its logical name, where it has one. */
class RefusedByAll extends AggregateError {
  override readonly name = "RefusedByAll";
  readonly refusals: readonly ModelRefusal[];
  readonly list: string | undefined;

  constructor(refusals: readonly ModelRefusal[], list: string | undefined) {
    super(
      refusals.map(({ error }) => error),
      `${refusals.length} model(s) were asked, and none answered.`,
    );
    this.refusals = refusals;
    this.list = list;
  }
}

/** The one error of a list of which no model answered: what each said, in English, by the code of the most hopeful. */
export function refusedByAll(refusals: readonly ModelRefusal[], list: string | undefined): TroupeError {
  const errors = refusals.map(({ error }) => error);
  // Waiting helps when it helps with one of them.
  const leading = errors.find(({ retryable }) => retryable) ?? errors[0];
  const waits = errors.flatMap(({ retryAfterMs }) => retryAfterMs ?? []);
  const cause = new RefusedByAll(refusals, list);
  return new TroupeError(sentenceOf(cause, "en"), {
    code: leading?.code ?? "model.unknown",
    retryable: leading?.retryable ?? false,
    ...(waits.length === 0 ? {} : { retryAfterMs: Math.min(...waits) }),
    cause,
  });
}

/** The same in the reader's language; undefined for any other error. */
export function sayRefusals(language: Language, error: unknown): string | undefined {
  const cause = TroupeError.is(error) ? error.cause : undefined;
  return cause instanceof RefusedByAll ? sentenceOf(cause, language) : undefined;
}

/** Why a model did not answer, as a part of a sentence to whoever chats. */
export function sayReason(language: Language, code: ErrorCode, model: string): string {
  return say(language, reasonKey(code), { model });
}

function reasonKey(code: ErrorCode): CatalogueKey {
  switch (code) {
    case "model.auth":
    case "model.billing":
    case "model.rate_limited":
    case "model.not_found":
    case "model.context_exceeded":
    case "model.timeout":
    case "model.unavailable":
    case "model.bad_response":
    case "model.rejected":
    case "model.unknown":
    case "turn.deadline":
      return `reason.${code}`;
    default:
      return "reason.other";
  }
}

function sentenceOf({ refusals, list }: RefusedByAll, language: Language): string {
  const where = list === undefined ? "" : say(language, "models.list", { list });
  if (refusals.length === 0) return say(language, "models.none", { where });
  const clauses = refusals.map((refusal, at) => clauseOf(refusal, language, at === 0));
  if (refusals.length === 1) clauses.push(say(language, "models.alone", { where }));
  const last = clauses.pop() ?? "";
  return clauses.length === 1
    ? say(language, "models.two", { first: clauses[0] ?? "", last })
    : say(language, "models.several", { first: clauses.join("; "), last });
}

/** `The model "a/b" refused our key (401)` as a part of a longer sentence. The errors themselves speak English alone. */
function clauseOf({ model, error, tries }: ModelRefusal, language: Language, isFirst: boolean): string {
  const told = language === "en" ? error.message : sayReason(language, error.code, model);
  const clause = told.replace(/\.$/, "") + (tries > 1 ? say(language, "models.tries", { tries }) : "");
  return isFirst ? clause : clause.replace(/^The /, "the ");
}
