// Months of mixed chat of many people with one agent: what memory and prompts have become by the end. No model says anything of
// use here, so what is learned is what the rules read.
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { type Figure, figure } from "./figure.ts";
import { createEventStreamClient } from "./harness/event-stream.mjs";
import { makePeople, type Person } from "./harness/made-people.ts";
import { type Model, startModel } from "./harness/model.ts";
import type { BenchOptions } from "./harness/options.ts";
import { median, sleep } from "./harness/statistics.ts";
import { AGENT_ID, freePort, startTroupe, type TroupeProcess, writeHome } from "./harness/troupe-process.mjs";

const SUBJECT = "chatter";
const TURNS = 10_000;
const PEOPLE = 40;
/** Turns of one person in a row. */
const SITTING = 20;
/** As a small model of today has; a conversation fills it several times over. */
const CONTEXT_WINDOW = 16_000;
const SEED = 7;
/** Effects behind the last replies are over by then. */
const SETTLE_MS = 5_000;
/** From this turn of a conversation on its prompt should no longer grow. */
const FULL_GROWN = 100;

interface Seen {
  readonly conversation: string;
  /** Of the conversation, from 1. */
  readonly turn: number;
  readonly calls: number;
  readonly bytes: number;
  /** Of the request before, in the same conversation; undefined for the first of a sitting. */
  readonly prefixShare: number | undefined;
}

interface Audit {
  readonly looked: number;
  readonly exact: readonly (readonly string[])[];
  readonly near: readonly (readonly string[])[];
  readonly stale: readonly string[];
  readonly secret: readonly string[];
  readonly breaches: readonly string[];
  readonly loops: readonly string[];
}

export async function run(options: BenchOptions): Promise<Figure[]> {
  const folder = mkdtempSync(join(tmpdir(), "troupe-chatter-"));
  const home = join(folder, "home");
  mkdirSync(home, { mode: 0o700 });
  const people = makePeople(PEOPLE, SEED);
  try {
    await using model = await startModel();
    await model.configure({ comparesPrefixes: true });
    const port = await freePort();
    writeHome(home, { port, baseUrl: model.baseUrl, contextWindow: CONTEXT_WINDOW });
    const troupe = await startTroupe(home, port);
    let audit: Audit;
    let seen: readonly Seen[];
    try {
      seen = await chat({ troupe, model, people, turns: Math.round(TURNS * options.scale), options });
      await sleep(SETTLE_MS);
      audit = (await troupe.command("memory", "audit")) as Audit;
    } finally {
      await troupe.stop();
    }
    return [...ofMemory(audit, foreignRecords(home, people)), ...ofPrompts(seen)];
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

interface Chat {
  readonly troupe: TroupeProcess;
  readonly model: Model;
  readonly people: readonly Person[];
  readonly turns: number;
  readonly options: BenchOptions;
}

/** One person after the other, a sitting each, again and again: one conversation runs at a time. */
async function chat({ troupe, model, people, turns, options }: Chat): Promise<readonly Seen[]> {
  const { key } = (await troupe.command("key", "create", "--name", "chatter")) as { readonly key: string };
  const client = createEventStreamClient({
    port: troupe.port,
    headers: { authorization: `Bearer ${key}` },
  });
  const seen: Seen[] = [];
  const conversations = new Map(people.map(({ id }) => [id, { number: 0, turns: 0 }]));
  for (let sitting = 0; seen.length < turns; sitting++) {
    const person = people[sitting % people.length] as Person;
    const place = conversations.get(person.id) as { number: number; turns: number };
    let isFirst = true;
    let known = 0;
    for (let n = 0; n < SITTING; n++) {
      const { text, isNewConversation } = person.next();
      if (isNewConversation) {
        place.number += 1;
        place.turns = 0;
        isFirst = true;
      }
      const conversation = `${person.id}-${place.number}`;
      if (isFirst) {
        // Also forgets the request before, which was of another conversation.
        await model.reset();
        known = 0;
      }
      await say(client, { person: person.id, conversation, text });
      const { records } = await model.log();
      const requests = records.slice(known).filter(({ isTurn }) => isTurn);
      known = records.length;
      const first = requests[0];
      if (first === undefined) throw new Error(`Nobody asked the model about "${text}".`);
      place.turns += 1;
      seen.push({
        ...{ conversation, turn: place.turns, calls: requests.length, bytes: first.bytes },
        prefixShare: isFirst ? undefined : first.prefixBytes / first.previousBytes,
      });
      isFirst = false;
    }
    if (sitting % 25 === 0) options.progress(`chatter: ${seen.length} of ${turns} turns`);
  }
  client.close();
  return seen;
}

async function say(
  client: ReturnType<typeof createEventStreamClient>,
  { person, conversation, text }: Readonly<Record<"person" | "conversation" | "text", string>>,
): Promise<void> {
  const body = JSON.stringify({
    ...{ model: AGENT_ID, stream: true, user: person },
    messages: [{ role: "user", content: text }],
  });
  await client.post("/v1/chat/completions", { "x-troupe-session": conversation }, body, (data) => {
    const event = JSON.parse(data);
    if (event.error) throw new Error(JSON.stringify(event.error));
  });
}

/** Open records of somebody that hold nothing which that person told, the notes of the tool left aside. */
function foreignRecords(home: string, people: readonly Person[]): readonly string[] {
  const database = new DatabaseSync(join(home, "data", "troupe.db"), { readOnly: true });
  try {
    const records = database
      .prepare(
        "SELECT text, audience FROM memories WHERE closed_at IS NULL AND text NOT LIKE '%the ferry leaves%'",
      )
      .all() as unknown as readonly { readonly text: string; readonly audience: string }[];
    const told = new Map(people.map(({ id, values }) => [id, values.map((value) => value.toLowerCase())]));
    return records
      .filter(({ text, audience }) => {
        const id = [...told.keys()].find((one) => audience.includes(`${one}"`));
        const values = told.get(id ?? "") ?? [];
        return !values.some((value) => text.toLowerCase().includes(value));
      })
      .map(({ text }) => text);
  } finally {
    database.close();
  }
}

function ofMemory(audit: Audit, foreign: readonly string[]): readonly Figure[] {
  const { looked, exact, near, stale, secret, breaches, loops } = audit;
  if (looked === 0) throw new Error("Nothing was learned from all the chat.");
  const share = (count: number): number => (count / looked) * 100;
  const doubled = new Set([...exact, ...near].flat());
  const junk = new Set([...stale, ...secret, ...breaches, ...loops]).size + foreign.length;
  return [
    figure(SUBJECT, "memories that are open at the end", looked, "memories"),
    figure(SUBJECT, "memories that say what another says", share(doubled.size), "%", { atMost: 1 }),
    figure(SUBJECT, "junk: stale, secret, told too widely, or told by nobody", share(junk), "%", {
      atMost: 2,
    }),
    figure(SUBJECT, "memories that hold nothing which was told", foreign.length, "memories"),
  ];
}

function ofPrompts(seen: readonly Seen[]): readonly Figure[] {
  const asked = (seen.filter(({ calls }) => calls === 1).length / seen.length) * 100;
  const shares = seen.flatMap(({ prefixShare }) => (prefixShare === undefined ? [] : [100 * prefixShare]));
  const grown = seen.filter(({ turn }) => turn > FULL_GROWN);
  const half = Math.floor(grown.length / 2);
  const sizes = (some: readonly Seen[]): number => median(some.map(({ bytes }) => bytes)) / 1024;
  return [
    figure(SUBJECT, "turns", seen.length, "turns"),
    figure(SUBJECT, "turns with one call of the model before the answer", asked, "%", { atLeast: 95 }),
    figure(SUBJECT, "cacheable prefix, median", median(shares), "%", { atLeast: 90 }),
    figure(SUBJECT, "requests whose prefix is at least 90 %", shareOf(shares, 90), "%"),
    ...(half === 0
      ? []
      : [
          figure(SUBJECT, `request from turn ${FULL_GROWN} on, median`, sizes(grown), "KiB"),
          figure(
            SUBJECT,
            "late half of those over the early half",
            sizes(grown.slice(half)) / sizes(grown.slice(0, half)),
            "ratio",
            { atMost: 1.1 },
          ),
        ]),
  ];
}

function shareOf(values: readonly number[], least: number): number {
  return (values.filter((value) => value >= least).length / values.length) * 100;
}
