import {
  type EffectDraft,
  type EffectHandler,
  MAX_INSTANCE_ACTIONS,
  MAX_OPEN_INSTANCES,
  type ModuleDecision,
  TroupeError,
  type UnsureDecision,
} from "@troupe/contracts";
import { draftFault } from "../kit/index.ts";

const MAX_KEY = 64;
const MAX_TITLE = 200;
const MAX_REASON = 500;
const MAX_QUESTION = 2_000;
const MAX_TEXT = 64_000;
const MAX_PAYLOAD_BYTES = 16 * 1024;
const MAX_DEPENDENCIES = 32;
const MAX_CHOICES = 8;

/** What a decision is held to. */
export interface Bounds {
  /** Ids of the open instances that the module was shown. */
  readonly open: ReadonlySet<string>;
  /** Handlers that the module brings: a callback that nobody would handle is refused. */
  readonly effects: readonly Pick<EffectHandler, "kind" | "versions">[];
}

type Plain = Readonly<Record<string, unknown>>;

/**
 * What a module answered, as far as it can be kept whole: modules are others' code. Throws `request.invalid` with one sentence
 * that says what is wrong, and nothing of it is kept.
 */
export function checkedAnswer(given: unknown, bounds: Bounds): ModuleDecision | UnsureDecision | undefined {
  if (given === undefined) return undefined;
  const answer = plainOf(given, "It answered something that is no decision.");
  if (answer.question === undefined && answer.choices === undefined) {
    checkDecision(answer, bounds, "");
    return answer as unknown as ModuleDecision;
  }
  checkUnsure(answer, bounds);
  return answer as unknown as UnsureDecision;
}

/** Of an answer that was checked: a decision may bring the member too, as `undefined`. */
export function isUnsure(answer: ModuleDecision | UnsureDecision): answer is UnsureDecision {
  return "question" in answer && answer.question !== undefined;
}

function checkUnsure({ question, choices, otherwise }: Plain, bounds: Bounds): void {
  if (!isText(question, MAX_QUESTION)) refuse(`Its question is no text of 1 to ${MAX_QUESTION} characters.`);
  const named = Object.entries(plainOf(choices, "Its choices are no decisions by name."));
  if (named.length < 2 || named.length > MAX_CHOICES)
    refuse(`It names ${named.length} choices; two to ${MAX_CHOICES} are asked about.`);
  for (const [name, decision] of named) {
    if (!isLine(name, MAX_KEY)) refuse(`A choice has a name that is no line of 1 to ${MAX_KEY} characters.`);
    checkDecision(plainOf(decision, `Its choice "${name}" is no decision.`), bounds, ` of "${name}"`);
  }
  checkDecision(
    plainOf(otherwise, "It does not say what holds otherwise, where no model answers."),
    bounds,
    " of otherwise",
  );
}

/** `where`: of which choice, for the sentence. */
function checkDecision({ actions, text }: Plain, bounds: Bounds, where: string): void {
  if (text !== undefined && (typeof text !== "string" || text.length > MAX_TEXT))
    refuse(`The text${where} is no text of at most ${MAX_TEXT} characters.`);
  if (!Array.isArray(actions)) refuse(`The actions${where} are no list.`);
  const all: readonly unknown[] = actions as readonly unknown[];
  if (all.length > MAX_INSTANCE_ACTIONS)
    refuse(`There are ${all.length} actions${where}; ${MAX_INSTANCE_ACTIONS} are the most.`);
  const keys = new Map<string, Plain>();
  const changed = new Set<string>();
  let ended = 0;
  for (const [n, given] of all.entries()) {
    const name = `Action ${n + 1}${where}`;
    const action = plainOf(given, `${name} is no object.`);
    if (action.kind === "add") keys.set(addedKey(action, name, keys, bounds), action);
    else {
      checkChange(action, name, changed, bounds);
      if (action.kind === "remove") ended += 1;
    }
  }
  for (const [key, action] of keys) checkDependencies(key, action, keys, bounds);
  refuseCircles(keys);
  const left = bounds.open.size + keys.size - ended;
  if (keys.size > 0 && left > MAX_OPEN_INSTANCES)
    refuse(`There would be ${left} open tasks along the storyline; ${MAX_OPEN_INSTANCES} are the most.`);
}

function addedKey(
  action: Plain,
  name: string,
  keys: ReadonlyMap<string, unknown>,
  { open, effects }: Bounds,
): string {
  const { key, callbacks } = action;
  if (!isLine(key, MAX_KEY)) refuse(`${name} adds a task without a key of 1 to ${MAX_KEY} characters.`);
  const known = String(key);
  if (keys.has(known)) refuse(`The key "${known}" names two tasks of one decision.`);
  if (open.has(known)) refuse(`The key "${known}" is the id of an open task.`);
  checkWhatItIs(action, `${name}, "${known}",`);
  if (callbacks === undefined) return known;
  const { whenActive, whenEnded } = plainOf(callbacks, `${name}, "${known}", has callbacks that are none.`);
  for (const [point, draft] of Object.entries({ whenActive, whenEnded }))
    if (draft !== undefined) checkCallback(draft, `${point} of ${name}, "${known}",`, effects);
  return known;
}

function checkChange(action: Plain, name: string, changed: Set<string>, { open }: Bounds): void {
  const { kind, id, outcome, reason } = action;
  if (kind !== "update" && kind !== "remove")
    refuse(`${name} is of no kind that is known: add, update or remove.`);
  if (typeof id !== "string" || !open.has(id))
    refuse(`${name} is about "${String(id).slice(0, MAX_KEY)}", which is no open task of the module here.`);
  const known = String(id);
  if (changed.has(known)) refuse(`The task ${known} is changed twice by one decision.`);
  changed.add(known);
  if (kind === "update") {
    checkWhatItIs(action, name);
    return;
  }
  if (outcome !== "done" && outcome !== "failed" && outcome !== "removed")
    refuse(`${name} ends a task with an outcome that is none: done, failed or removed.`);
  if (!isText(reason, MAX_REASON))
    refuse(`${name} ends a task without a reason of 1 to ${MAX_REASON} characters.`);
}

function checkWhatItIs({ title, v, payload }: Plain, name: string): void {
  if (!isLine(title, MAX_TITLE)) refuse(`${name} has no title of one line, 1 to ${MAX_TITLE} characters.`);
  if (!Number.isSafeInteger(v) || Number(v) < 1) refuse(`${name} has no version of its payload (v, from 1).`);
  const fault = payloadFault(payload);
  if (fault !== undefined) refuse(`${name} cannot be kept: ${fault}.`);
}

function checkCallback(draft: unknown, name: string, effects: Bounds["effects"]): void {
  const versionsOf = (kind: string) => effects.find((handler) => handler.kind === kind)?.versions;
  const fault = draftFault(draft as EffectDraft, versionsOf) ?? payloadFault(Object(draft).payload);
  if (fault !== undefined) refuse(`${name} cannot be kept: ${fault}.`);
}

function checkDependencies(
  key: string,
  { dependsOn = [] }: Plain,
  keys: ReadonlyMap<string, unknown>,
  { open }: Bounds,
): void {
  if (!Array.isArray(dependsOn)) refuse(`"${key}" depends on something that is no list.`);
  const all = dependsOn as readonly unknown[];
  if (all.length > MAX_DEPENDENCIES)
    refuse(`"${key}" depends on ${all.length} tasks; ${MAX_DEPENDENCIES} are the most.`);
  const seen = new Set<unknown>();
  for (const given of all) {
    const { on, ifFails } = plainOf(given, `"${key}" depends on something that is no task.`);
    if (typeof on !== "string" || !(keys.has(on) || open.has(on)))
      refuse(
        `"${key}" depends on "${String(on).slice(0, MAX_KEY)}", which is neither a key of the decision nor an open task.`,
      );
    if (seen.has(on)) refuse(`"${key}" depends on "${String(on)}" twice.`);
    seen.add(on);
    if (ifFails !== undefined && ifFails !== "hold" && ifFails !== "fail")
      refuse(`"${key}" does not say what follows when "${String(on)}" fails: hold or fail.`);
  }
}

/** Instances that were there before cannot depend on new ones, so circles are found among those that are added. */
function refuseCircles(keys: ReadonlyMap<string, Plain>): void {
  const left = new Map(
    [...keys].map(([key, { dependsOn = [] }]) => [
      key,
      (dependsOn as readonly { readonly on: string }[]).map(({ on }) => on).filter((on) => keys.has(on)),
    ]),
  );
  for (let isFreed = true; isFreed; ) {
    isFreed = false;
    for (const [key, on] of left)
      if (!on.some((one) => left.has(one))) {
        left.delete(key);
        isFreed = true;
      }
  }
  const [start] = left.keys();
  if (start === undefined) return;
  // Each that is left waits for another that is left, so following them comes round.
  const path = [start];
  for (;;) {
    const next = left.get(path.at(-1) ?? "")?.find((one) => left.has(one)) ?? start;
    const from = path.indexOf(next);
    path.push(next);
    if (from >= 0) refuse(`The tasks ${path.slice(from).join(" → ")} wait for one another in a circle.`);
  }
}

function payloadFault(payload: unknown): string | undefined {
  if (typeof payload !== "object" || payload === null || Array.isArray(payload))
    return "its payload is no object";
  try {
    const bytes = Buffer.byteLength(JSON.stringify(payload));
    return bytes > MAX_PAYLOAD_BYTES
      ? `its payload is longer than ${MAX_PAYLOAD_BYTES / 1024} KiB as JSON`
      : undefined;
  } catch {
    return "its payload cannot be written as JSON";
  }
}

function isText(value: unknown, most: number): boolean {
  return typeof value === "string" && value.trim() !== "" && value.length <= most;
}

function isLine(value: unknown, most: number): boolean {
  return isText(value, most) && !/[\r\n]/.test(String(value));
}

function plainOf(value: unknown, otherwise: string): Plain {
  if (typeof value !== "object" || value === null || Array.isArray(value)) refuse(otherwise);
  return value as Plain;
}

function refuse(sentence: string): never {
  throw new TroupeError(sentence, { code: "request.invalid" });
}
