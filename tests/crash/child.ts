// The process that is killed: the real thing as `troupe up --role` serves it, with three channels whose platform, like the
// model, lives in the driver. Started with TROUPE_HOME, PLATFORM_URL and, where it does not everything, CRASH_ROLE.
import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import type { Channel, EffectHandler, Tool, ToolSource, VerifiableChannel } from "@troupe/contracts";
import { DEFAULT_SPACE_ID, TroupeError } from "@troupe/contracts";
import type { Troupe } from "../../server/src/app/compose.ts";
import { readEnvironment } from "../../server/src/app/config/index.ts";
import { type Serving, serve } from "../../server/src/app/lifecycle.ts";
import { createAdjustableLogger } from "../../server/src/app/logging.ts";
import type { Role } from "../../server/src/app/roles.ts";
import { derivedId, makeApiKey, spaceDay } from "../../server/src/kit/index.ts";
import { readKept } from "../sim/kept.ts";
import { hasOpenWork } from "../sim/rest.ts";
import { ACT_DONE, NOTE_DONE } from "../sim/script.ts";
import {
  AGENT_ID,
  type Entrance,
  type Handover,
  type JobWish,
  type KeptJob,
  KINDS,
  type Kind,
  type Reading,
  type Ready,
} from "./wire.ts";

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
function toolSource(troupe: Promise<Troupe>): ToolSource {
  const inputSchema = { type: "object", properties: { token: { type: "string" } } };
  const note: Tool = {
    spec: { name: "note", description: "Keeps a note.", kind: "transactional", inputSchema },
    async run(_input, { idempotencyKey, turnId, sessionId, now }) {
      const { stores, ids } = await troupe;
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
        key: sessionId,
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
    recordedAt: createdAt,
  };
}

/** Each handled effect leaves a memory with an id of its own, so that handling it twice would show. */
function countHandler(troupe: Promise<Troupe>): EffectHandler {
  return {
    kind: "note.count",
    versions: [1],
    async handle(effect) {
      const { stores, ids } = await troupe;
      return [
        stores.memories.put(memoryOf(ids.next(), `effect ${effect.id}`, effect.turnId, effect.createdAt)),
      ];
    },
  };
}

async function read(troupe: Troupe): Promise<Reading> {
  const { stores, clock } = troupe;
  const today = [spaceDay(DEFAULT_SPACE_ID, clock.now())];
  const [before] = await stores.ledger.accounts(today, NEVER);
  const { open: openJobs } = await stores.jobRuns.counts(DEFAULT_SPACE_ID, NEVER);
  const isOpen = openJobs > 0 || (await hasOpenWork(stores));
  if (!isOpen) await stores.unit.commit([stores.ledger.reconcile(DEFAULT_SPACE_ID)], NEVER);
  const [after] = await stores.ledger.accounts(today, NEVER);
  return {
    isOpen,
    kept: await readKept(stores, { agentId: AGENT_ID, readers: [["everybody"]] }),
    jobs: await readJobs(stores),
    budget: {
      reservedMicroUsd: before?.reservedMicroUsd ?? 0,
      spentMicroUsd: before?.spentMicroUsd ?? 0,
      reservedAfterReconcileMicroUsd: after?.reservedMicroUsd ?? 0,
    },
  };
}

async function readJobs({ jobs }: Troupe["stores"]): Promise<readonly KeptJob[]> {
  const found: KeptJob[] = [];
  for (let cursor: string | undefined; ; ) {
    const at = { spaceId: DEFAULT_SPACE_ID, limit: 200, ...(cursor === undefined ? {} : { cursor }) };
    const page = await jobs.list(at, NEVER);
    for (const { id, state } of page.items) {
      const runs = (await jobs.runs({ jobId: id, limit: 200 }, NEVER)).items;
      found.push({
        ...{ id, state },
        runs: runs.map((run) => ({
          ...{ id: run.id, state: run.state },
          ...(run.turnId === undefined ? {} : { turnId: run.turnId }),
        })),
      });
    }
    cursor = page.next;
    if (cursor === undefined) return found;
  }
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  const pieces: Buffer[] = [];
  for await (const piece of request) pieces.push(piece as Buffer);
  return Buffer.concat(pieces).toString("utf8");
}

/** The way in for channels, as their adapters would hand messages over, ways to cancel and to schedule, and a window on the store. */
async function openDoor(troupe: Troupe): Promise<string> {
  const answer = async (request: IncomingMessage): Promise<unknown> => {
    if (request.url === "/kept") return read(troupe);
    const body = JSON.parse(await bodyOf(request)) as Handover | JobWish | { readonly turnId: string };
    if ("turnId" in body)
      return troupe.control.cancel(body.turnId, { reason: "somebody asked for it" }, NEVER);
    if ("input" in body) {
      const { id, ownerId, input } = body;
      const asker = { spaceId: DEFAULT_SPACE_ID, agentId: AGENT_ID, ownerId, peerId: ownerId, origin: {} };
      return troupe.jobs.create(id, input, asker, NEVER);
    }
    return troupe.inbox.accept(body.message, body.principal, NEVER);
  };
  const server = createServer((request, response) => {
    answer(request).then(
      (said) => response.end(JSON.stringify(said)),
      (error: unknown) => response.writeHead(503).end(String(error)),
    );
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

/** With a key of its own: the first one of a home is told once, perhaps to nobody. */
async function openEntrance({ troupe, addresses }: Serving): Promise<Entrance | undefined> {
  if (addresses?.gateway === undefined) return undefined;
  const { key, record } = makeApiKey(troupe, { spaceId: DEFAULT_SPACE_ID, name: "crash", kind: "operator" });
  await troupe.stores.unit.commit([troupe.stores.keys.put(record)], NEVER);
  return { doorUrl: await openDoor(troupe), gatewayUrl: addresses.gateway, key };
}

const started = Promise.withResolvers<Troupe>();
const serving = await serve(readEnvironment(), {
  role: (process.env.CRASH_ROLE ?? "all") as Role,
  channels: KINDS.map(channelOf),
  toolSources: [toolSource(started.promise)],
  effectHandlers: [countHandler(started.promise)],
  logger: createAdjustableLogger({
    level: process.env.CRASH_LOG === undefined ? "silent" : "info",
    isTerminal: false,
  }),
});
started.resolve(serving.troupe);
const { processId } = serving.troupe;
process.send?.({ processId, entrance: await openEntrance(serving) } satisfies Ready);
// The driver ends it, or the end of the driver does.
process.once("disconnect", () => process.exit(0));
