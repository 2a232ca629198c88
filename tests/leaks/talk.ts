// Lets made people talk for a while, with everything that may carry a secret from one circle to another, and looks at what they see.
import { createHash } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import type { AcceptResult, Audience, Logger, MessagePart, Stores } from "@troupe/contracts";
import { DEFAULT_SPACE_ID } from "@troupe/contracts";
import { createIdGenerator, createMetrics } from "../../server/src/kit/index.ts";
import { createManualClock, type ManualClock } from "../../testing/src/manual-clock.ts";
import { createMemoryBlobs } from "../../testing/src/memory-blobs.ts";
import { createRandom } from "../../testing/src/simulator/index.ts";
import { createTestStores, type StoreKind, type TestStores } from "../lab/test-store.ts";
import { pickDeed, type Scene, type SentFile } from "./deeds.ts";
import { keepKeys } from "./faces.ts";
import { createGossip } from "./gossip.ts";
import { type House, openHouse } from "./house.ts";
import { createOnFaces, isOnFace, ownerOf } from "./on-faces.ts";
import { type KeyHolder, makeCrowd, makeWords, type Place } from "./people.ts";
import { createTruth, type Leak, type Truth } from "./truth.ts";
import type { Thing } from "./walk.ts";

const options = { signal: new AbortController().signal };

/** More than the longest chain of work behind one deed. */
const SETTLE_ROUNDS = 500;
/** The longest that a turn may take on a busy machine, of real time. */
const SETTLE_MS = 60_000;
/** After so many, what is waited for is a disk or a thread. */
const QUICK_ROUNDS = 5;
/** What became due, what follows from it, and its delivery. */
const PASS_ROUNDS = 3;
const PASS_STEP_MS = 100;

export interface TalkSize {
  readonly people: number;
  readonly groups: number;
  /** Things that are done, one after the other. */
  readonly deeds: number;
}

export interface TalkResult {
  readonly seed: number;
  readonly leaks: readonly Leak[];
  /** What went wrong beside, which would make the rest say little. */
  readonly troubles: readonly string[];
  readonly counts: Readonly<Record<string, number>>;
}

/** A broken piece, for showing that the looks find something. */
export interface LeakMutation {
  readonly name: string;
  readonly stores: (own: Stores) => Stores;
  /** What the product calls a peer of a platform, given what it should call them. */
  readonly nameOnPlatform?: (name: string) => string;
  /** For whom meanings are searched, in place of those who read. */
  readonly readersByMeaning?: (readers: Audience) => Audience;
  /** Whose files are shown to a reader. */
  readonly namesOfReader?: (name: string) => readonly string[];
}

export interface Talking extends AsyncDisposable {
  run(seed: number, size: TalkSize, mutation?: LeakMutation): Promise<TalkResult>;
}

export function createTalking(kind: StoreKind): Talking {
  const stores = createTestStores(kind);
  return {
    run: (seed, size, mutation) => runTalk(stores, seed, size, mutation),
    [Symbol.asyncDispose]: () => stores[Symbol.asyncDispose](),
  };
}

async function runTalk(
  testStores: TestStores,
  seed: number,
  size: TalkSize,
  mutation: LeakMutation | undefined,
): Promise<TalkResult> {
  const clock = createManualClock();
  const troubles: string[] = [];
  const folder = mkdtempSync(join(tmpdir(), "troupe-leaks-"));
  const logger = troubledBy(troubles);
  const opened = await testStores.open({
    ...{ clock, ids: createIdGenerator(clock), logger, metrics: createMetrics() },
    leaseClock: () => clock.now(),
  });
  try {
    const stores = mutation?.stores(opened.stores) ?? opened.stores;
    const talk = createTalk({ seed, size, clock, logger, stores, mutation, folder, troubles });
    await talk.begin();
    // Of a broken piece one leak is enough.
    const isEnough = (): boolean => mutation !== undefined && talk.truth.leaks.length > 0;
    for (let deed = 0; deed < size.deeds && !isEnough(); deed++) await talk.doSomething(deed);
    await talk.end();
    const { truth, counts } = talk;
    const { leaks, seen, secrets } = truth;
    const kept = await stores.memories.counts({ spaceId: DEFAULT_SPACE_ID }, options);
    const memories = kept.reduce((sum, { open, closed }) => sum + open + closed, 0);
    return { seed, leaks, troubles, counts: { ...counts, secrets, seen, memories, leaks: leaks.length } };
  } finally {
    await opened.close();
    rmSync(folder, { recursive: true, force: true });
  }
}

/** For people: what leaked, and how to see it again. */
export function describeLeaks({ seed, leaks }: TalkResult): string {
  const lines = leaks.slice(0, 10).map(({ secret, where, readers, at }) => {
    return `  deed ${at}: ${secret} in ${where}, which ${readers.join(", ")} read`;
  });
  return [
    `Seed ${seed} leaked ${leaks.length} times. See it again: npm run leaks -- --seed ${seed}`,
    ...lines,
  ].join("\n");
}

function troubledBy(troubles: string[]): Logger {
  const note = (level: string) => (event: string, fields?: Record<string, unknown>) => {
    const { error, ...rest } = fields ?? {};
    const about = Object.entries(rest).map(([name, value]) => `${name}=${String(value)}`);
    troubles.push([level, event, ...about, error === undefined ? "" : String(error)].join(" "));
  };
  const logger: Logger = {
    debug() {},
    info() {},
    warn: note("warn"),
    error: note("error"),
    child: () => logger,
  };
  return logger;
}

interface TalkDeps {
  readonly seed: number;
  readonly size: TalkSize;
  readonly clock: ManualClock;
  readonly logger: Logger;
  readonly stores: Stores;
  readonly mutation: LeakMutation | undefined;
  /** Where agents have files of their own. */
  readonly folder: string;
  readonly troubles: string[];
}

interface Talk {
  readonly truth: Truth;
  readonly counts: Record<string, number>;
  begin(): Promise<void>;
  doSomething(deed: number): Promise<void>;
  end(): Promise<void>;
}

function createTalk({ seed, size, clock, logger, stores, mutation, folder, troubles }: TalkDeps): Talk {
  const random = createRandom(seed);
  const words = makeWords(random.fork("words"));
  const crowd = makeCrowd(random.fork("crowd"), size);
  const truth = createTruth();
  const blobs = createMemoryBlobs({ clock });
  const counts: Record<string, number> = {};
  const count = (what: string): void => {
    counts[what] = (counts[what] ?? 0) + 1;
  };
  let now = 0;
  /** Where somebody speaks: the place of a conversation that begins. */
  let here: Place | undefined;
  /** Whose prompts are of which place, however late they come. */
  const placeOfSession = new Map<string, Place>();
  const codes = random.fork("codes");
  let houses = 0;
  let sent = 0;
  let heard = "";
  let house: House;
  const files: Thing[] = [];

  const model = createGossip({
    random: random.fork("gossip"),
    words,
    onPrompt(text, { sessionId, run }) {
      count("prompts");
      if (run !== undefined) count("prompts of jobs");
      const ofRun = crowd.places.find((one) => `${one.platform} ${one.target}` === run);
      const place = placeOfSession.get(sessionId) ?? ofRun ?? here;
      if (place === undefined) {
        troubles.push(`deed ${now}: a prompt of a conversation that nobody began`);
        return undefined;
      }
      truth.look(text, crowd.readersOf(place), `a prompt for ${place.target}`, now);
      return `${place.platform} ${place.target}`;
    },
  });
  const open = async (): Promise<void> => {
    house = await openHouse({
      ...{ id: `house-${++houses}`, clock, stores, blobs, logger, model },
      nameOnPlatform: mutation?.nameOnPlatform ?? ((name) => name),
      folder,
      namesOfReader: mutation?.namesOfReader,
      readersByMeaning: mutation?.readersByMeaning,
      random: () => 0.5,
      randomBytes: (length) => Uint8Array.from({ length }, () => codes.int(0, 255)),
      onArrival(platform, { target, text }) {
        count("replies");
        const place = crowd.places.find((one) => one.platform === platform && one.target === target);
        heard = text;
        if (place === undefined) throw new Error(`A reply to ${platform} ${target}, which is nowhere.`);
        truth.look(text, crowd.readersOf(place), `a reply in ${target}`, now);
      },
    });
    await clock.settle();
  };
  const areTurnsOver = async (): Promise<boolean> => {
    const query = { spaceId: DEFAULT_SPACE_ID, states: ["queued", "running"], limit: 1 } as const;
    return (await stores.turns.list(query, options)).items.length === 0;
  };
  const isQuiet = async (): Promise<boolean> => {
    const [areOver, lanes] = await Promise.all([
      areTurnsOver(),
      stores.effects.lanes(DEFAULT_SPACE_ID, options),
    ]);
    return areOver && lanes.every(({ running, due }) => running + due === 0);
  };
  // Threads that read take real time, and what comes next must not depend on it. No turn is left under way: who reads a place may
  // be others with the next deed. Work of nights may wait for a timer of this clock.
  const settle = async (): Promise<void> => {
    const untilMs = performance.now() + SETTLE_MS;
    for (let round = 0; performance.now() < untilMs; round++) {
      await clock.settle();
      if (round > 0 && (await isQuiet())) return;
      if (round >= SETTLE_ROUNDS && (await areTurnsOver())) return;
      if (round > QUICK_ROUNDS) await setTimeout(1);
    }
    throw new Error(`A turn of deed ${now} does not come to an end. See it again with the seed ${seed}.`);
  };
  // At a stroke: disks and threads take no time of this clock, and what they are asked for must not be found late by it.
  const pass = async (ms: number): Promise<void> => {
    here = undefined;
    clock.sleep(ms);
    for (let round = 0; round < PASS_ROUNDS; round++) {
      await clock.advance(PASS_STEP_MS);
      await settle();
    }
  };
  const index = async (): Promise<void> => {
    while ((await stores.search.indexNew(200, options)) > 0);
    counts.embedded = (counts.embedded ?? 0) + (await house.embed());
  };
  const bring = async (place: Place, text: string, sentFiles: readonly SentFile[]): Promise<void> => {
    const parts: MessagePart[] = [];
    for (const { name, content } of sentFiles) {
      const blob = { spaceId: DEFAULT_SPACE_ID, content, maxBytes: 10_000 };
      const { id, sizeBytes } = await blobs.put(blob, options);
      parts.push({ type: "file", blobId: id, mediaType: "text/plain", sizeBytes, name });
    }
    const author = [...place.members][sent % place.members.size] ?? "";
    const result = await house.bring(place.platform, {
      author: { peerId: author, name: `Somebody ${author}` },
      ...{ sessionKey: place.key, peerId: place.peerId, audience: [...place.members] },
      ...{ trigger: "chat", lane: "realtime", debounceMs: 0, receivedAt: clock.now() },
      ...{ platformId: `m${++sent}`, replyTo: { channel: place.platform, target: place.target } },
      parts: [...parts, { type: "text", text }],
    });
    place.sessionId = sessionIn(result);
    placeOfSession.set(place.sessionId, place);
    await settle();
  };
  const onFaces = createOnFaces({
    ...{ house: () => house, stores, crowd, words, truth, random, troubles, count, settle, at: () => now },
  });
  const walk = async (holder: KeyHolder): Promise<void> => {
    here = undefined;
    await onFaces.walk(holder, files);
  };
  const scene = (): Scene => ({
    ...{ random, words, truth, crowd, house, at: now, counts },
    async say(place, text, sentFiles = []) {
      here = place;
      heard = "";
      for (const { content } of sentFiles) {
        const id = createHash("sha256").update(content).digest("hex");
        files.push({ id, ownerId: ownerOf(place) });
      }
      if (isOnFace(place)) {
        heard = await onFaces.say(place, text, sentFiles);
        placeOfSession.set(place.sessionId ?? "", place);
      } else await bring(place, text, sentFiles);
      return heard;
    },
    walk: () => walk(random.pick(crowd.keyHolders)),
    async restart() {
      await house[Symbol.asyncDispose]();
      await open();
    },
    advance: (ms) => pass(ms),
    sleep: (ms) => clock.sleep(ms),
    index,
  });
  return {
    ...{ truth, counts },
    async begin() {
      await open();
      await keepKeys(
        stores,
        crowd.keyHolders.map(({ keyId }) => keyId),
        clock.now(),
      );
    },
    async doSomething(deed) {
      now = deed;
      const { name, run } = pickDeed(random);
      count(name);
      await run(scene());
      await index();
      if (deed % 10 === 9) await pass(2_000);
    },
    async end() {
      await pass(60_000);
      for (const holder of crowd.keyHolders) await walk(holder);
      await house[Symbol.asyncDispose]();
    },
  };
}

function sessionIn(result: AcceptResult): string {
  if (result.kind !== "accepted") throw new Error(`A message was not taken: ${JSON.stringify(result)}`);
  return result.sessionId;
}
