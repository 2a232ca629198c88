// What made people do: all that may carry a secret from one circle to another.
import type { Message, Storyline } from "@troupe/contracts";
import { DEFAULT_SPACE_ID, textOf } from "@troupe/contracts";
import { derivedId, sessionIdFrom } from "../../server/src/kit/index.ts";
import type { Random } from "../../testing/src/simulator/index.ts";
import { OPERATORS_DEEDS } from "./deeds-of-operators.ts";
import type { House } from "./house.ts";
import type { Crowd, Place, Words } from "./people.ts";
import type { Truth } from "./truth.ts";

const options = { signal: new AbortController().signal };

/** What a deed works with. */
export interface Scene {
  readonly random: Random;
  readonly words: Words;
  readonly truth: Truth;
  readonly crowd: Crowd;
  readonly house: House;
  readonly at: number;
  readonly counts: Record<string, number>;
  /** Resolves with the last answer that came. */
  say(place: Place, text: string, files?: readonly SentFile[]): Promise<string>;
  /** Somebody with a key reads all that they can. */
  walk(): Promise<void>;
  restart(): Promise<void>;
  advance(ms: number): Promise<void>;
  /** Time that passes at a stroke. */
  sleep(ms: number): void;
  /** What was kept so far is found by its words from then on. */
  index(): Promise<void>;
}

export interface SentFile {
  readonly name: string;
  readonly content: Uint8Array;
}

export interface Deed {
  readonly name: string;
  readonly share: number;
  run(scene: Scene): Promise<unknown>;
}

export function pickDeed(random: Random): Deed {
  let left = random.next() * SHARES;
  for (const deed of DEEDS) {
    left -= deed.share;
    if (left < 0) return deed;
  }
  return DEEDS[0] as Deed;
}

/** Few places are talked in often, so that conversations grow long. */
function somewhere({ random, crowd }: Scene): Place {
  const { places } = crowd;
  const at = Math.floor(random.next() ** 2 * places.length);
  return places[random.chance(0.5) ? at : places.length - 1 - at] as Place;
}

function aGroup(scene: Scene): Place {
  return scene.random.pick(scene.crowd.places.filter(({ isGroup }) => isGroup));
}

/** A secret that all who are here know from now on. */
function secretOf(scene: Scene, place: Place): string {
  return scene.truth.tell(scene.crowd.readersOf(place));
}

const typed =
  (text: (scene: Scene, place: Place) => string): Deed["run"] =>
  (scene) => {
    const place = somewhere(scene);
    return scene.say(place, text(scene, place));
  };

const DEEDS: readonly Deed[] = [
  { name: "said", share: 36, run: typed((scene, place) => scene.words.saying(secretOf(scene, place))) },
  { name: "asked", share: 16, run: typed(({ words }) => words.question()) },
  {
    name: "remembered",
    share: 8,
    run: typed((scene, place) => `/remember ${scene.words.saying(secretOf(scene, place))}`),
  },
  { name: "facts", share: 8, run: typed((scene, place) => scene.words.fact(secretOf(scene, place))) },
  { name: "spread", share: 3, run: spread },
  { name: "memory lists", share: 5, run: typed(({ words }) => `/memory ${words.subject()}`) },
  { name: "all memories", share: 2, run: typed(() => "/memory") },
  { name: "recalls", share: 5, run: typed(({ words }) => `/recall ${words.question()}`) },
  { name: "whys", share: 6, run: typed(() => "/why") },
  { name: "whys of memories", share: 4, run: typed(({ words }) => `/why ${words.subject()}`) },
  { name: "forgotten", share: 1, run: typed(({ words }) => `/forget ${words.subject()}`) },
  { name: "storylines", share: 4, run: typed(() => "/storyline") },
  { name: "chosen storylines", share: 4, run: typed(({ random }) => `/storyline ${random.int(1, 5)}`) },
  { name: "sessions", share: 3, run: typed(() => "/sessions") },
  { name: "inboxes", share: 1, run: typed(() => "/inbox") },
  { name: "backs", share: 2, run: typed(() => "/back") },
  { name: "files", share: 5, run: sendFile },
  { name: "joined", share: 8, run: join },
  { name: "left", share: 7, run: leave },
  { name: "branches", share: 3, run: branch },
  { name: "links", share: 4, run: link },
  { name: "codes in groups", share: 1, run: (scene) => scene.say(aGroup(scene), "/link") },
  { name: "codes that nobody was told", share: 1, run: typed(() => "/link 0000-0000") },
  { name: "undone links", share: 3, run: unlink },
  { name: "restarts", share: 1, run: (scene) => scene.restart() },
  { name: "merges", share: 3, run: mend("merge") },
  { name: "splits", share: 3, run: mend("split") },
  { name: "moves", share: 3, run: mend("turns") },
  { name: "reminders in groups", share: 3, run: remindGroup },
  { name: "lists of jobs", share: 2, run: typed(() => "/jobs") },
  { name: "walks over HTTP", share: 1, run: (scene) => scene.walk() },
  { name: "minutes", share: 4, run: (scene) => scene.advance(60_000) },
  ...OPERATORS_DEEDS,
];
const SHARES = DEEDS.reduce((sum, { share }) => sum + share, 0);

/** The very same words in another circle, whose people know it from then on too. */
async function spread(scene: Scene): Promise<void> {
  const from = somewhere(scene);
  const to = somewhere(scene);
  const secret = secretOf(scene, from);
  const text = `/remember ${scene.words.saying(secret)}`;
  await scene.say(from, text);
  scene.truth.tell(scene.crowd.readersOf(to), secret);
  await scene.say(to, text);
}

const PRIVATE = (scene: Scene): readonly Place[] => scene.crowd.places.filter(({ isGroup }) => !isGroup);

/** Somebody is told a code in one private chat and types it in another. */
async function link(scene: Scene): Promise<void> {
  const { random, crowd, truth, counts } = scene;
  const from = random.pick(PRIVATE(scene));
  const to = random.pick(PRIVATE(scene).filter(({ platform }) => platform !== from.platform));
  const code = /[0-9A-Z]{4}-[0-9A-Z]{4}/.exec(await scene.say(from, "/link"))?.[0];
  if (code === undefined) throw new Error(`No code was told in ${from.target}.`);
  const isMistaken = random.chance(0.2);
  // Whoever mistypes proves nothing.
  const typedCode = isMistaken ? code.split("").toReversed().join("") : code;
  if (!isMistaken) truth.link(crowd.readersOf(from)[0] as string, crowd.readersOf(to)[0] as string);
  await scene.say(to, `/link ${typedCode.toLowerCase()}`);
  counts["links made"] = (counts["links made"] ?? 0) + (isMistaken ? 0 : 1);
  // What one of them told is asked for by the other.
  await scene.say(to, scene.words.question());
}

async function unlink(scene: Scene): Promise<void> {
  const place = scene.random.pick(PRIVATE(scene));
  scene.truth.unlink(scene.crowd.readersOf(place)[0] as string);
  await scene.say(place, "/link undo");
  await scene.say(place, scene.words.question());
}

async function sendFile(scene: Scene): Promise<void> {
  const place = somewhere(scene);
  const name = secretOf(scene, place);
  const content = Buffer.from(`A private note: ${secretOf(scene, place)}`);
  await scene.say(place, scene.words.saying(secretOf(scene, place)), [{ name: `${name}.txt`, content }]);
}

async function join(scene: Scene): Promise<void> {
  const place = aGroup(scene);
  place.members.add(scene.random.pick(scene.crowd.names));
  await scene.say(
    place,
    scene.random.pick([
      "/storyline",
      "/why",
      "/sessions",
      ...Array.from({ length: 3 }, scene.words.question),
    ]),
  );
}

async function leave(scene: Scene): Promise<void> {
  const place = aGroup(scene);
  if (place.members.size > 1) place.members.delete(scene.random.pick([...place.members]));
  await scene.say(place, scene.words.saying(secretOf(scene, place)));
}

/** It is told hours later, when others may have come and somebody may have left. */
async function remindGroup(scene: Scene): Promise<void> {
  const { random, crowd } = scene;
  const place = aGroup(scene);
  const words = `think of the ${scene.words.subject()} and ${secretOf(scene, place)}`;
  await scene.say(place, `/remind in 2 hours to ${words}`);
  if (random.chance(0.5)) {
    place.members.add(random.pick(crowd.names));
    await scene.say(place, random.pick(["/jobs", scene.words.question()]));
  }
}

/** The conversation goes on from somewhere in its past, as another one. */
async function branch(scene: Scene): Promise<void> {
  const { house, random } = scene;
  const place = somewhere(scene);
  if (place.sessionId === undefined) return;
  const { sessions, unit } = house.stores;
  const parent = await sessions.get(place.sessionId, options);
  const messages = await sessions.messages({ sessionId: place.sessionId, newest: true, limit: 20 }, options);
  const from = pickOne(messages.items, random);
  if (parent === undefined || from === undefined) return;
  const key = `${place.key}-b${scene.at}`;
  const id = sessionIdFrom({ ...parent, key });
  await unit.commit(
    [
      sessions.branch({
        ...{ id, key, parentId: parent.id, messageId: from.id, isIncluded: true, name: undefined },
        ...{ storylineId: derivedId("storyline", id), at: scene.at },
      }),
    ],
    options,
  );
  place.key = key;
  place.sessionId = id;
  await scene.say(place, scene.words.question());
}

function pickOne(messages: readonly Message[], random: Random): Message | undefined {
  const said = messages.filter(({ role, parts }) => role === "user" && textOf(parts) !== "");
  return said.length === 0 ? undefined : random.pick(said);
}

function orderOf({ sessionId, title, updatedAt }: Storyline): string {
  return `${sessionId} ${updatedAt} ${title}`;
}

/** What an operator may do to storylines; that it is refused is an answer too. */
function mend(what: "merge" | "split" | "turns"): Deed["run"] {
  return async (scene) => {
    const { house, random, counts } = scene;
    const { storylines } = house.stores;
    const page = await storylines.list({ spaceId: DEFAULT_SPACE_ID, limit: 100 }, options);
    // Their ids follow from those of turns, and these from what else asked for one meanwhile.
    const items = page.items.toSorted((a, b) => (orderOf(a) < orderOf(b) ? -1 : 1));
    if (items.length < 2) return;
    const from = random.pick(items);
    const alike = items.filter((one) => one.id !== from.id && String(one.audience) === String(from.audience));
    const into = alike.length === 0 ? random.pick(items) : random.pick(alike);
    const turns = await storylines.turnsOf(from.id, 20, options);
    const turnId = turns.length === 0 ? undefined : random.pick(turns).turnId;
    if (what !== "merge" && turnId === undefined) return;
    const [id, body] =
      what === "merge"
        ? [from.id, { into: into.id }]
        : what === "split"
          ? [from.id, { turnId }]
          : [into.id, { turnId }];
    const route = house.faces.adminRoutes.find((one) => one.path.endsWith(`/${what}`));
    try {
      await route?.handle({
        ...{ params: { id }, query: new URLSearchParams(), json: async () => body, ...options },
        principal: { spaceId: DEFAULT_SPACE_ID, kind: "operator", id: "operator" },
      });
      counts[`${what} done`] = (counts[`${what} done`] ?? 0) + 1;
    } catch {
      counts["mending refused"] = (counts["mending refused"] ?? 0) + 1;
    }
  };
}
