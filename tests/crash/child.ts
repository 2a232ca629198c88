// The process that is killed: the real composition on a database file, with three channels whose platform, like the
// model, lives in the driver. Started with TROUPE_HOME and PLATFORM_URL.
import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import type { Channel, EffectHandler, Tool, ToolSource, VerifiableChannel } from "@troupe/contracts";
import { DEFAULT_SPACE_ID, TroupeError } from "@troupe/contracts";
import { compose, type Troupe } from "../../server/src/app/compose.ts";
import { readEnvironment, requireConfig } from "../../server/src/app/config/index.ts";
import { openFaces } from "../../server/src/app/faces.ts";
import { openHome } from "../../server/src/app/home.ts";
import { holdHome } from "../../server/src/app/home-lock.ts";
import { makeFirstKey } from "../../server/src/app/keys.ts";
import { createAdjustableLogger } from "../../server/src/app/logging.ts";
import { adminSocketPath } from "../../server/src/app/runtime-path.ts";
import { createLocalBus } from "../../server/src/bus/index.ts";
import { derivedId, spaceDay } from "../../server/src/kit/index.ts";
import { createEffectWorkers } from "../../server/src/workers/index.ts";
import { readKept } from "../sim/kept.ts";
import { hasOpenWork } from "../sim/rest.ts";
import { ACT_DONE, NOTE_DONE } from "../sim/script.ts";
import { AGENT_ID, type Handover, KINDS, type Kind, type Reading, type Ready } from "./wire.ts";

const platformUrl = process.env.PLATFORM_URL ?? "";
const NEVER = { signal: new AbortController().signal };

async function post(path: string, body: unknown, signal: AbortSignal): Promise<Record<string, string>> {
  try {
    const response = await fetch(`${platformUrl}${path}`, {
      method: "POST",
      body: JSON.stringify(body),
      signal,
    });
    if (!response.ok) throw new Error(`The platform answered ${response.status}.`);
    return (await response.json()) as Record<string, string>;
  } catch (cause) {
    if (signal.aborted) throw signal.reason;
    throw new TroupeError("The platform cannot be reached.", {
      code: "channel.unavailable",
      cause,
      retryable: true,
    });
  }
}

function channelOf(kind: Kind): Channel {
  const send: Channel["send"] = async (message, { signal }) => {
    const { platformId } = await post(`/send/${kind}`, message, signal);
    return platformId === undefined ? {} : { platformId };
  };
  if (kind !== "verifiable") return { id: kind, delivery: kind, send };
  const find: VerifiableChannel["find"] = async (key, { signal }) => {
    const { platformId } = await post("/find", { key }, signal);
    return platformId === undefined ? undefined : { platformId };
  };
  const verifiable: VerifiableChannel = { id: kind, delivery: kind, send, find };
  return verifiable;
}

/** A transactional tool whose writes would show if they were kept twice, and an external one that the driver counts. */
function toolSource(troupe: () => Troupe): ToolSource {
  const inputSchema = { type: "object", properties: { token: { type: "string" } } };
  const note: Tool = {
    spec: { name: "note", description: "Keeps a note.", kind: "transactional", inputSchema },
    async run(_input, { idempotencyKey, turnId, sessionId, now }) {
      const { stores, ids } = troupe();
      const memory = memoryOf(ids.next(), idempotencyKey, turnId, now);
      const effect = {
        id: derivedId("note.count", idempotencyKey),
        spaceId: DEFAULT_SPACE_ID,
        kind: "note.count",
        v: 1,
        lane: "realtime",
        turnId,
        sessionId,
        payload: {},
        createdAt: now,
      } as const;
      return { text: NOTE_DONE, writes: [stores.memories.put(memory), stores.effects.put(effect)] };
    },
  };
  const act: Tool = {
    spec: { name: "act", description: "Acts on the world.", kind: "external", inputSchema },
    async run(_input, { idempotencyKey }, { signal }) {
      await post("/act", { key: idempotencyKey }, signal);
      return { text: ACT_DONE };
    },
  };
  return { id: "crash", list: async () => [note, act] };
}

function memoryOf(id: string, text: string, turnId: string, createdAt: number) {
  return {
    id,
    spaceId: DEFAULT_SPACE_ID,
    agentId: AGENT_ID,
    audience: ["everybody"],
    text,
    turnId,
    createdAt,
  };
}

/** Each handled effect leaves a memory with an id of its own, so that handling it twice would show. */
function handlerOf(kind: string, troupe: Troupe): EffectHandler {
  return {
    kind,
    versions: [1],
    handle: async (effect) => [
      troupe.stores.memories.put(
        memoryOf(troupe.ids.next(), `effect ${effect.id}`, effect.turnId, effect.createdAt),
      ),
    ],
  };
}

/** What the lifecycle does at a start, with our own handlers in place of the product's. */
async function work(troupe: Troupe): Promise<void> {
  const { stores, processId, supervisor, relay, indexer, lease, clock, logger, metrics } = troupe;
  await lease.start(NEVER.signal);
  await stores.unit.commit(
    [stores.leases.endOthers(processId), stores.ledger.reconcile(DEFAULT_SPACE_ID)],
    NEVER,
  );
  supervisor.start();
  relay.start(NEVER.signal);
  indexer.start(NEVER.signal);
  createEffectWorkers({
    ...troupe,
    ...stores,
    bus: createLocalBus({ clock, logger, metrics }),
    handlers: [handlerOf("note.count", troupe), handlerOf("storyline.summary", troupe)],
    sweepMs: 100,
  }).start(NEVER.signal);
}

async function read(troupe: Troupe): Promise<Reading> {
  const { stores, clock } = troupe;
  const today = [spaceDay(DEFAULT_SPACE_ID, clock.now())];
  const [before] = await stores.ledger.accounts(today, NEVER);
  const isOpen = await hasOpenWork(stores);
  if (!isOpen) await stores.unit.commit([stores.ledger.reconcile(DEFAULT_SPACE_ID)], NEVER);
  const [after] = await stores.ledger.accounts(today, NEVER);
  return {
    isOpen,
    kept: await readKept(stores, { agentId: AGENT_ID, readers: [["everybody"]] }),
    budget: {
      reservedMicroUsd: before?.reservedMicroUsd ?? 0,
      spentMicroUsd: before?.spentMicroUsd ?? 0,
      reservedAfterReconcileMicroUsd: after?.reservedMicroUsd ?? 0,
    },
  };
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  const pieces: Buffer[] = [];
  for await (const piece of request) pieces.push(piece as Buffer);
  return Buffer.concat(pieces).toString("utf8");
}

/** The way in for channels, as their adapters would hand messages over, and a window on the store. */
async function openDoor(troupe: Troupe): Promise<string> {
  const serve = async (request: IncomingMessage): Promise<unknown> => {
    if (request.url === "/kept") return read(troupe);
    const { message, principal } = JSON.parse(await bodyOf(request)) as Handover;
    return troupe.inbox.accept({ ...message, sessionKey: message.sessionKey }, principal, NEVER);
  };
  const server = createServer((request, response) => {
    serve(request).then(
      (answer) => response.end(JSON.stringify(answer)),
      (error: unknown) => response.writeHead(503).end(String(error)),
    );
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

const environment = readEnvironment();
const home = openHome(environment.home);
const lock = holdHome(home.data, { pid: process.pid, command: "up", since: Date.now() });
const troupe: Troupe = await compose(requireConfig({ environment }), {
  channels: KINDS.map(channelOf),
  toolSources: [toolSource(() => troupe)],
  logger: createAdjustableLogger({
    level: process.env.CRASH_LOG === undefined ? "silent" : "info",
    isTerminal: false,
  }),
});
await work(troupe);
const faces = await openFaces(troupe, {
  socketPath: adminSocketPath(environment.home, environment.runtimeDirectory),
  ports: true,
});
troupe.health.enter("ready");
const ready: Ready = {
  doorUrl: await openDoor(troupe),
  gatewayUrl: faces.addresses?.gateway ?? "",
  key: (await makeFirstKey(troupe, DEFAULT_SPACE_ID, NEVER))?.key,
};
process.send?.(ready);
// The driver ends it, or the end of the driver does.
process.once("disconnect", () => {
  lock[Symbol.dispose]();
  process.exit(0);
});
