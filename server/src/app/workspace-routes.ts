import { type Stores, TroupeError } from "@troupe/contracts";
import type { AdminRequest, AdminRoute } from "../gateway/index.ts";
import { safeText } from "../kit/index.ts";
import type { WorkspaceBook, WorkspaceFile, WorkspaceVersion } from "../memory/index.ts";
import type { SwappableAgents } from "./agents.ts";

interface WorkspaceRouteParts {
  readonly stores: Pick<Stores, "unit">;
  readonly agents: Pick<SwappableAgents, "get">;
  readonly workspaceBook: WorkspaceBook;
}

export interface ListedWorkspace {
  readonly agentId: string;
  readonly files: number;
  /** Files with which something is wrong. */
  readonly troubles: number;
}

export interface ShownWorkspace {
  readonly agentId: string;
  readonly files: readonly WorkspaceFile[];
}

export interface ShownWorkspaceFile {
  readonly agentId: string;
  readonly file: string;
  readonly text: string;
  /** Absent: as it is now. */
  readonly version?: string;
}

export interface WorkspaceHistory {
  readonly agentId: string;
  readonly versions: readonly WorkspaceVersion[];
}

export interface MadeWorkspace {
  readonly agentId: string;
  readonly path: string;
  /** Files that were written; those that were there are as they were. */
  readonly made: readonly string[];
}

export interface RestoredFile {
  readonly agentId: string;
  readonly file: string;
  readonly version: string;
  /** False: it was so already. */
  readonly isChanged: boolean;
}

const MOST_VERSIONS = 200;
const PATH = "/admin/workspaces/:agent";

/** Agents' own files and their history. The operator's alone. */
export function workspaceRoutes(parts: WorkspaceRouteParts): readonly AdminRoute[] {
  return [
    { method: "GET", path: "/admin/workspaces", handle: () => list(parts) },
    { method: "POST", path: PATH, handle: (request) => make(parts, request) },
    { method: "GET", path: PATH, handle: (request) => show(parts, request) },
    { method: "GET", path: `${PATH}/file`, handle: (request) => showFile(parts, request) },
    { method: "GET", path: `${PATH}/history`, handle: (request) => history(parts, request) },
    { method: "POST", path: `${PATH}/restore`, handle: (request) => restore(parts, request) },
  ];
}

async function list({ workspaceBook: book }: WorkspaceRouteParts): Promise<readonly ListedWorkspace[]> {
  const listed: ListedWorkspace[] = [];
  for (const agentId of await book.agents()) {
    const files = await book.files(agentId);
    const troubles = files.filter(({ trouble }) => trouble !== undefined).length;
    listed.push({ agentId, files: files.length, troubles });
  }
  return listed;
}

async function make(
  { workspaceBook: book, agents }: WorkspaceRouteParts,
  { params, principal }: AdminRequest,
): Promise<MadeWorkspace> {
  const { agent: agentId = "" } = params;
  if (agents.get(principal.spaceId, agentId) === undefined)
    throw missing(`There is no agent "${named(agentId)}". ./troupe agent list names them.`);
  return { agentId, path: book.pathOf(agentId), made: await book.make(agentId) };
}

async function show(parts: WorkspaceRouteParts, request: AdminRequest): Promise<ShownWorkspace> {
  const agentId = await known(parts, request);
  return { agentId, files: await parts.workspaceBook.files(agentId) };
}

async function showFile(parts: WorkspaceRouteParts, request: AdminRequest): Promise<ShownWorkspaceFile> {
  const agentId = await known(parts, request);
  const file = request.query.get("file") ?? "";
  const version = request.query.get("version") ?? undefined;
  const at = version === undefined ? {} : { version };
  const text = await parts.workspaceBook.text({ agentId, file, ...at }, request);
  return { agentId, file, text, ...at };
}

async function history(parts: WorkspaceRouteParts, request: AdminRequest): Promise<WorkspaceHistory> {
  const agentId = await known(parts, request);
  const file = request.query.get("file") ?? undefined;
  const limit = Number(request.query.get("limit") ?? 20);
  if (!Number.isInteger(limit) || limit < 1 || limit > MOST_VERSIONS)
    throw misuse(`"limit" is a whole number from 1 to ${MOST_VERSIONS}.`);
  const query = { agentId, limit, ...(file === undefined ? {} : { file }) };
  return { agentId, versions: await parts.workspaceBook.history(query, request) };
}

async function restore(parts: WorkspaceRouteParts, request: AdminRequest): Promise<RestoredFile> {
  const agentId = await known(parts, request);
  const { file, version } = ((await request.json()) ?? {}) as Readonly<Record<string, unknown>>;
  if (typeof file !== "string" || typeof version !== "string")
    throw misuse('The body must be {"file": …, "version": …}.');
  const isChanged = await parts.workspaceBook.restore({ agentId, file, version }, request);
  return { agentId, file, version, isChanged };
}

/** Throws `request.not_found`: the name becomes a path. */
async function known(
  { workspaceBook: book }: WorkspaceRouteParts,
  { params }: AdminRequest,
): Promise<string> {
  const { agent: agentId = "" } = params;
  if ((await book.agents()).includes(agentId)) return agentId;
  throw missing(
    `${named(agentId)} has no folder of its own files. ./troupe workspace init ${named(agentId)} makes one.`,
  );
}

function named(agentId: string): string {
  return safeText(agentId.slice(0, 100));
}

function missing(message: string): TroupeError {
  return new TroupeError(message, { code: "request.not_found" });
}

function misuse(message: string): TroupeError {
  return new TroupeError(message, { code: "request.invalid" });
}
