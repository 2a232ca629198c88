import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import type { CallOptions, Clock, Logger, Standing, TurnView } from "@troupe/contracts";
import { within } from "../../kit/index.ts";
import type { PersonBook } from "../people/index.ts";
import { type OwnFolder, ownFolders } from "./own-files.ts";
import { isNoteName, NOTES, OWN_FILES, PEOPLE, SHARED_FILES } from "./places.ts";
import { type Looked, look, readText } from "./read-text.ts";
import { blocksOf, notesBlock, type ShownFile } from "./render.ts";
import type { LooksSecret } from "./secret-guard.ts";

/** For so long an agent without a folder is taken to have none. */
const FOLDER_FRESH_MS = 1_000;
/** A disk that is slower shows what it showed before. */
const PATIENCE_MS = 1_500;
/** Texts that are held, by agent and by who is told; the least recently used goes first. */
const MOST_HELD = 64;
/** A file that changed so shortly before it was read may have changed again under the same time. */
const UNSETTLED_MS = 100;

export interface WorkspacesDeps {
  /** With a folder for each agent that has one. */
  readonly folder: string;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly people: Pick<PersonBook, "namesOf">;
  readonly looksSecret: LooksSecret;
  /** Something of an agent's folder is not as it was when it was looked at last, or it is looked at for the first time. */
  readonly onChange?: (agentId: string) => void;
}

export interface Workspaces {
  /** What the prompt of a turn shows. No promise, and no file is touched, for an agent that was just found to have no folder. */
  standing(turn: TurnView, options: CallOptions): Standing | undefined | Promise<Standing | undefined>;
}

interface Held {
  readonly mark: string;
  readonly standing: Standing;
}

/** Shows agents' own files in their prompts. Read when they changed; each turn costs a look at a handful of them. */
export function createWorkspaces(deps: WorkspacesDeps): Workspaces {
  const { clock } = deps;
  const missing = new Map<string, number>();
  const held = new Map<string, Held>();
  const met = new Set<string>();

  const isMissing = (agentId: string): boolean => {
    const at = Math.max(missing.get(agentId) ?? 0, missing.get("") ?? 0);
    return at > clock.monotonicMs();
  };
  const absent = async (path: string, key: string): Promise<boolean> => {
    const is = await stat(path).then(
      (one) => !one.isDirectory(),
      () => true,
    );
    if (is) missing.set(key, clock.monotonicMs() + FOLDER_FRESH_MS);
    return is;
  };
  const hasNone = async (agentId: string): Promise<boolean> =>
    (await absent(deps.folder, "")) || (await absent(join(deps.folder, agentId), agentId));
  const read = async (turn: TurnView, options: CallOptions): Promise<Standing | undefined> => {
    const agentId = turn.agent.spec.id;
    const folder = join(deps.folder, agentId);
    const { workspace } = turn.agent.spec;
    const own = await ownFolders(deps.people, { ...turn, workspace }, options);
    const key = JSON.stringify([agentId, own.map(({ path }) => path)]);
    const known = held.get(key);
    if (known === undefined && (await hasNone(agentId))) return undefined;
    const looking = lookAt(folder, own);
    if (known !== undefined && !(await within(clock, looking, PATIENCE_MS))) return known.standing;
    const seen = await looking;
    held.delete(key);
    if (known?.mark === seen.mark) {
      held.set(key, known);
      return known.standing;
    }
    if (seen.isEmpty && (await hasNone(agentId))) return undefined;
    // What was held of others and let go since is no change.
    if (known !== undefined || !met.has(agentId)) deps.onChange?.(agentId);
    met.add(agentId);
    const made = await show(deps, { agentId, folder }, own, seen.files);
    options.signal.throwIfAborted();
    const isSame = known !== undefined && JSON.stringify(known.standing) === JSON.stringify(made);
    const standing = isSame ? known.standing : made;
    // Read anew in the next turn, where it may still be changing.
    const mark = clock.now() - seen.changedAt < UNSETTLED_MS ? "" : seen.mark;
    held.set(key, { mark, standing });
    for (const [oldest] of held) if (held.size > MOST_HELD) held.delete(oldest);
    return standing;
  };
  return {
    standing(turn, options) {
      return isMissing(turn.agent.spec.id) ? undefined : read(turn, options);
    },
  };
}

const PRIVATE = [...OWN_FILES, NOTES] as const;

interface Seen {
  /** Nothing is there; maybe not even the folder. */
  readonly isEmpty: boolean;
  readonly mark: string;
  readonly changedAt: number;
  readonly files: ReadonlyMap<string, Looked>;
}

/** A look at everything that is shown, in one go. */
async function lookAt(folder: string, own: readonly OwnFolder[]): Promise<Seen> {
  const files = new Map<string, Looked>();
  const lookAll = async (paths: readonly string[]): Promise<void> => {
    const all = await Promise.all(paths.map((path) => look(join(folder, path))));
    for (const [at, path] of paths.entries()) files.set(path, all[at] as Looked);
  };
  const people = own.filter(({ path }) => path !== "");
  const ownNames = people.length < own.length ? PRIVATE : [];
  await lookAll([...SHARED_FILES, ...ownNames, ...(people.length === 0 ? [] : [PEOPLE])]);
  const isThere = (path: string): boolean => files.get(path)?.kind === "folder";
  if (isThere(PEOPLE)) {
    await lookAll(people.map(({ path }) => path));
    const open = people.filter(({ path }) => isThere(path));
    await lookAll(open.flatMap(({ path }) => PRIVATE.map((name) => `${path}/${name}`)));
  }
  const all = [...files.values()];
  return {
    files,
    isEmpty: all.every(({ kind }) => kind === "missing"),
    mark: all.map(({ mark }) => mark).join("\n"),
    changedAt: Math.max(...all.map(({ changedAt }) => changedAt)),
  };
}

async function show(
  deps: WorkspacesDeps,
  place: { readonly agentId: string; readonly folder: string },
  own: readonly OwnFolder[],
  files: ReadonlyMap<string, Looked>,
): Promise<Standing> {
  const shown: ShownFile[] = [];
  const notes: ReturnType<typeof notesBlock>[] = [];
  const add = async (path: string, name: string, readers: string): Promise<void> => {
    const text = await mayShow(deps, place, path, files.get(path));
    if (text !== undefined) shown.push({ name, text, readers });
  };
  for (const name of SHARED_FILES) await add(name, name, "everyone it talks with");
  for (const { path, reader } of own) {
    const readers = `${reader} alone`;
    for (const name of OWN_FILES) await add(join(path, name), name, readers);
    const folder = join(path, NOTES);
    const names = files.get(folder)?.kind === "folder" ? await notesIn(join(place.folder, folder)) : [];
    if (names.length > 0) notes.push(notesBlock(names, readers));
  }
  return { blocks: [...blocksOf(shown), ...notes] };
}

/** Undefined, and a line in the log that says why, for what no prompt may hold. */
async function mayShow(
  { logger, looksSecret }: WorkspacesDeps,
  { agentId, folder }: { readonly agentId: string; readonly folder: string },
  path: string,
  looked: Looked | undefined,
): Promise<string | undefined> {
  if (looked === undefined || looked.kind === "missing") return undefined;
  const read = await readText(join(folder, path));
  if (read.kind === "missing") return undefined;
  const why =
    read.kind !== "text" ? read.kind : looksSecret(read.text) ? "holds what looks like a secret" : "";
  if (why === "" && read.kind === "text") return read.text;
  logger.warn("workspace.withheld", { agent: agentId, file: path, why });
  return undefined;
}

/** Names of notes, in their order; links and what has no note's name are left out. */
export async function notesIn(folder: string): Promise<readonly string[]> {
  const found = await readdir(folder, { withFileTypes: true }).catch(() => []);
  return found.flatMap((one) => (one.isFile() && isNoteName(one.name) ? [one.name] : [])).toSorted();
}
