import { INBOX_CHANNEL, MAX_INBOX_TEXT, SUBJECTS, type UnitOfWork } from "@troupe/contracts";
import { createLogRecorder, createManualClock } from "@troupe/testing";
import { afterEach, expect, it } from "vitest";
import { createLocalBus } from "../bus/index.ts";
import { createIdGenerator, createMetrics } from "../kit/index.ts";
import { openInlineStores } from "../store/index.ts";
import { createInboxChannel } from "./inbox-channel.ts";
import { createNotices } from "./notices.ts";
import { createOutboxWorld, LEASE_MS } from "./relay-fixture.ts";

const { signal } = new AbortController();
const closers: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0)) await close();
});

function setUp() {
  const clock = createManualClock();
  const logger = createLogRecorder();
  const metrics = createMetrics();
  const ids = createIdGenerator(clock);
  const common = { clock, ids, logger, metrics };
  const opened = openInlineStores({ memory: true, leaseClock: () => clock.now(), ...common });
  closers.push(opened.close);
  const { stores } = opened;
  const bus = createLocalBus({ clock, logger, metrics });
  const rung: unknown[] = [];
  bus.subscribe(SUBJECTS.inboxChanged, ({ payload }) => rung.push(payload.ownerId));
  const deps = { ...stores, ...common, bus, spaceId: "default" };
  const channel = createInboxChannel(deps);
  const world = createOutboxWorld({ stores, bus, clock, logger, metrics, channel });
  const itemsOf = async (ownerId: string) => {
    const owners = { spaceId: "default", ownerIds: [ownerId] };
    const { items } = await stores.inboxItems.list({ ...owners, unreadOnly: false }, { signal });
    return Promise.all(items.map(({ id }) => stores.inboxItems.get({ ...owners, id }, { signal })));
  };
  const process = (name: string, unit?: UnitOfWork) =>
    world.process(name, {
      channels: new Map([[INBOX_CHANNEL, channel]]),
      ...(unit === undefined ? {} : { unit }),
    });
  return { ...world, clock, logger, metrics, stores, channel, deps, rung, itemsOf, process };
}

it("brings a reply to the inbox of its target, with where it was said and a title", async () => {
  const { stores, clock, put, process, record, itemsOf, rung } = setUp();
  const session = {
    id: "s",
    spaceId: "default",
    agentId: "ana",
    channel: "api",
    key: "main",
    peerId: "kate",
  };
  const touch = { ...session, ownerId: "kate", audience: ["kate"], stateless: false, at: 1, count: 0 };
  await stores.unit.commit([stores.sessions.touch(touch)], { signal });

  const id = await put("kate", "# The news\n\nNothing **new** today.", INBOX_CHANNEL);
  process("one");
  await clock.advance(100);

  const [item, ...others] = await itemsOf("kate");
  expect(others).toEqual([]);
  expect(item).toMatchObject({
    ...{ ownerId: "kate", kind: "reply", agentId: "ana", sessionId: "s", turnId: `turn-${id}` },
    ...{ title: "The news", text: "# The news\n\nNothing **new** today.", readAt: undefined },
  });
  expect(await record(id)).toMatchObject({ state: "delivered", platformId: item?.id });
  expect(rung).toEqual(["kate"]);
  expect(await itemsOf("petro")).toEqual([]);
});

it("is one item after a crash between the send and its mark, also when it was removed in between", async () => {
  const { stores, clock, put, process, record, itemsOf } = setUp();
  const first = await put("kate", "once", INBOX_CHANNEL);
  const other = await put("petro", "once, too", INBOX_CHANNEL);
  const dead: UnitOfWork = { ...stores.unit, commit: () => new Promise(() => undefined) };
  // Its claims are committed by the real unit; what comes after the send never is.
  let claims = 0;
  const dying: UnitOfWork = {
    ...stores.unit,
    commit: (writes, options) =>
      claims++ === 0 ? stores.unit.commit(writes, options) : dead.commit([], options),
  };
  process("dying", dying);
  await clock.advance(100);
  const [kept] = await itemsOf("kate");
  const [petros] = await itemsOf("petro");
  expect([kept?.text, petros?.text]).toEqual(["once", "once, too"]);
  expect((await record(first)).state).toBe("sending");
  const gone = { spaceId: "default", ownerIds: ["petro"], id: petros?.id ?? "", at: 1 };
  await stores.unit.commit([stores.inboxItems.remove(gone)], { signal });

  process("next");
  await clock.advance(LEASE_MS + 30_000);

  expect(await record(first)).toMatchObject({ state: "delivered", platformId: kept?.id });
  expect(await record(other)).toMatchObject({ state: "delivered" });
  expect((await itemsOf("kate")).map((one) => one?.id)).toEqual([kept?.id]);
  expect(await itemsOf("petro")).toEqual([]);
});

it("bounds the text, refuses a target that nobody is, and sends nothing for an aborted signal", async () => {
  const { channel, itemsOf } = setUp();
  const long = { key: "k", target: "kate", text: "🎭".repeat(MAX_INBOX_TEXT) };

  await channel.send(long, { signal });
  const [item] = await itemsOf("kate");
  expect(item?.text).toHaveLength(MAX_INBOX_TEXT);
  expect(item?.text.isWellFormed()).toBe(true);
  await expect(channel.send({ ...long, target: "" }, { signal })).rejects.toMatchObject({
    code: "channel.rejected",
  });
  await expect(
    channel.send({ ...long, key: "k2" }, { signal: AbortSignal.abort(new Error("no longer wanted")) }),
  ).rejects.toThrow("no longer wanted");
  expect(await itemsOf("kate")).toHaveLength(1);
});

it("keeps a notice once for a key, and rings for it once", async () => {
  const { deps, itemsOf, rung, clock } = setUp();
  const notices = createNotices(deps);
  const notice = { ownerId: "operator", title: "A budget is used up", text: "**Allow more.**", key: "b 1" };

  notices.post(notice);
  notices.post(notice);
  notices.post({ ...notice, key: "b 2" });
  await clock.settle();

  const kept = await itemsOf("operator");
  expect(kept).toHaveLength(2);
  expect(kept[0]).toMatchObject({
    kind: "notice",
    title: notice.title,
    text: notice.text,
    agentId: undefined,
  });
  expect(rung).toEqual(["operator", "operator"]);
});

it("says in log and metrics which notice could not be kept, and goes on", async () => {
  const { deps, logger, metrics, clock } = setUp();
  const full: UnitOfWork = { ...deps.unit, commit: () => Promise.reject(new Error("the disk is full")) };
  const notices = createNotices({ ...deps, unit: full });

  notices.post({ ownerId: "operator", title: "t", text: "x", key: "k" });
  await clock.settle();

  expect(logger.troubles()).toContain("notice.lost");
  expect(metrics.render()).toMatch(/notices_lost_total 1/);
});
