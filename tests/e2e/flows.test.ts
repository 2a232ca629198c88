import { readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import type { FlowDetails, FlowProgram, FlowView, Page } from "@troupe/contracts";
import { findPostgres, NO_NATS, NO_POSTGRES, startNatsServer } from "@troupe/testing";
import { afterAll, afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import type { StatusReport } from "../../server/src/app/index.ts";
import { type CliHome, createCliHome, type RunningHome } from "./cli-home.ts";

/** Flows as operators and developers have them: definitions in a home, real processes, the terminal and the API. */

vi.setConfig({ testTimeout: 120_000, hookTimeout: 60_000 });
const WITHIN = { timeout: 45_000, interval: 100 };
const PORTS = "server: { port: 0, metricsPort: 0, adminPort: 0 }\n";

const VERSION_1 = `
import type { FlowDefinition } from "@troupe/contracts";

const order: FlowDefinition = {
  name: "order",
  version: 1,
  first: "pack",
  steps: {
    pack: {
      run: async ({ state }) => ({
        state: { box: "small" },
        next: { wait: { kind: "event", topic: "paid", correlationId: String(state.order), to: "send" } },
      }),
    },
    send: { run: async () => ({ next: { done: true, note: "sent by version 1" } }) },
  },
};
export default order;
`;

const VERSION_2 = `
export default {
  name: "order",
  version: 2,
  first: "fold",
  steps: {
    fold: { run: async () => ({ next: { step: "ship" } }) },
    ship: { run: async ({ state }) => ({ next: { done: true, note: "shipped in a " + state.boxes[0] + " box" } }) },
  },
  migrate: {
    from: {
      1: (state, step) => ({
        state: { ...state, boxes: [state.box] },
        step: step === "send" ? "ship" : "fold",
      }),
    },
  },
};
`;

/** Asks somebody in a conversation of their own, which it does not belong to. */
const ASKS = `
export default {
  name: "asks",
  version: 1,
  first: "ask",
  steps: {
    ask: {
      run: async ({ state: { who } }) => {
        const there = { agentId: "ana", channel: "api", sessionKey: "asked", peerId: who, audience: [who], ownerId: who };
        return { next: { turn: { text: "Is all well?", ...there }, to: "over" } };
      },
    },
    over: { run: async () => ({ next: { done: true } }) },
  },
};
`;

interface Answered {
  readonly status: number;
  // biome-ignore lint/suspicious/noExplicitAny: each test says itself what it expects.
  readonly body: any;
}

let cli: CliHome;
beforeEach(() => {
  cli = createCliHome();
  cli.write("troupe.yaml", `version: 1\n${PORTS}`);
  cli.write("agents/ana.yaml", "id: ana\nname: Ana\nmodel: offline/guide\ninstructions: Be kind.\n");
});
afterEach(async () => {
  await cli[Symbol.asyncDispose]();
});

const show = (id: string) => cli.json<FlowDetails>("flow", "show", id);
const comesTo = (id: string, flow: Partial<FlowView>) =>
  vi.waitFor(async () => expect((await show(id)).flow).toMatchObject(flow), WITHIN);
const startOrder = (id: string, order: number) =>
  cli.json<FlowView>(
    "flow",
    "start",
    "order",
    "--id",
    id,
    "--goal",
    `Deliver order ${order}`,
    "--state",
    `{"order":${order}}`,
  );

test("an operator starts a flow, sees what it waits for and since when, tells of the event, and cancels another", async () => {
  cli.write("flows/order.ts", VERSION_1);
  await cli.up();

  const programs = await cli.json<readonly FlowProgram[]>("flow", "definitions");
  expect(programs).toContainEqual({
    ...{ name: "order", version: 1, first: "pack", steps: ["pack", "send"], from: [] },
  });
  await startOrder("order-7", 7);
  await startOrder("order-8", 8);
  await comesTo("order-7", { status: "waiting" });
  await comesTo("order-8", { status: "waiting" });

  const listed = await cli.json<Page<FlowView>>("flow", "list", "--on", "event");
  expect(listed.items.map(({ id }) => id)).toEqual(["order-8", "order-7"]);
  const text = (await cli.run(["flow", "list"])).out;
  expect(text).toMatch(/^order-7 +order@1 +waits for the event paid 7 +for .+ +Deliver order 7$/m);
  const status = await cli.json<StatusReport>("status");
  expect(status.flows.parked).toMatchObject([{ on: "event", count: 2 }]);
  expect((await cli.run(["status"])).out).toMatch(/^ {2}Flows +2 for an event, the oldest for .+$/m);

  const told = await cli.run(["flow", "event", "paid", "7", "--id", "payment-1", "--payload", '{"sum":12}']);
  expect(told).toMatchObject({ code: 0, out: "Flow order-7 goes on.\n" });
  const again = await cli.run(["flow", "event", "paid", "7", "--id", "payment-1"]);
  expect(again.out).toBe("It was told before; flow order-7 had it.\n");
  await comesTo("order-7", { status: "finished" });
  const { out } = await cli.run(["flow", "show", "order-7"]);
  expect(out).toMatch(/^flow order-7 {2}order@1 {2}Deliver order 7$/m);
  expect(out).toMatch(/resumed +send +\S+ +event paid 7 \(payment-1\)$/m);
  expect(out).toMatch(/finished +send +\S+ +sent by version 1$/m);

  const cancelled = await cli.run(["flow", "cancel", "order-8", "--reason", "no longer wanted"]);
  expect(cancelled.out).toMatch(/^Flow order-8 is (being )?cancelled\.\n$/);
  await comesTo("order-8", { status: "cancelled", error: "no longer wanted" });

  expect(await cli.run(["flow", "resume", "order-8"])).toMatchObject({
    ...{ code: 1, err: "Flow order-8 has ended: cancelled.\n" },
  });
  expect((await cli.run(["flow", "start", "parcel"])).err).toContain('There is no flow "parcel". Known: ');
  expect((await cli.run(["flow", "show", "nothing"])).err).toBe("There is no flow nothing.\n");
  expect((await cli.run(["flow", "start", "order", "--state", "7"])).err).toContain(
    "--state is no JSON object",
  );
});

test("over HTTP flows are the operator's, are described, and say which field is wrong", async () => {
  cli.write("flows/order.ts", VERSION_1);
  const { addresses, firstKey = "" } = await cli.up();
  const call = async (method: string, path: string, body?: unknown, key = firstKey): Promise<Answered> => {
    const response = await fetch(`${addresses.gateway}${path}`, {
      method,
      headers: { authorization: `Bearer ${key}`, "content-type": "application/json" },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    return { status: response.status, body: await response.json() };
  };
  const person = await cli.json<{ readonly key: string }>("key", "create", "--name", "person");

  const started = await call("POST", "/api/flows", { definition: "order", id: "o-1", state: { order: 1 } });
  expect(started).toMatchObject({ status: 201, body: { id: "o-1", definition: "order", version: 1 } });
  await vi.waitFor(async () => {
    const { body } = await call("GET", "/api/flows/o-1");
    expect(body).toMatchObject({ flow: { status: "waiting", parkedOn: "for the event paid 1" } });
  }, WITHIN);
  for (const [method, path, body] of [
    ["GET", "/api/flows", undefined],
    ["GET", "/api/flows/o-1", undefined],
    ["POST", "/api/flows/events", { topic: "paid", correlationId: "1", eventId: "forged" }],
    ["POST", "/api/flows/o-1/resume", {}],
    ["POST", "/api/flows/o-1/cancel", {}],
  ] as const) {
    expect([path, (await call(method, path, body, person.key)).status]).toEqual([path, 403]);
  }
  expect(await call("GET", "/api/flows?on=rain")).toMatchObject({ status: 400, body: { field: "on" } });
  expect(await call("POST", "/api/flows/events", { topic: "paid" })).toMatchObject({
    ...{ status: 400, body: { field: "correlationId" } },
  });
  expect(await call("POST", "/api/flows", { definition: "order", sate: {} })).toMatchObject({
    ...{ status: 400, body: { field: "sate" } },
  });
  expect((await call("POST", "/api/flows/o-1/resume", { step: "pack" })).body).toMatchObject({
    step: "pack",
  });
  await vi.waitFor(async () => {
    const { body } = await call("GET", "/api/flows/o-1");
    expect(body.flow).toMatchObject({ status: "waiting", wait: { kind: "event" } });
  }, WITHIN);
  const event = { topic: "paid", correlationId: "1", eventId: "p-1", payload: { sum: 3 } };
  expect(await call("POST", "/api/flows/events", event)).toEqual({
    ...{ status: 200, body: { kind: "resumed", flowId: "o-1" } },
  });
  await vi.waitFor(async () => {
    const { body } = await call("GET", "/api/flows?status=ended");
    expect(body.items).toMatchObject([{ id: "o-1", status: "finished", state: { event: { sum: 3 } } }]);
  }, WITHIN);
});

test("whoever a flow asks is not told what it is for; the operator is", async () => {
  cli.write("flows/asks.ts", ASKS);
  const { addresses, firstKey = "" } = await cli.up();
  const get = async (path: string, key: string): Promise<Answered["body"]> =>
    (await fetch(`${addresses.gateway}${path}`, { headers: { authorization: `Bearer ${key}` } })).json();
  const person = await cli.json<{ readonly id: string; readonly key: string }>(
    ...["key", "create", "--name", "person"],
  );
  const state = JSON.stringify({ who: person.id });
  await cli.json("flow", "start", "asks", "--id", "a-1", "--goal", "Who leaked it?", "--state", state);
  await comesTo("a-1", { status: "finished" });

  const { items } = await get("/api/turns", person.key);
  const path = `/api/turns/${items[0].id}`;
  expect((await get(path, person.key)).origin).toEqual({ above: [], flow: { id: "a-1", goal: "" } });
  expect((await get(path, firstKey)).origin.flow).toEqual({ id: "a-1", goal: "Who leaked it?" });
});

test("a flow parked on version 1 goes on under version 2 after an upgrade, and is told of where neither is there", async () => {
  cli.write("flows/order.ts", VERSION_1);
  const before = await cli.up();
  await startOrder("order-7", 7);
  await comesTo("order-7", { status: "waiting", version: 1 });
  await before.stop();

  rmSync(join(cli.home, "flows", "order.ts"));
  const without = await cli.up();
  const listed = await cli.json<Page<FlowView>>("flow", "list", "--on", "version");
  expect(listed.items).toMatchObject([
    { id: "order-7", parkedOn: "for a process that knows order version 1" },
  ]);
  expect((await cli.run(["status"])).out).toContain("1 for a version that is not here");
  // It is kept for the flow, though nobody here could run what follows.
  const told = await cli.run(["flow", "event", "paid", "7", "--id", "payment-1"]);
  expect(told.out).toBe("Flow order-7 goes on.\n");
  await without.stop();
  expect((await show("order-7")).flow).toMatchObject({ status: "running", version: 1, step: "send" });

  cli.write("flows/order.mjs", VERSION_2);
  await cli.up();
  await comesTo("order-7", { status: "finished", version: 2, step: "ship" });
  const { history, flow } = await show("order-7");
  expect(flow.state).toMatchObject({ order: 7, boxes: ["small"] });
  expect(history.at(-1)?.detail).toBe("shipped in a small box (moved from version 1 to 2)");
});

test("a step whose process is killed runs again after the next start, with the same key, and is kept once", async () => {
  const log = join(cli.folder, "steps.log");
  cli.write(
    "flows/order.mjs",
    `import { appendFileSync, readFileSync } from "node:fs";
     const lines = () => readFileSync(${JSON.stringify(log)}, "utf8").trim().split("\\n");
     const pack = {
       timeoutMs: 600_000,
       async run({ idempotencyKey, attempt }, { signal }) {
         appendFileSync(${JSON.stringify(log)}, idempotencyKey + " " + attempt + "\\n");
         // The first tries come to no end by themselves.
         if (lines().length < 3) await new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason)));
         return { next: { done: true, note: "packed once" } };
       },
     };
     export default { name: "order", version: 1, first: "pack", steps: { pack } };`,
  );
  const linesOf = () => readFileSync(log, "utf8").trim().split("\n");
  const killed = async (): Promise<void> => {
    const { pid } = (await cli.json<StatusReport>("status")).process;
    process.kill(pid, "SIGKILL");
    await vi.waitFor(() => expect(() => process.kill(pid, 0)).toThrow(), WITHIN);
  };
  await cli.up();
  await startOrder("order-7", 7);
  await vi.waitFor(() => expect(linesOf()).toHaveLength(1), WITHIN);
  await killed();
  const second = await cli.up();
  await vi.waitFor(() => expect(linesOf()).toHaveLength(2), WITHIN);
  // A stop is no try, as a death is.
  await second.stop();
  await cli.up();
  await comesTo("order-7", { status: "finished" });

  const tries = linesOf().map((line) => line.split(" "));
  expect(new Set(tries.map(([key]) => key)).size).toBe(1);
  expect(tries.map(([, attempt]) => attempt)).toEqual(["1", "2", "2"]);
  expect((await show("order-7")).history.map(({ what }) => what)).toEqual(["started", "finished"]);
});

test("a definition that cannot be used keeps Troupe from starting, in a sentence that names the file", async () => {
  cli.write("flows/order.mjs", "export default { name: 'order', version: 1, first: 'pack', steps: {} };");
  const { code, err } = await cli.run(["up"]);
  expect(code).toBe(1);
  expect(err).toContain('The flow "order" version 1 begins with the step "pack", which it does not have.');

  cli.write("flows/order.mjs", "export default {");
  expect((await cli.run(["up"])).err).toContain("flows/order.mjs cannot be loaded: ");
  // What needs none of it goes on.
  expect((await cli.run(["flow", "list"])).out).toBe("No flows.\n");
});

const postgres = await findPostgres();
const nats = postgres === undefined ? undefined : await startNatsServer();
const lacking = postgres === undefined ? NO_POSTGRES : nats === undefined ? NO_NATS : undefined;
afterAll(() => nats?.[Symbol.asyncDispose]());

describe.skipIf(lacking !== undefined)(
  `two versions side by side on one database${lacking === undefined ? "" : ` (${lacking})`}`,
  () => {
    test("either of them works on a flow, once, and the newer one goes on with those of the older when that has gone", async () => {
      await using database = await postgres?.create();
      await using next = createCliHome();
      const bus = `bus: { url: "${nats?.url}", prefix: ${new URL(database?.url ?? "").pathname.slice(1)} }`;
      const yaml = `version: 1\n${PORTS}store: { url: "${database?.url}" }\n${bus}\n`;
      for (const one of [cli, next]) one.write("troupe.yaml", yaml);
      cli.write("flows/order.ts", VERSION_1);
      next.write("flows/order.mjs", VERSION_2);
      const old: RunningHome = await cli.up();
      await startOrder("order-7", 7);
      await startOrder("order-8", 8);
      await comesTo("order-7", { status: "waiting", version: 1 });
      await comesTo("order-8", { status: "waiting", version: 1 });
      await next.up();

      await next.json("flow", "event", "paid", "7", "--id", "p-7");
      await vi.waitFor(async () => {
        const { flow } = await next.json<FlowDetails>("flow", "show", "order-7");
        expect(flow.status).toBe("finished");
      }, WITHIN);
      await old.stop();
      await next.json("flow", "event", "paid", "8", "--id", "p-8");

      await vi.waitFor(async () => {
        const { flow } = await next.json<FlowDetails>("flow", "show", "order-8");
        expect(flow).toMatchObject({ status: "finished", version: 2, step: "ship" });
      }, WITHIN);
      for (const id of ["order-7", "order-8"]) {
        const { history } = await next.json<FlowDetails>("flow", "show", id);
        expect(history.filter(({ what }) => what === "finished")).toHaveLength(1);
      }
    });
  },
);
