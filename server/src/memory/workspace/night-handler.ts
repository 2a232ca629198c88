import { join } from "node:path";
import {
  type AgentDirectory,
  type CallOptions,
  type EffectHandler,
  type Logger,
  type MemoryRecord,
  type MemoryStore,
  type NewEffect,
  TroupeError,
} from "@troupe/contracts";
import { derivedId, hasModule, isKnownToAll } from "../../kit/index.ts";
import { foldersIn } from "./files.ts";
import { idsIn, withHeldFast } from "./night-file.ts";
import { ownersOf, writeOwnFile } from "./own-files.ts";
import { NIGHT_FILE, PEOPLE, personOf } from "./places.ts";
import { isWhole, look, readText } from "./read-text.ts";
import type { LooksSecret } from "./secret-guard.ts";
import type { Versions } from "./versions.ts";

export const NIGHT_EFFECT = "workspace.night";
export const NIGHT_VERSION = 1;

const PAGE = 200;
const MOST_PAGES = 5;
/** The night's work is the least urgent. */
const PRIORITY = 9;

export interface NightHandlerDeps {
  readonly folder: string;
  readonly logger: Logger;
  readonly versions: Versions;
  readonly agents: Pick<AgentDirectory, "get">;
  readonly memories: Pick<MemoryStore, "list" | "find">;
  readonly looksSecret: LooksSecret;
}

/** Whether the agent has a folder of its own. */
export async function hasWorkspace(folder: string, agentId: string): Promise<boolean> {
  return (await look(join(folder, agentId))).kind === "folder";
}

/** Asks that a night's outcome be written into the agent's folder. One for an agent and night. */
export function nightEffect(of: {
  readonly spaceId: string;
  readonly agentId: string;
  readonly night: string;
  readonly at: number;
}): NewEffect {
  const { spaceId, agentId, night, at: createdAt } = of;
  return {
    ...{
      id: derivedId(NIGHT_EFFECT, spaceId, agentId, night),
      spaceId,
      kind: NIGHT_EFFECT,
      v: NIGHT_VERSION,
    },
    ...{ lane: "background", turnId: "", sessionId: "", createdAt, priority: PRIORITY },
    ...{ payload: { agentId }, key: `workspace ${agentId}` },
  };
}

/**
 * Brings the files of nights up to date with what is held fast: that right in the folder with what all of its owners know, those
 * of other people who have a folder with what each of them knows. A projection of rows, so a repetition changes nothing; what people
 * wrote there stays, and is kept as a version first.
 */
export function createNightHandler(deps: NightHandlerDeps): EffectHandler {
  return {
    kind: NIGHT_EFFECT,
    versions: [NIGHT_VERSION],
    retry: { maxAttempts: 4 },
    mayShed: true,
    async handle({ id, spaceId, payload }, options) {
      const { agentId } = payload;
      if (typeof agentId !== "string")
        throw new TroupeError(`The effect ${id} has no readable payload of ${NIGHT_EFFECT}.`, {
          code: "request.invalid",
        });
      const spec = deps.agents.get(spaceId, agentId)?.spec;
      if (spec === undefined || !hasModule(spec, "workspace")) return [];
      if (!(await hasWorkspace(deps.folder, agentId))) return [];
      const held = await heldFast(deps, { spaceId, agentId }, options);
      const files = await filesOf(deps, agentId, ownersOf(spec.workspace));
      await deps.versions.alone(agentId, () =>
        bringUpToDate(deps, { spaceId, agentId }, { held, files }, options),
      );
      return [];
    },
  };
}

interface Place {
  readonly spaceId: string;
  readonly agentId: string;
}

/** A file, and who all must know what stands in it. */
interface NightFile {
  readonly file: string;
  readonly readers: readonly string[];
}

async function heldFast(
  { memories }: NightHandlerDeps,
  { spaceId, agentId }: Place,
  options: CallOptions,
): Promise<readonly MemoryRecord[]> {
  const held: MemoryRecord[] = [];
  let cursor: string | undefined;
  for (let page = 0; page < MOST_PAGES; page++) {
    const query = { spaceId, readers: undefined, heldFastOf: agentId, limit: PAGE };
    const found = await memories.list({ ...query, ...(cursor === undefined ? {} : { cursor }) }, options);
    held.push(...found.items);
    if (found.next === undefined) break;
    cursor = found.next;
  }
  return held;
}

async function filesOf(
  { folder }: NightHandlerDeps,
  agentId: string,
  owners: readonly string[],
): Promise<readonly NightFile[]> {
  const people = await foldersIn(join(folder, agentId, PEOPLE));
  const theirs = people.flatMap((name) => {
    const person = personOf(name);
    if (person === undefined || owners.includes(person)) return [];
    return [{ file: join(PEOPLE, name, NIGHT_FILE), readers: [person] }];
  });
  return [...(owners.length === 0 ? [] : [{ file: NIGHT_FILE, readers: owners }]), ...theirs];
}

async function bringUpToDate(
  deps: NightHandlerDeps,
  place: Place,
  { held, files }: { readonly held: readonly MemoryRecord[]; readonly files: readonly NightFile[] },
  options: CallOptions,
): Promise<void> {
  const workspace = join(deps.folder, place.agentId);
  const keep = (reasons = {}): Promise<void> =>
    deps.versions.keep(place.agentId, options, reasons).then(
      () => undefined,
      (error: unknown) => {
        options.signal.throwIfAborted();
        deps.logger.warn("workspace.no_versions", { agent: place.agentId, error });
      },
    );
  const due: NightFile[] = [];
  for (const one of files) if ((await changeOf(deps, place, one, held, options)) !== undefined) due.push(one);
  if (due.length === 0) return;
  // What was changed by hand is a version of its own.
  await keep();
  for (const one of due) {
    const text = await changeOf(deps, place, one, held, options);
    if (text === undefined) continue;
    await writeOwnFile(workspace, one.file, text);
    deps.logger.info("workspace.night", { agent: place.agentId, file: one.file });
    await keep({ [one.file]: `Held fast at night: ${one.file}` });
  }
}

/** What is to be written; undefined where nothing is. */
async function changeOf(
  { folder, memories, looksSecret, logger }: NightHandlerDeps,
  { spaceId, agentId }: Place,
  { file, readers }: NightFile,
  held: readonly MemoryRecord[],
  options: CallOptions,
): Promise<string | undefined> {
  const read = await readText(join(folder, agentId, file));
  if (read.kind !== "missing" && (read.kind !== "text" || !isWhole(read))) {
    logger.warn("workspace.night_left", { agent: agentId, file, why: read.kind });
    return undefined;
  }
  const content = read.kind === "text" ? read.text : "";
  const ids = idsIn(content);
  const named = await memories.find({ spaceId, readers: undefined, ids, includeClosed: true }, options);
  const mayStand = ({ audience, text }: MemoryRecord): boolean =>
    isKnownToAll(audience, readers) && !looksSecret(text);
  const text = withHeldFast(content, { held: held.filter(mayStand), known: named.filter(mayStand) });
  return text === content ? undefined : text;
}
