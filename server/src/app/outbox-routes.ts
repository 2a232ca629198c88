import {
  type Clock,
  type Hold,
  type IdGenerator,
  type Logger,
  type MessageBus,
  type OutboxRecord,
  type Stores,
  SUBJECTS,
  TroupeError,
} from "@troupe/contracts";
import type { AdminRequest, AdminRoute } from "../gateway/index.ts";
import type { HoldState } from "./hold.ts";

/** Replies that wait, and whether they are held. */
export interface OutboxReport {
  readonly hold: Hold | undefined;
  readonly items: readonly OutboxRecord[];
  /** There are more than are listed. */
  readonly isMore: boolean;
}

export interface ReleaseReport {
  /** Replies from before the hold that were ended instead of sent. */
  readonly discarded: number;
  /** Replies that go out now. */
  readonly waiting: number;
}

interface OutboxParts {
  readonly stores: Pick<Stores, "unit" | "outbox" | "holds">;
  readonly bus: MessageBus;
  readonly hold: HoldState;
  readonly clock: Clock;
  readonly ids: IdGenerator;
  readonly logger: Logger;
}

const LISTED_ROWS = 200;

/** Looking at the outbox, holding it and letting it go. The operator's alone. */
export function outboxRoutes(parts: OutboxParts): readonly AdminRoute[] {
  return [
    { method: "GET", path: "/admin/outbox", handle: (request) => listOutbox(parts, request) },
    { method: "POST", path: "/admin/outbox/hold", handle: (request) => placeHold(parts, request) },
    { method: "POST", path: "/admin/outbox/release", handle: (request) => release(parts, request) },
  ];
}

async function listOutbox({ stores, hold }: OutboxParts, request: AdminRequest): Promise<OutboxReport> {
  const page = await stores.outbox.list(
    { spaceId: request.principal.spaceId, states: ["pending", "sending"], limit: LISTED_ROWS },
    request,
  );
  return { hold: await hold.refresh(request), items: page.items, isMore: page.next !== undefined };
}

async function placeHold(
  { stores, hold, clock, logger }: OutboxParts,
  request: AdminRequest,
): Promise<Hold | undefined> {
  const { spaceId, id } = request.principal;
  const reason = "The operator holds the outbox.";
  await stores.unit.commit([stores.holds.place({ spaceId, reason, since: clock.now() })], request);
  logger.info("outbox.held", { by: id });
  return hold.refresh(request);
}

/** Ends what is to be discarded and lifts the hold in one commit, so that nothing goes out in between. */
async function release(parts: OutboxParts, request: AdminRequest): Promise<ReleaseReport> {
  const { stores, bus, hold, clock, ids, logger } = parts;
  const { spaceId, id } = request.principal;
  const body = (await request.json()) as { readonly discard?: unknown } | undefined;
  const held = await hold.refresh(request);
  if (held === undefined) {
    throw new TroupeError("The outbox is not held; replies go out by themselves.", {
      code: "request.conflict",
    });
  }
  const reason = "Discarded by the operator when the outbox was released.";
  const discard = stores.outbox.discard({ spaceId, before: held.since, reason, at: clock.now() });
  const isDiscarding = body?.discard === true;
  const lift = stores.holds.lift(spaceId);
  const committed = await stores.unit.commit(isDiscarding ? [discard, lift] : [lift], request);
  const discarded = isDiscarding ? committed.read(discard).count : 0;
  await hold.refresh(request);
  logger.info("outbox.released", { by: id, discarded });
  const { pending, sending } = await stores.outbox.waiting(spaceId, request);
  for (const kind of [SUBJECTS.outboxDue, SUBJECTS.jobDue, SUBJECTS.flowDue])
    bus.publish(kind, { id: ids.next(), kind, v: 1, at: clock.now(), payload: {} });
  return { discarded, waiting: pending.count + sending.count };
}
