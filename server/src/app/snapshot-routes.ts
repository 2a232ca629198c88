import {
  type Clock,
  type IdGenerator,
  type Logger,
  type MessageBus,
  type Stores,
  TroupeError,
  type Write,
} from "@troupe/contracts";
import type { AdminRequest, AdminRoute } from "../gateway/index.ts";
import { ringFor, safeText } from "../kit/index.ts";
import { type FilesChange, loadSnapshots, type WorkspaceBook } from "../memory/index.ts";
import type { SwappableAgents } from "./agents.ts";

/** Writes of one commit: all others wait for it, and a database gives up one that takes half a minute. */
const STRETCH = 1_000;

interface SnapshotParts {
  readonly stores: Pick<Stores, "unit" | "memories" | "documents">;
  readonly agents: Pick<SwappableAgents, "get">;
  readonly workspaceBook: Pick<WorkspaceBook, "texts" | "plan" | "bringBack">;
  readonly bus: Pick<MessageBus, "publish">;
  readonly ids: IdGenerator;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** What a restore changed, or with `dryRun` would change. */
export interface RestoredMemory {
  readonly agentId: string;
  /** When the snapshot was taken, UTC milliseconds. */
  readonly takenAt: number;
  readonly added: number;
  readonly changed: number;
  readonly removed: number;
  /** Of the agent's own files; nothing changes by a snapshot of an earlier version, which says nothing of them. */
  readonly files: FilesChange;
}

/** An agent's memory as a file, and back again. The operator's alone. */
export function snapshotRoutes(parts: SnapshotParts): readonly AdminRoute[] {
  return [
    { method: "GET", path: "/admin/memory/snapshot", handle: (request) => take(parts, request) },
    {
      ...{ method: "POST", path: "/admin/memory/restore", bringsFile: true },
      handle: (request) => restore(parts, request),
    },
  ];
}

async function take(
  { stores, agents, clock, workspaceBook }: SnapshotParts,
  request: AdminRequest,
): Promise<Response> {
  const agentId = request.query.get("agent") ?? "";
  const { spaceId } = request.principal;
  checkAgent(agents, spaceId, agentId);
  const { snapshotLines } = await loadSnapshots();
  const source = { ...stores, files: (agent: string) => workspaceBook.texts(agent) };
  const lines = snapshotLines(source, { spaceId, agentId, at: clock.now() }, request);
  const body = ReadableStream.from(lines).pipeThrough(new TextEncoderStream());
  return new Response(body, { headers: { "content-type": "application/jsonl; charset=utf-8" } });
}

async function restore(parts: SnapshotParts, request: AdminRequest): Promise<RestoredMemory> {
  const body = ((await request.json()) ?? {}) as { readonly snapshot?: unknown; readonly dryRun?: unknown };
  if (typeof body.snapshot !== "string") {
    throw new TroupeError(
      'The body must be {"snapshot": …}, the text of a file of ./troupe memory snapshot.',
      {
        code: "request.invalid",
      },
    );
  }
  const { stores, agents, workspaceBook, logger } = parts;
  const { spaceId } = request.principal;
  const { planRestore, readSnapshot } = await loadSnapshots();
  const snapshot = readSnapshot(body.snapshot);
  checkAgent(agents, spaceId, snapshot.agentId);
  const plan = await planRestore(stores, spaceId, snapshot, request);
  if (body.dryRun !== true && plan.writes.length > 0) {
    await commitInStretches(parts, plan.writes, request);
    logger.info("memory.restored", { agentId: snapshot.agentId, by: request.principal.id });
  }
  const { agentId, at: takenAt, files: wanted } = snapshot;
  const files =
    wanted === undefined
      ? NO_FILES
      : body.dryRun === true
        ? await workspaceBook.plan(agentId, wanted)
        : await workspaceBook.bringBack({ agentId, files: wanted, takenAt }, request);
  const [added, changed, removed] = [plan.added.length, plan.changed.length, plan.removed.length];
  return { agentId, takenAt, added, changed, removed, files };
}

const NO_FILES: FilesChange = { added: [], changed: [], removed: [], left: [] };

/** One that breaks off leaves what the plan of the same restore goes on from. */
async function commitInStretches(
  parts: SnapshotParts,
  writes: readonly Write<unknown>[],
  request: AdminRequest,
): Promise<void> {
  for (let kept = 0; kept < writes.length; kept += STRETCH) {
    const stretch = writes.slice(kept, kept + STRETCH);
    try {
      await parts.stores.unit.commit(stretch, request);
    } catch (error) {
      if (kept === 0 || !TroupeError.is(error)) throw error;
      throw new TroupeError(
        `The restore broke off after ${kept} of ${writes.length} changes. Restore the same file again: it goes on from there. ${error.message}`,
        { code: error.code, retryable: error.retryable, cause: error },
      );
    }
    ringFor(parts, stretch);
  }
}

function checkAgent(agents: SnapshotParts["agents"], spaceId: string, agentId: string): void {
  if (agents.get(spaceId, agentId) !== undefined) return;
  throw new TroupeError(
    `There is no agent "${safeText(agentId.slice(0, 100))}". ./troupe agent list names them.`,
    {
      code: "request.not_found",
    },
  );
}
