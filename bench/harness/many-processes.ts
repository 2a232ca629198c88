// A gateway, a worker and any number of agents by `./troupe up --role`, each with a home of its own.
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Agent, request } from "undici";
import { sleep } from "./statistics.ts";
import { AGENT_ID, freePort, startTroupe, type TroupeProcess } from "./troupe-process.mjs";

export interface ManyProcesses {
  startGateway(): Promise<void>;
  startWorker(): Promise<void>;
  startAgent(): Promise<void>;
  /** So many people, each writing the next message when the last one was answered, for so long. */
  turnsASecond(conversations: number, milliseconds: number): Promise<number>;
  /** Keeps a message; resolves with its turn. */
  begin(session: string): Promise<string>;
  /** The process that runs or ran the turn, as soon as one does. */
  ownerOf(turnId: string): Promise<string>;
  ended(turnId: string): Promise<void>;
  /** The operating system's number for a process. */
  pidOf(processId: string): Promise<number>;
  close(): Promise<void>;
}

interface TurnState {
  readonly state: string;
  readonly owner?: string;
}

const LOOK_EVERY_MS = 10;
const WITHIN_MS = 60_000;

export function openManyProcesses(
  folder: string,
  urls: { readonly store: string; readonly bus: string; readonly model: string },
  places: number,
): ManyProcesses {
  const processes: TroupeProcess[] = [];
  const dispatcher = new Agent({ connections: 1_024 });
  let gateway: TroupeProcess | undefined;
  let key = "";

  const start = async (role: "gateway" | "agent" | "worker"): Promise<TroupeProcess> => {
    const home = join(folder, `${role}-${processes.length}`);
    const [port, metricsPort] = [await freePort(), await freePort()];
    writeHome(home, { role, urls, places, port, metricsPort });
    const readyAt = role === "gateway" ? port : metricsPort;
    const made = await startTroupe(home, readyAt, {}, ["--role", role]);
    processes.push(made);
    return made;
  };
  const ask = createAsker(() => ({ port: gateway?.port, key, dispatcher }));
  const say = (session: string, wait: boolean) =>
    ask(`/api/agents/${AGENT_ID}/messages${wait ? "" : "?wait=false"}`, {
      text: "How are you?",
      session,
      user: session,
    });
  const until = async (turnId: string, isSo: (turn: TurnState) => boolean): Promise<TurnState> => {
    for (const untilMs = performance.now() + WITHIN_MS; performance.now() < untilMs; ) {
      const turn = (await ask(`/api/turns/${turnId}`)).turn as TurnState;
      if (isSo(turn)) return turn;
      await sleep(LOOK_EVERY_MS);
    }
    throw new Error(`The turn ${turnId} did not get on within a minute.`);
  };
  return {
    async startGateway() {
      gateway = await start("gateway");
      key = ((await gateway.command("key", "create", "--name", "bench")) as { readonly key: string }).key;
    },
    startWorker: async () => void (await start("worker")),
    startAgent: async () => void (await start("agent")),
    async turnsASecond(conversations, milliseconds) {
      const beganMs = performance.now();
      let turns = 0;
      const talk = async (one: number): Promise<void> => {
        while (performance.now() < beganMs + milliseconds) {
          const { state } = await say(`talk-${one}`, true);
          if (state !== "replied") throw new Error(`A turn ended ${String(state)}.`);
          turns += 1;
        }
      };
      await Promise.all(Array.from({ length: conversations }, (_, one) => talk(one)));
      return (turns / (performance.now() - beganMs)) * 1_000;
    },
    begin: async (session) => String((await say(session, false)).turnId),
    ownerOf: async (turnId) => (await until(turnId, ({ owner }) => owner !== undefined)).owner as string,
    ended: async (turnId) => void (await until(turnId, ({ state }) => state === "replied")),
    async pidOf(processId) {
      const status = (await gateway?.command("status")) as
        | { readonly processes: readonly { readonly id: string; readonly pid: number }[] }
        | undefined;
      const pid = status?.processes.find(({ id }) => id === processId)?.pid;
      if (pid === undefined) throw new Error(`Nothing is known of the process ${processId}.`);
      return pid;
    },
    async close() {
      await Promise.all(processes.map((one) => one.stop()));
      await dispatcher.close();
    },
  };
}

/** Throws where the answer is an error. */
function createAsker(
  to: () => { readonly port: number | undefined; readonly key: string; readonly dispatcher: Agent },
): (path: string, body?: object) => Promise<Readonly<Record<string, unknown>>> {
  return async (path, body) => {
    const { port, key, dispatcher } = to();
    const answer = await request(`http://127.0.0.1:${port}${path}`, {
      method: body === undefined ? "GET" : "POST",
      headers: { authorization: `Bearer ${key}`, "content-type": "application/json" },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      dispatcher,
    });
    const said = (await answer.body.json()) as Readonly<Record<string, unknown>>;
    if (answer.statusCode < 400) return said;
    throw new Error(`${path} was answered with ${answer.statusCode}: ${JSON.stringify(said)}`);
  };
}

function writeHome(
  home: string,
  of: {
    readonly role: string;
    readonly urls: { readonly store: string; readonly bus: string; readonly model: string };
    readonly places: number;
    readonly port: number;
    readonly metricsPort: number;
  },
): void {
  const { urls, places, port, metricsPort } = of;
  mkdirSync(join(home, "agents"), { recursive: true });
  const config = {
    version: 1,
    server: { port, metricsPort, adminPort: 0 },
    store: { url: urls.store },
    bus: { url: urls.bus },
    blobs: { url: `file:${join(home, "..", "blobs")}` },
    providers: { bench: { kind: "openai-compatible", baseUrl: urls.model, apiKey: "none" } },
    models: { default: ["bench/bench"] },
    limits: { maxQueuedTurns: 4096, maxConcurrentTurns: { realtime: places } },
  };
  const agent = {
    id: AGENT_ID,
    name: "Bench",
    model: "default",
    instructions: "You are a helpful assistant.",
  };
  // JSON is YAML.
  writeFileSync(join(home, "troupe.yaml"), JSON.stringify(config), { mode: 0o600 });
  if (of.role === "gateway") writeFileSync(join(home, "agents", `${AGENT_ID}.yaml`), JSON.stringify(agent));
}
