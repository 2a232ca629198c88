import {
  type DeadLetter,
  type DeadLetterDetail,
  type Page,
  type Stores,
  TroupeError,
} from "@troupe/contracts";
import type { AdminRequest, AdminRoute } from "../gateway/index.ts";
import { type Redact, redacted, redactText, withoutSecrets } from "../kit/index.ts";
import {
  type ChangeParts,
  changeDeadLetters,
  type DeadLetterFilter,
  type DeadLetterSelection,
} from "./dead-letter-changes.ts";
import { pageIn } from "./page-query.ts";

/** A dead letter as the operator gets it: secrets left out, and what can be done. */
export interface ShownDeadLetter extends DeadLetterDetail {
  /** Why the payload is not shown: what is secret in it cannot be told just now. */
  readonly withheld?: string;
  readonly remedy: string;
}

export interface DeadLetterParts extends ChangeParts {
  readonly stores: ChangeParts["stores"] & Pick<Stores, "deadLetters">;
  /** How texts of the space are redacted. Rejects where a kept secret cannot be read. */
  readonly redactor: (spaceId: string, options: AdminRequest) => Promise<Redact>;
}

/** A payload has no more levels than these that could hide a secret field. */
const LEVELS = 32;

/** Looking at what was given up, trying it again and forgetting it. The operator's alone. */
export function deadLetterRoutes(parts: DeadLetterParts): readonly AdminRoute[] {
  return [
    { method: "GET", path: "/admin/dlq", handle: (request) => list(parts, request) },
    { method: "GET", path: "/admin/dlq/:id", handle: (request) => show(parts, request) },
    ...(["replay", "purge"] as const).map(
      (what): AdminRoute => ({
        method: "POST",
        path: `/admin/dlq/${what}`,
        handle: async (request) => changeDeadLetters(parts, what, choiceOf(await request.json()), request),
      }),
    ),
  ];
}

async function list({ stores }: DeadLetterParts, request: AdminRequest): Promise<Page<DeadLetter>> {
  const { query, principal } = request;
  const number = (name: "since" | "until"): unknown => {
    const text = query.get(name);
    return text === null ? undefined : Number(text);
  };
  const filter = filterOf({
    ...{ kind: query.get("kind") ?? undefined, agentId: query.get("agent") ?? undefined },
    ...{ state: query.get("state") ?? undefined, since: number("since"), until: number("until") },
  });
  const page = await stores.deadLetters.list(
    { spaceId: principal.spaceId, ...filter, ...pageIn(query) },
    request,
  );
  return { ...page, items: page.items.map((letter) => redacted(letter, redactText)) };
}

async function show({ stores, redactor }: DeadLetterParts, request: AdminRequest): Promise<ShownDeadLetter> {
  const { spaceId } = request.principal;
  const id = request.params.id ?? "";
  const letter = await stores.deadLetters.get(spaceId, id, request);
  if (letter === undefined) throw noSuchLetter(id);
  const remedy = remedyOf(letter);
  try {
    const redact = await redactor(spaceId, request);
    const payload = redacted(withoutSecrets(letter.payload, LEVELS), redact) as DeadLetterDetail["payload"];
    return { ...redacted({ ...letter, payload: {} }, redact), payload, remedy };
  } catch (error) {
    if (!TroupeError.is(error)) throw error;
    return { ...redacted({ ...letter, payload: {} }, redactText), withheld: error.message, remedy };
  }
}

function noSuchLetter(id: string): TroupeError {
  return new TroupeError(
    `There is no dead letter "${id}" (any more). ./troupe dlq list shows those that there are.`,
    { code: "request.not_found" },
  );
}

/** What an operator does about it, in one or two sentences. */
function remedyOf({ source, state, id, sessionId, agentId, turnId }: DeadLetter): string {
  const replay = `./troupe dlq replay ${id}`;
  if (state === "parked")
    return `No handler here knows it. A process of a version that does takes it up by itself; ${replay} tries it here once more.`;
  if (state === "unknown")
    return `It may have arrived. Ask whom it was for; ${replay} --even-unknown sends it again, and it may then arrive twice.`;
  switch (source) {
    case "effect":
      return `${replay} runs it again, from its first attempt on.`;
    case "delivery":
      return `${replay} sends it again.`;
    case "agent-message":
      return `${replay} gives it to ${agentId} again. Who asked was told that no answer comes; one that comes now stands in their channel. ./troupe turn show ${turnId} tells of the last try.`;
    case "turn":
      return `A turn is not replayed: whoever wrote was told that it failed. ./troupe turn show ${turnId} tells why, ./troupe session retry ${sessionId} asks the same again in a branch.`;
  }
}

const MOST_IDS = 200;

/** Throws `request.invalid` for a body that could mean more than was meant. */
function choiceOf(body: unknown): DeadLetterSelection {
  const given = typeof body === "object" && body !== null ? (body as Record<string, unknown>) : {};
  const { ids, filter, dryRun = false, evenUnknown = false } = given;
  if (typeof dryRun !== "boolean" || typeof evenUnknown !== "boolean")
    throw invalid('"dryRun" and "evenUnknown" are true or false.');
  const flags = { isDry: dryRun, evenUnknown };
  if ((ids === undefined) === (filter === undefined))
    throw invalid('The body names "ids", or a "filter" ({} for all that there are), and not both.');
  if (ids === undefined) return { wish: { kind: "filter", filter: filterOf(filter) }, ...flags };
  const areGood = Array.isArray(ids) && ids.length > 0 && ids.every((id) => typeof id === "string");
  if (!areGood || ids.length > MOST_IDS) throw invalid(`"ids" is a list of 1 to ${MOST_IDS} ids.`);
  return { wish: { kind: "ids", ids: [...new Set<string>(ids)] }, ...flags };
}

const STATES: readonly DeadLetter["state"][] = ["dead", "parked", "unknown"];
const FILTERS: readonly string[] = [
  "kind",
  "agentId",
  "state",
  "since",
  "until",
] satisfies (keyof DeadLetterFilter)[];

/** A filter that is misspelt would name all that there are, so it is refused. */
function filterOf(value: unknown): DeadLetterFilter {
  if (typeof value !== "object" || value === null || Array.isArray(value))
    throw invalid('"filter" is an object.');
  const unknown = Object.keys(value).find((name) => !FILTERS.includes(name));
  if (unknown !== undefined) throw invalid(`"${unknown}" is no filter. There are: ${FILTERS.join(", ")}.`);
  const { kind, agentId, state, since, until } = value as Readonly<Record<string, unknown>>;
  for (const text of [kind, agentId])
    if (text !== undefined && (typeof text !== "string" || text === ""))
      throw invalid("A kind and an agent are names.");
  if (state !== undefined && !STATES.some((one) => one === state))
    throw invalid(`There is no state "${String(state)}". Name one of: ${STATES.join(", ")}.`);
  for (const time of [since, until])
    if (time !== undefined && !Number.isSafeInteger(time))
      throw invalid('"since" and "until" are times in UTC milliseconds.');
  const filter = { kind, agentId, state, since, until };
  return Object.fromEntries(Object.entries(filter).filter(([, one]) => one !== undefined));
}

function invalid(message: string): TroupeError {
  return new TroupeError(message, { code: "request.invalid" });
}
