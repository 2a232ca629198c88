// Made people and the places where they talk: private chats and groups on three platforms.
import type { Random } from "../../testing/src/simulator/index.ts";

/** All platforms give people the same names, which are different people. */
export const PLATFORMS = ["north", "south", "west"] as const;
/** People who come over HTTP: at `web` everybody has a key of their own, at `app` all share one. */
export const FACES = ["web", "app"] as const;
export type FaceId = (typeof FACES)[number];
export type PlatformId = (typeof PLATFORMS)[number] | FaceId;

/** A person on one platform, as the truth knows them: `north/u3`. */
export function personOf(platform: PlatformId, name: string): string {
  return `${platform}/${name}`;
}

/** Whose conversations somebody's are over HTTP: the id of their key. */
export function keyIdOf(face: FaceId, name: string): string {
  return face === "web" ? personOf(face, name) : face;
}

/** Where people talk with the agent. */
export interface Place {
  readonly platform: PlatformId;
  readonly target: string;
  /** Conversation as the platform calls it. A branch of it has a key of its own. */
  key: string;
  readonly peerId: string;
  readonly isGroup: boolean;
  /** Names on the platform of whoever is there now. */
  readonly members: Set<string>;
  sessionId: string | undefined;
}

/** Who holds a key: one person, or all who share it. What any of them knows the holder may read. */
export interface KeyHolder {
  readonly keyId: string;
  readonly people: readonly string[];
}

export interface Crowd {
  readonly names: readonly string[];
  /** Everybody there is, as the truth knows them. */
  readonly people: readonly string[];
  readonly keyHolders: readonly KeyHolder[];
  readonly places: readonly Place[];
  readersOf(place: Place): readonly string[];
}

export function makeCrowd(random: Random, size: { readonly people: number; readonly groups: number }): Crowd {
  const names = Array.from({ length: Math.ceil(size.people / PLATFORMS.length) }, (_, n) => `u${n}`);
  const places: Place[] = [];
  for (const platform of PLATFORMS) {
    for (const name of names) {
      const about = { platform, target: `dm-${name}`, key: `dm-${name}`, sessionId: undefined };
      places.push({ ...about, peerId: name, isGroup: false, members: new Set([name]) });
    }
    for (let n = 0; n < size.groups / PLATFORMS.length; n++) {
      const members = new Set(Array.from({ length: random.int(2, 6) }, () => random.pick(names)));
      const about = { platform, target: `group-${n}`, key: `group-${n}`, sessionId: undefined };
      // Some platforms name the group, others whoever opened it, who has a private chat under the same name.
      const peerId = random.chance(0.5) ? `g${n}` : ([...members][0] as string);
      places.push({ ...about, peerId, isGroup: true, members });
    }
  }
  const faceNames = names.slice(0, Math.ceil(names.length / 3));
  for (const face of FACES)
    for (const name of faceNames) {
      const about = { platform: face, target: `dm-${name}`, key: `dm-${name}`, sessionId: undefined };
      places.push({ ...about, peerId: name, isGroup: false, members: new Set([name]) });
    }
  const onFace = (face: FaceId): string[] => faceNames.map((name) => personOf(face, name));
  return {
    names,
    places,
    people: [
      ...PLATFORMS.flatMap((platform) => names.map((name) => personOf(platform, name))),
      ...FACES.flatMap(onFace),
    ],
    keyHolders: [
      ...onFace("web").map((person) => ({ keyId: person, people: [person] })),
      { keyId: "app", people: onFace("app") },
    ],
    readersOf: ({ platform, members }) => [...members].map((name) => personOf(platform, name)),
  };
}

const SUBJECTS = [
  ["garden", "roses", "gravel", "watering"],
  ["voyage", "ferry", "luggage", "harbour"],
  ["wedding", "cake", "orchestra", "invitations"],
  ["kitchen", "pumpkin", "garlic", "saucepan"],
  ["violin", "lessons", "bow", "concert"],
  ["taxes", "receipts", "accountant", "deadline"],
  ["puppy", "vet", "leash", "kennel"],
  ["bicycle", "brakes", "tyres", "workshop"],
] as const;

export interface Words {
  subject(): string;
  /** A sentence that carries a secret, somewhere. */
  saying(secret: string): string;
  /** One by which rules learn a fact. */
  fact(secret: string): string;
  question(): string;
}

export function makeWords(random: Random): Words {
  const pair = (): readonly [string, string, string] => {
    const [first, ...others] = random.pick(SUBJECTS);
    return [first, random.pick(others), random.pick(others)];
  };
  return {
    subject: () => pair()[0],
    saying(secret) {
      const [a, b, c] = pair();
      return random.pick([
        `${secret} is our word for the ${a}. We still need the ${b} and the ${c}.`,
        `About the ${a}: the ${b} comes with the ${c}, and the code is ${secret}.`,
        `The ${a} costs ${secret} with ${b}, please keep the ${c} in mind.`,
        `Yes, and the ${b} is ${secret}.`,
      ]);
    },
    fact: (secret) =>
      random.pick([
        `My cat is called ${secret}.`,
        `I live in ${secret}.`,
        `I work as ${secret}.`,
        `My favourite colour is ${secret}.`,
        `My name is ${secret}.`,
        `I came with my sister ${secret}.`,
        `${secret} knows about old boats.`,
      ]),
    question() {
      const [a, b, c] = pair();
      return random.pick([
        `What was it about the ${a} and the ${b}?`,
        `Who told you of the ${a}, and what is the code of the ${c}?`,
        `What do you know of the ${a}?`,
        `Hello! How much did the ${b} cost us?`,
        "What is my cat called, and where do I live?",
      ]);
    },
  };
}
