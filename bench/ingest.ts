// Two hundred messages a second for a minute: whether all that is made of what was said, behind the replies, keeps up with it.
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { Agent, request } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Figure, figure } from "./figure.ts";
import { type Backlog, type DerivedThing, openBacklog, THINGS } from "./harness/backlog.ts";
import { loadAverage } from "./harness/machine.ts";
import { makePeople, type Person } from "./harness/made-people.ts";
import { startModel } from "./harness/model.ts";
import type { BenchOptions } from "./harness/options.ts";
import { cpuMs } from "./harness/process-meter.ts";
import { monotonicMs, quantile, sleep } from "./harness/statistics.ts";
import { AGENT_ID, freePort, startTroupe, type TroupeProcess, writeHome } from "./harness/troupe-process.mjs";

const SUBJECT = "ingest";
const A_SECOND = 200;
const SECONDS = 60;
const PEOPLE = 200;
const SEED = 11;
/** What the first turns pay for once: compiling, loading the table of words. */
const WARM_MESSAGES = 400;
const LOOK_EVERY_MS = 500;
/** Behind this nobody waits for it any more. */
const MOST_AFTER_MS = 180_000;
/** So soon after the last message all of it has to be there. Vectors wait some seconds for quiet by themselves. */
const TARGET_AFTER_S: Readonly<Record<DerivedThing, number>> = {
  turns: 5,
  words: 5,
  learning: 10,
  vectors: 15,
};
/** A backlog that keeps up is as large in the last third of the time as in the one before; a few seconds' worth is noise. */
const GROWS_BY = 1.25;
const NOISE = 2 * A_SECOND;

interface Look extends Readonly<Record<DerivedThing, Backlog>> {
  readonly atMs: number;
}

export async function run(options: BenchOptions): Promise<Figure[]> {
  const load = figure(SUBJECT, "load average before", loadAverage(), "processes");
  const folder = mkdtempSync(join(tmpdir(), "troupe-ingest-"));
  const home = join(folder, "home");
  mkdirSync(home, { mode: 0o700 });
  try {
    await using model = await startModel();
    const port = await freePort();
    writeHome(home, { port, baseUrl: model.baseUrl, contextWindow: 16_000 });
    const troupe = await startTroupe(home, port);
    try {
      return [...(await measure(troupe, home, options)), load];
    } finally {
      await troupe.stop();
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function measure(troupe: TroupeProcess, home: string, options: BenchOptions): Promise<Figure[]> {
  const { key } = (await troupe.command("key", "create", "--name", "ingest")) as { readonly key: string };
  const people = makePeople(PEOPLE, SEED);
  using backlog = openBacklog(home);
  using sender = createSender(troupe.port, key, people);
  const messages = Math.round(A_SECOND * SECONDS * options.scale);
  await sender.send(Math.min(WARM_MESSAGES, messages), A_SECOND);
  await emptied(backlog);

  const looks: Look[] = [];
  const beganMs = monotonicMs();
  const cpuBefore = cpuMs(troupe.processId);
  const sending = sender.send(messages, A_SECOND);
  let isSent = false;
  sending.finally(() => (isSent = true)).catch(() => {});
  while (!isSent) {
    looks.push({ ...backlog.look(), atMs: monotonicMs() - beganMs });
    if (looks.length % 20 === 0)
      options.progress(`ingest: ${Math.round((monotonicMs() - beganMs) / 1_000)} s`);
    await sleep(LOOK_EVERY_MS);
  }
  const accepted = await sending;
  const tookMs = monotonicMs() - beganMs;
  const cpuWhile = cpuMs(troupe.processId) - cpuBefore;
  const after = await emptied(backlog);
  const cpuAll = cpuMs(troupe.processId) - cpuBefore;
  return [
    figure(SUBJECT, "messages accepted a second", (messages / tookMs) * 1_000, "messages/s", {
      atLeast: 0.99 * A_SECOND,
    }),
    figure(SUBJECT, "accepted within, p95", quantile(accepted, 0.95), "ms"),
    figure(SUBJECT, "CPU while they came", cpuWhile / tookMs, "cores"),
    figure(SUBJECT, "CPU a message, all that follows it included", cpuAll / messages, "ms"),
    ...THINGS.flatMap((thing) => ofThing(thing, looks, after[thing], options.scale >= 1)),
  ];
}

/** `isWhole`: less than a minute says nothing of what waits half of one by itself. */
function ofThing(
  thing: DerivedThing,
  looks: readonly Look[],
  afterMs: number,
  isWhole: boolean,
): readonly Figure[] {
  const third = (n: number): readonly Look[] =>
    looks.slice(Math.floor((looks.length * n) / 3), Math.floor((looks.length * (n + 1)) / 3));
  const most = (some: readonly Look[]): number => Math.max(0, ...some.map((look) => look[thing].count));
  const lags = looks.map((look) => look[thing].ageMs / 1_000);
  const grows = Math.max(most(third(2)), NOISE) / Math.max(most(third(1)), NOISE);
  return [
    figure(SUBJECT, `${thing}: most that waited`, most(looks), "rows"),
    figure(
      ...([SUBJECT, `${thing}: last third over the one before`, grows, "ratio"] as const),
      isWhole ? { atMost: GROWS_BY } : undefined,
    ),
    figure(SUBJECT, `${thing}: age of the oldest that waits, p95`, quantile(lags, 0.95), "s"),
    figure(SUBJECT, `${thing}: nothing waits after`, afterMs / 1_000, "s", { atMost: TARGET_AFTER_S[thing] }),
  ];
}

/** How long after now each thing had nothing that waits. */
async function emptied(backlog: {
  look(): Omit<Look, "atMs">;
}): Promise<Readonly<Record<DerivedThing, number>>> {
  const beganMs = monotonicMs();
  const emptyMs: Partial<Record<DerivedThing, number>> = {};
  for (;;) {
    const now = backlog.look();
    const passedMs = monotonicMs() - beganMs;
    for (const thing of THINGS) {
      // What one thing makes may be work for another: it counts from when it was empty for good.
      if (now[thing].count > 0) delete emptyMs[thing];
      else emptyMs[thing] ??= passedMs;
    }
    const lastMs = Math.max(...THINGS.map((thing) => emptyMs[thing] ?? Number.POSITIVE_INFINITY));
    if (passedMs - lastMs > 2 * LOOK_EVERY_MS) return emptyMs as Record<DerivedThing, number>;
    if (passedMs > MOST_AFTER_MS)
      throw new Error(`After ${MOST_AFTER_MS / 1_000} s there waits still: ${JSON.stringify(now)}`);
    await sleep(LOOK_EVERY_MS / 2);
  }
}

interface Sender extends Disposable {
  /** At an even pace, however long each takes; resolves with how long each waited for its receipt, from when it was due. */
  send(messages: number, aSecond: number): Promise<readonly number[]>;
}

/** One person after the other, each in conversations of their own. */
function createSender(port: number, key: string, people: readonly Person[]): Sender {
  const agent = new Agent({ keepAlive: true, maxSockets: 64 });
  const conversations = people.map(() => 0);
  const headers = { authorization: `Bearer ${key}`, "content-type": "application/json" };
  let sent = 0;
  const post = (body: string): Promise<void> =>
    new Promise((resolve, reject) => {
      const path = `/api/agents/${AGENT_ID}/messages?wait=false`;
      const outgoing = request(
        { host: "127.0.0.1", port, path, method: "POST", agent, headers },
        (incoming) => {
          let text = "";
          incoming.setEncoding("utf8").on("data", (piece: string) => (text += piece));
          incoming.on("error", reject).on("end", () => {
            if (incoming.statusCode === 202) resolve();
            else reject(new Error(`A message was answered ${incoming.statusCode}: ${text.slice(0, 300)}`));
          });
        },
      );
      outgoing.on("error", reject).end(body);
    });
  const say = (): Promise<void> => {
    const at = sent++ % people.length;
    const person = people[at] as Person;
    const { text, isNewConversation } = person.next();
    if (isNewConversation) conversations[at] = (conversations[at] ?? 0) + 1;
    return post(JSON.stringify({ text, user: person.id, session: `${person.id}-${conversations[at]}` }));
  };
  return {
    async send(messages, aSecond) {
      const waits: Promise<number>[] = [];
      const beganMs = monotonicMs();
      for (let n = 0; n < messages; n++) {
        const dueMs = beganMs + (n * 1_000) / aSecond;
        const earlyMs = dueMs - monotonicMs();
        if (earlyMs > 1) await sleep(earlyMs);
        waits.push(say().then(() => monotonicMs() - dueMs));
      }
      return Promise.all(waits);
    },
    [Symbol.dispose]: () => agent.destroy(),
  };
}
