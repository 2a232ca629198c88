// What operators give an agent, and what passes while nobody talks: documents, files and nights.
import { DEFAULT_SPACE_ID, EVERYONE } from "@troupe/contracts";
import type { Deed, Scene } from "./deeds.ts";
import { writeByHand } from "./own-files.ts";
import type { Place } from "./people.ts";

const options = { signal: new AbortController().signal };
const DAY_MS = 86_400_000;
const HOUR_MS = 3_600_000;
/** Longer than what nobody asks for is kept. */
const LONG_DAYS = 75;

export const OPERATORS_DEEDS: readonly Deed[] = [
  { name: "documents", share: 5, run: giveDocument },
  { name: "files by hand", share: 5, run: writeFile },
  { name: "nights", share: 2, run: sleepLong },
  { name: "hours", share: 6, run: (scene) => scene.advance(3 * HOUR_MS) },
];

function agentOf({ platform }: Place): string {
  return platform === "west" ? "bob" : "ana";
}

/** For one person, for a group or for everybody; the same file again replaces what it said, for whomever it is now. */
async function giveDocument(scene: Scene): Promise<void> {
  const { random, crowd, truth, words, house } = scene;
  const place = random.pick(crowd.places);
  const isForAll = random.chance(0.2);
  const circle = isForAll ? crowd.people : crowd.readersOf(place);
  const subject = words.subject();
  const lines = [1, 2, 3].map(() => words.saying(truth.tell(circle)));
  const text = [`# The ${subject} ${truth.tell(circle)}`, ...lines].join("\n\n## More\n\n");
  await house.knowledge.add(
    {
      ...{ spaceId: DEFAULT_SPACE_ID, agentId: agentOf(place), mediaType: "text/markdown" },
      ...{ audience: isForAll ? [EVERYONE] : circle, bytes: Buffer.from(text) },
      ...{ source: `/files/${subject}.md`, name: `${subject}.md` },
    },
    options,
  );
  await scene.index();
  // Somebody who may know it asks for it, and so does somebody else.
  for (const asks of [place, random.pick(crowd.places)])
    await scene.say(asks, `What do you know of the ${subject}?`);
}

async function writeFile(scene: Scene): Promise<void> {
  const { random, crowd, truth, words, house } = scene;
  const place = random.pick(crowd.places.filter(({ isGroup }) => !isGroup));
  const agentId = agentOf(place);
  if (random.chance(0.1)) {
    const text = words.saying(truth.tell(crowd.people));
    writeByHand(house.folder, { agentId, file: "SOUL.md" }, text);
  } else {
    const circle = crowd.readersOf(place);
    const file = random.pick(["USER.md", "MEMORY.md", `notes/${truth.tell(circle)}.md`]);
    const [person = ""] = circle;
    writeByHand(house.folder, { agentId, person, file }, words.saying(truth.tell(circle)));
  }
  await scene.say(place, words.question());
}

/** What nobody asked for fades, and of several of one circle a summary stays. */
async function sleepLong(scene: Scene): Promise<void> {
  scene.sleep(LONG_DAYS * DAY_MS);
  await scene.advance(2 * HOUR_MS);
  await scene.index();
  for (let n = 0; n < 4; n++) await scene.say(scene.random.pick(scene.crowd.places), scene.words.question());
}
