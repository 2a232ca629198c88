import type { EffectDraft } from "@troupe/contracts";

/** Which versions of a kind of effects a handler of this process takes; undefined for a kind that none does. */
export type EffectVersions = (kind: string) => readonly number[] | undefined;

const LANES: ReadonlySet<unknown> = new Set(["realtime", "background", "heavy"]);
const MAX_NAME = 64;

/**
 * What is wrong with an effect that a module asks for, as a clause; undefined when it can be kept. One that no handler
 * takes would be parked as if a newer version knew it: that is a mistake of whoever wrote the module, and is told at once.
 */
export function draftFault(draft: EffectDraft, versionsOf: EffectVersions): string | undefined {
  if (typeof draft !== "object" || draft === null) return "it asks for an effect that is no object";
  const { kind, v, lane = "background", payload, priority, dueAt, key } = draft;
  if (typeof kind !== "string" || kind === "" || kind.length > MAX_NAME)
    return `it asks for an effect whose kind is no name of at most ${MAX_NAME} characters`;
  const name = `it asks for the effect ${kind}`;
  const versions = versionsOf(kind);
  if (versions === undefined)
    return `${name}, for which there is no handler: give its handler with the module, under effects`;
  if (!versions.includes(v))
    return `${name} in version ${String(v)}, and its handler reads ${versions.join(", ") || "none"}`;
  if (!LANES.has(lane)) return `${name} in the lane ${String(lane)}, which there is not`;
  if (!isPayload(payload)) return `${name} with a payload that is no object of JSON`;
  if (priority !== undefined && !isPriority(priority)) return `${name} with a priority that is not 0 to 9`;
  if (dueAt !== undefined && !Number.isSafeInteger(dueAt))
    return `${name} for a time that is no whole number of milliseconds`;
  return key === undefined || typeof key === "string" ? undefined : `${name} with a key that is no text`;
}

function isPriority(priority: unknown): boolean {
  return Number.isSafeInteger(priority) && Number(priority) >= 0 && Number(priority) <= 9;
}

function isPayload(payload: unknown): boolean {
  if (typeof payload !== "object" || payload === null || Array.isArray(payload)) return false;
  try {
    JSON.stringify(payload);
    return true;
  } catch {
    return false;
  }
}
