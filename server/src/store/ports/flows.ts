import type { FlowChange, FlowDrive, FlowMove, FlowStore, NewFlow, Write } from "@troupe/contracts";
import { write, writeRows } from "../statement.ts";
import { createFlowReads, flowsOf } from "./flow-reads.ts";
import { dueOf, jsonText, programOf, statusOf, waitInput } from "./flow-rows.ts";
import { type FlowWrites, flowWrites } from "./flow-writes.ts";
import type { PortDeps } from "./kit.ts";

const MAX_DETAIL = 500;

export function createFlowStore(deps: PortDeps): FlowStore {
  const writes = flowWrites(deps);
  return {
    ...createFlowReads(deps),
    start: (flow, change) => startOf(writes, flow, change),
    move: (move, change) => moveOf(writes, move, change),
    drive: (drive, change) => driveOf(writes, drive, change),
    claim: (query) =>
      writeRows(writes.claim, { ...query, programs: JSON.stringify(query.programs) }, (rows) =>
        flowsOf(
          deps,
          rows.toSorted((a, b) => Number(a[0]) - Number(b[0])),
        ),
      ),
    renew: ({ ids, ...query }) =>
      writeRows(writes.renew, { ...query, ids: JSON.stringify(ids) }, (rows) =>
        rows.map(([id, epoch, asked]) => ({
          ...{ id: String(id), epoch: Number(epoch) },
          cancelRequested: asked === null ? undefined : String(asked),
        })),
      ),
    release: ({ id, epoch, revision }, to) => write(writes.release, { id, epoch, revision, ...to }),
    noteTurn: ({ id, epoch, revision }, wait) =>
      write(writes.noteTurn, {
        ...{ id, epoch, revision },
        wait: jsonText(wait),
        dueAt: wait.deadline?.at,
      }),
    requestCancel({ id, spaceId }, change) {
      const key = `cancel:${change.at}`;
      return write(writes.requestCancel, { id, spaceId, key, reason: change.detail, at: change.at }, [
        write(writes.tellIfDone, { ...lineOf(change), id, key }),
      ]);
    },
    // The histories go first, since they are found by their flows; each flow has one.
    prune: (query) =>
      writeRows(writes.pruneEvents, query, (rows) => ({ count: new Set(rows.map(([id]) => id)).size }), [
        write(writes.prune, query),
      ]),
  };
}

function startOf(writes: FlowWrites, flow: NewFlow, change: FlowChange): Write {
  const { wait, state, isMirrored, ...rest } = flow;
  const key = "start";
  return write(
    writes.start,
    {
      ...{ ...rest, ...waitInput(wait, change.at), key, at: change.at, mirrored: isMirrored },
      program: programOf(flow.definition, flow.version),
      state: jsonText(state),
      status: statusOf(flow),
      dueAt: isMirrored ? undefined : dueOf(flow, change.at),
    },
    [write(writes.tellIfDone, { ...lineOf(change), id: flow.id, key })],
  );
}

function moveOf(writes: FlowWrites, move: FlowMove, change: FlowChange): Write {
  const { at } = change;
  const row = { ...move, ...waitInput(move.wait, at), state: jsonText(move.state), at };
  return write(
    writes.move,
    {
      ...row,
      ...{ program: programOf(move.definition, move.version), status: statusOf(move) },
      ...{ dueAt: dueOf(move, at), endedAt: move.end === undefined ? undefined : at },
    },
    [
      write(writes.tell, { ...lineOf(change), id: move.id, n: move.revision + 1, step: move.step }),
      ...(move.end === undefined ? [] : afterEnd(writes, { ...move, end: move.end }, at)),
    ],
  );
}

function driveOf(writes: FlowWrites, drive: FlowDrive, change: FlowChange): Write {
  const { at } = change;
  const status = statusOf(drive);
  const endedAt = drive.end === undefined ? undefined : at;
  const row = { ...drive, ...waitInput(drive.wait, at), patch: jsonText(drive.patch) };
  return write(writes.drive, { ...row, status, endedAt, at, dueAt: drivenDueOf(drive, at) }, [
    write(writes.tellIfDone, { ...lineOf(change), id: drive.id, key: drive.key }),
    ...(drive.end === undefined ? [] : afterEnd(writes, { ...drive, end: drive.end }, at)),
  ]);
}

/** An event may have come before the turn was kept that waits for it, so the wake loop looks at once. */
function drivenDueOf(drive: FlowDrive, at: number): number | undefined {
  return drive.wait?.kind === "event" ? at : dueOf(drive, at);
}

/** What an end brings about: a parent that waits counts anew, and children of what did not come to its goal are asked to stop. */
function afterEnd(
  writes: FlowWrites,
  { id, end }: { readonly id: string; readonly end: NonNullable<FlowMove["end"]> },
  at: number,
): readonly Write[] {
  const by = "troupe";
  const told = { at, key: `child:${id}` };
  const parent = [
    write(writes.tellParent, { id, ...told }),
    write(writes.tellIfDone, { ...told, what: "child-ended", by, detail: `flow ${id} ${end}`, childId: id }),
  ];
  if (end === "finished") return parent;
  const key = `parent:${id}`;
  const reason = `The flow that began it was ${end === "failed" ? "given up" : "cancelled"}.`;
  const line = { at, what: "cancel-requested", by, detail: reason };
  return [
    ...parent,
    write(writes.cancelChildren, { id, key, reason, at }),
    write(writes.tellIfDone, { ...line, parentId: id, key }),
  ];
}

function lineOf({ what, by, detail, at }: FlowChange) {
  return { what, by, at, detail: detail.slice(0, MAX_DETAIL).toWellFormed() };
}
