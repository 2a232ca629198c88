import { connect } from "@nats-io/transport-node";
import type { Envelope } from "@troupe/contracts";
import { busContract, createLogRecorder, NO_NATS, startNatsServer } from "@troupe/testing";
import { afterAll, afterEach, describe, expect, it, vi } from "vitest";
import { createMetrics, systemClock } from "../kit/index.ts";
import { createNatsBus, type NatsBus } from "./nats-bus.ts";
import { serversOf } from "./nats-link.ts";

/** On a real server of its own, so that it may be stopped. */

vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });
const WAIT = { timeout: 30_000, interval: 20 };
const server = await startNatsServer();
if (server === undefined) console.info(`Left out: ${NO_NATS}`);
afterAll(() => server?.[Symbol.asyncDispose]());

const open: NatsBus[] = [];
afterEach(async () => {
  await Promise.all(open.splice(0).map((bus) => bus.close()));
  server?.resume();
});

let prefixes = 0;
function startBus(processId: string, prefix: string, url = server?.url ?? "") {
  const logger = createLogRecorder();
  const metrics = createMetrics();
  const bus = createNatsBus({
    url,
    ...{ prefix, processId, logger, metrics, clock: systemClock(), random: () => 0.1 },
  });
  open.push(bus);
  return { bus, logger, metrics };
}
const connected = (...buses: readonly NatsBus[]): Promise<void> =>
  expect.poll(() => buses.every((bus) => bus.isConnected), WAIT).toBe(true);
const envelope = (n: number): Envelope => ({ id: `e-${n}`, kind: "test.rang", v: 1, at: 0, payload: { n } });
const never = new AbortController().signal;
/** A round trip of each bus: whatever it sent or subscribed before is known to the server. */
async function settled(...buses: readonly NatsBus[]): Promise<void> {
  for (const bus of buses) {
    const subject = `settled.${crypto.randomUUID()}`;
    using _ = bus.respond(subject, async (one) => one);
    await bus.request(subject, envelope(0), { signal: never, timeoutMs: 30_000 });
  }
  for (let i = 0; i < 3; i++) await new Promise<void>((resolve) => void setImmediate(resolve));
}
async function pair() {
  const prefix = `test-${++prefixes}`;
  const [one, two] = [startBus("p-1", prefix), startBus("p-2", prefix)];
  await connected(one.bus, two.bus);
  return { one, two, prefix };
}

describe.skipIf(server === undefined)("on NATS", () => {
  busContract("nats", async () => {
    const { bus } = startBus("p-1", `contract-${++prefixes}`);
    await connected(bus);
    return { bus, settle: () => settled(bus), close: () => bus.close() };
  });

  it("is heard by other processes, in order, and once by its own", async () => {
    const { one, two } = await pair();
    const heard: string[] = [];
    one.bus.subscribe("turn.*", (e) => void heard.push(`one ${e.id}`));
    two.bus.subscribe("turn.*", (e, subject) => void heard.push(`two ${e.id} ${subject}`));
    await settled(one.bus, two.bus);

    one.bus.publish("turn.due", envelope(1));
    one.bus.publish("turn.due", envelope(2));
    await settled(one.bus, two.bus);

    expect(heard.filter((text) => text.startsWith("one"))).toEqual(["one e-1", "one e-2"]);
    expect(heard.filter((text) => text.startsWith("two"))).toEqual(["two e-1 turn.due", "two e-2 turn.due"]);
  });

  it("gives each envelope to one member of a group, whichever process that is in", async () => {
    const { one, two } = await pair();
    const heard = { one: 0, two: 0 };
    one.bus.subscribe("work.due", () => void heard.one++, { group: "workers" });
    two.bus.subscribe("work.due", () => void heard.two++, { group: "workers" });
    await settled(one.bus, two.bus);

    for (let n = 0; n < 60; n++) one.bus.publish("work.due", envelope(n));
    await settled(one.bus, two.bus);

    expect(heard.one + heard.two).toBe(60);
    expect(Math.min(heard.one, heard.two)).toBeGreaterThan(0);
  });

  it("asks across processes, and leaves nobody waiting where nobody listens", async () => {
    const { one, two } = await pair();
    two.bus.respond("add.one", async (e) => ({ ...e, payload: { n: Number(e.payload.n) + 1 } }));
    await settled(two.bus);

    const answer = await one.bus.request("add.one", envelope(4), { signal: never, timeoutMs: 5_000 });
    const nobody = one.bus.request("nobody.here", envelope(4), { signal: never, timeoutMs: 30_000 });

    expect(answer.payload).toEqual({ n: 5 });
    await expect(nobody).rejects.toMatchObject({ code: "bus.no_responder" });
  });

  it("throws away and counts what is no envelope, whoever published it", async () => {
    const { one, prefix } = await pair();
    const heard: string[] = [];
    one.bus.subscribe("plugin.>", (e) => void heard.push(e.id));
    await settled(one.bus);
    const stranger = await connect({ servers: serversOf(server?.url ?? "").servers });
    for (const bytes of [
      "",
      "{",
      "[]",
      '{"id":1}',
      '{"id":"x","kind":"k","v":1,"at":0,"payload":[]}',
      "\xff",
    ])
      stranger.publish(`${prefix}.plugin.inbound.wire`, Buffer.from(bytes, "latin1"));
    stranger.publish(
      `${prefix}.plugin.inbound.wire`,
      '{"id":"good","kind":"k","v":1,"at":0,"payload":{},"more":1}',
    );
    await stranger.flush();
    await stranger.close();

    await expect.poll(() => heard, WAIT).toEqual(["good"]);
    expect(one.metrics.render()).toContain('bus_dropped_total{reason="unreadable"} 6');
  });

  it("keeps the subjects of two Troupes on one server apart by their prefix", async () => {
    const { one } = await pair();
    const other = await pair();
    let heard = 0;
    other.one.bus.subscribe(">", () => void heard++);
    await settled(other.one.bus);
    const before = heard;

    one.bus.publish("turn.due", envelope(1));
    await settled(one.bus);

    expect(heard).toBe(before);
  });
});

describe.skipIf(server === undefined)("with the server away", () => {
  it("rings within the process at start, reaches the server when it comes, and says so to its own", async () => {
    await server?.stop();
    const prefix = `test-${++prefixes}`;
    const { bus, logger, metrics } = startBus("p-1", prefix);
    const heard: string[] = [];
    bus.subscribe("turn.due", () => void heard.push("plain"));
    bus.subscribe("turn.due", () => void heard.push("group"), { group: "g" });
    bus.subscribe("bus.back", () => void heard.push("back"));
    bus.publish("turn.due", envelope(1));
    await expect.poll(() => heard.toSorted(), WAIT).toEqual(["group", "plain"]);
    expect(metrics.render()).toContain('bus_dropped_total{reason="disconnected"} 1');
    await expect.poll(() => logger.troubles(), WAIT).toEqual(["bus.unreachable"]);

    await server?.start();
    await connected(bus);

    await expect.poll(() => heard.includes("back"), WAIT).toBe(true);
    const late = startBus("p-2", prefix);
    await connected(late.bus);
    late.bus.publish("turn.due", envelope(2));
    await expect.poll(() => heard.toSorted(), WAIT).toEqual(["back", "group", "group", "plain", "plain"]);
  });

  it("goes on by itself when the server dies in mid-run, and is subscribed again when it is back", async () => {
    const { one, two } = await pair();
    const heard: string[] = [];
    two.bus.subscribe("turn.due", (e) => void heard.push(e.id));
    await settled(two.bus);

    await server?.stop();
    await expect.poll(() => one.bus.isConnected || two.bus.isConnected, WAIT).toBe(false);
    two.bus.publish("turn.due", envelope(1));
    await expect.poll(() => heard, WAIT).toEqual(["e-1"]);
    const asked = one.bus.request("nobody.here", envelope(2), { signal: never, timeoutMs: 50 });
    await expect(asked).rejects.toMatchObject({ code: "bus.no_responder" });

    await server?.start();
    await connected(one.bus, two.bus);
    await settled(one.bus, two.bus);
    one.bus.publish("turn.due", envelope(3));

    await expect.poll(() => heard, WAIT).toEqual(["e-1", "e-3"]);
    expect(one.logger.troubles()).toContain("bus.disconnected");
  });

  it("comes back to a server that refused its password for a while", async () => {
    const strict = await startNatsServer({ args: ["--user", "ann", "--pass", "right"] });
    if (strict === undefined) throw new Error(NO_NATS);
    await using _ = strict;
    const url = strict.url.replace("nats://", "nats://ann:right@");
    const { bus, logger } = startBus("p-1", "strict", url);
    await connected(bus);
    await strict.stop();
    await strict.start(["--user", "ann", "--pass", "wrong"]);
    await expect.poll(() => logger.troubles().includes("bus.unreachable"), WAIT).toBe(true);

    await strict.stop();
    await strict.start(["--user", "ann", "--pass", "right"]);

    await connected(bus);
    const heard: string[] = [];
    bus.subscribe("work.due", (e) => void heard.push(e.id), { group: "g" });
    await settled(bus);
    bus.publish("work.due", envelope(1));
    await expect.poll(() => heard, WAIT).toEqual(["e-1"]);
  });

  it("makes producers wait while it is behind, then drops, counts and warns once, and works again after", async () => {
    const { one, two } = await pair();
    const mib = "x".repeat(512 * 1024);
    server?.pause();
    for (let n = 0; n < 24; n++) one.bus.publish("stream.part", { ...envelope(n), payload: { mib } });
    const before = performance.now();
    await one.bus.room({ signal: never });
    const waitedMs = performance.now() - before;

    expect(waitedMs).toBeGreaterThan(300);
    expect(waitedMs).toBeLessThan(5_000);
    expect(one.metrics.render()).toMatch(/bus_dropped_total\{reason="behind"\} [78]\n/);
    expect(one.logger.troubles()).toEqual(["bus.behind"]);

    server?.resume();
    const heard: string[] = [];
    two.bus.subscribe("stream.end", (e) => void heard.push(e.id));
    await settled(two.bus);
    await expect
      .poll(() => {
        one.bus.publish("stream.end", envelope(99));
        return heard.includes("e-99");
      }, WAIT)
      .toBe(true);
    await expect.poll(() => one.metrics.render(), WAIT).toMatch(/bus_unconfirmed_bytes [0-9]{1,5}\n/);
  });
});

it("takes names and passwords out of the address", () => {
  expect(serversOf("nats://ann:s%40cret@h:4222,nats://i:4223")).toEqual({
    servers: ["h:4222", "i:4223"],
    user: "ann",
    pass: "s@cret",
  });
  expect(serversOf("tls://tok@h:4222")).toEqual({ servers: ["h:4222"], token: "tok", tls: {} });
});
