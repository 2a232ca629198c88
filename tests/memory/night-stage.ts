// Nights on a stage: a loop that asks for them, lanes that run them, and a clock that lets months pass.
import type {
  CallOptions,
  EffectHandler,
  ModelRequest,
  NewMemory,
  ResponseFormat,
  Trigger,
} from "@troupe/contracts";
import { createLogRecorder, createManualClock } from "@troupe/testing";
import { withAudienceCheck } from "../../server/src/app/audience-check.ts";
import { withPersons } from "../../server/src/app/person-stores.ts";
import { createLocalBus } from "../../server/src/bus/index.ts";
import { createIdGenerator, createMetrics } from "../../server/src/kit/index.ts";
import {
  createDreamHandler,
  createDreamLoop,
  createGit,
  createReflectHandler,
  createSecretGuard,
  createVersions,
  createWorkspaceModule,
  hasWorkspace,
} from "../../server/src/memory/index.ts";
import { createEffectWorkers } from "../../server/src/workers/index.ts";
import { createTestStores } from "../lab/test-store.ts";

const DAY_MS = 86_400_000;
const HOUR_MS = 3_600_000;
export const options: CallOptions = { signal: new AbortController().signal };

/** What a model answers to a request's last message; it may throw. */
type Model = (asked: string, format: ResponseFormat | undefined) => string;

interface StageOptions {
  readonly model?: Model;
  readonly learn?: "off";
  /** With a folder for each agent that has files of its own. */
  readonly workspaces?: string;
  /** Names of one person, which are linked. */
  readonly linked?: readonly string[];
}

/** Stages on one test database; `close` ends those of one test, `end` the database. */
export function createNights() {
  const testStores = createTestStores();
  const closers: (() => Promise<void>)[] = [];
  return {
    setUp: (of: StageOptions = {}) => setUp(testStores, closers, of),
    async close() {
      for (const close of closers.splice(0).reverse()) await close();
    },
    end: () => testStores[Symbol.asyncDispose](),
  };
}

async function setUp(
  testStores: ReturnType<typeof createTestStores>,
  closers: (() => Promise<void>)[],
  of: StageOptions,
) {
  const { model } = of;
  const clock = createManualClock(Date.UTC(2026, 0, 10, 12));
  const logger = createLogRecorder();
  const metrics = createMetrics();
  const ids = createIdGenerator(clock);
  const opened = await testStores.open({ clock, ids, logger, metrics, leaseClock: () => clock.now() });
  closers.push(opened.close);
  const { linked = [] } = of;
  const namesOf = (_space: string, name: string) => (linked.includes(name) ? linked : [name]);
  const stores = withPersons(withAudienceCheck(opened.stores, { metrics, logger }), { namesOf });
  const learn = of.learn ?? (model === undefined ? "rules" : "model");
  const agents = { get: () => ({ spec: { id: "ana", name: "Ana", model: "default", learn } }) };
  const router = {
    choices: () => [],
    async *stream(_choices: unknown, { messages, responseFormat }: ModelRequest) {
      yield { type: "text-delta", text: model?.(messages.at(-1)?.text ?? "", responseFormat) ?? "" };
      const usage = { inputTokens: 1, cachedInputTokens: 0, outputTokens: 1 };
      yield { type: "end", reason: "stop", usage, estimated: false };
    },
  };
  const deps = {
    ...{ ...stores, clock, ids, logger, metrics },
    ...{ agents: agents as never, router: router as never, budgets: { of: () => [] } as never },
  };
  const folder = of.workspaces ?? "";
  const looksSecret = createSecretGuard((text) => text);
  const git = createGit(process.env.PATH);
  const versions = createVersions({ folder, clock, logger, metrics, looksSecret, git });
  const people = { namesOf: (_space: string, name: string) => [name] };
  const workspace = createWorkspaceModule({ ...deps, folder, looksSecret, versions, people });
  const handlers: readonly EffectHandler[] = [
    createDreamHandler({
      ...{ ...deps, zone: () => "Europe/Kyiv" },
      hasWorkspace: async (agentId) => folder !== "" && (await hasWorkspace(folder, agentId)),
    }),
    createReflectHandler(deps),
    ...(workspace.effects ?? []),
  ];
  const eraser = { folder, logger, git, versions, ownersOf: () => ["operator"] };
  const bus = createLocalBus({ clock, logger, metrics });
  // Disks and programs take real time, while hours pass here.
  const patienceMs = of.workspaces === undefined ? 10_000 : 400 * DAY_MS;
  const lane = { parallel: 1, leaseMs: patienceMs, timeoutMs: patienceMs };
  const workers = createEffectWorkers({
    ...{ unit: stores.unit, effects: stores.effects, handlers, bus, clock, logger, metrics },
    ...{ random: () => 0.5, processId: "p1", lanes: { realtime: lane, background: lane, heavy: lane } },
    sweepMs: 6 * HOUR_MS,
  });
  const loopOf = () =>
    createDreamLoop({
      ...stores,
      spaceId: "default",
      hour: () => 3,
      zone: () => "Europe/Kyiv",
      clock,
      logger,
    });
  const loop = loopOf();
  workers.start(options.signal);
  loop.start(options.signal);
  closers.push(async () => {
    await Promise.all([loop.stop(1_000), workers.stop(1_000)]);
  });
  const put = async (...memories: readonly NewMemory[]) =>
    void (await stores.unit.commit(
      memories.map((memory) => stores.memories.put(memory)),
      options,
    ));
  const show = (memoryId: string, asked: string) =>
    stores.unit.commit(
      [
        stores.memories.use({ spaceId: "default", ids: [memoryId], at: clock.now() }),
        stores.dreams.recalled({
          ...{ spaceId: "default", at: clock.now(), recalls: [{ memoryId, asked, times: 1, weight: 0.8 }] },
        }),
      ],
      options,
    );
  const dreams = () => stores.dreams.list({ spaceId: "default", limit: 50 }, options);
  const get = async (id: string) =>
    (
      await stores.memories.find(
        { spaceId: "default", readers: undefined, ids: [id], includeClosed: true },
        options,
      )
    )[0];
  const open = async () =>
    (await stores.memories.list({ spaceId: "default", agentId: "ana", readers: undefined }, options)).items;
  /** Most of each week at a stroke, and its last day hour by hour. */
  const pass = async (weeks: number): Promise<void> => {
    for (let week = 0; week < weeks; week++) {
      clock.sleep(6 * DAY_MS);
      await clock.advance(DAY_MS);
    }
  };
  let said = 0;
  /** What a person writes to the agent now, in a conversation of its own unless another is named. */
  const say = async (
    peer: string,
    text: string,
    { trigger = "chat" as Trigger, audience = [peer], sessionId = `session ${audience.join(" ")}` } = {},
  ): Promise<void> => {
    said++;
    const turnId = `said ${said}`;
    const at = clock.now();
    await stores.unit.commit(
      [
        stores.sessions.touch({
          ...{ id: sessionId, key: sessionId, spaceId: "default", agentId: "ana", channel: "api" },
          ...{ peerId: peer, ownerId: "key", audience, stateless: false, at, count: 1 },
        }),
        stores.sessions.append({
          ...{ id: `message ${said}`, spaceId: "default", sessionId, turnId, turnSeq: "same" as const },
          ...{ role: "user" as const, parts: [{ type: "text" as const, text }], audience },
          ...{ outcome: "ok" as const, createdAt: at, fromLast: 0 },
        }),
        stores.turns.open({
          ...{
            id: turnId,
            spaceId: "default",
            agentId: "ana",
            sessionId,
            trigger,
            lane: "realtime" as const,
          },
          ...{ payload: {}, dueAt: at, deadlineAt: at, reservedMicroUsd: 0, createdAt: at, owner: undefined },
        }),
      ],
      options,
    );
  };
  const reflections = async () => (await open()).filter(({ kind }) => kind === "reflection");
  return { clock, pass, logger, stores, put, show, dreams, get, open, loopOf, say, reflections, eraser };
}

export const episode = (id: string, text: string, change: Partial<NewMemory> = {}): NewMemory => ({
  ...{ id, spaceId: "default", agentId: "ana", audience: ["kate"], text, turnId: `turn ${id}` },
  ...{ recordedAt: Date.UTC(2026, 0, 10, 12), kind: "episode", attributes: { by: "model" }, ...change },
});
