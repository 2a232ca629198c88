// What people say to an agent over months, made from patterns: errands, thanks, what they tell of themselves in ever other words,
// corrections, questions about what they told, and now and then something that must not be kept.
import { makeChats } from "./made-chats.ts";
import { createRandom } from "./random.ts";

/** What one person may truly tell of themselves; of `home` and `work` the last one told is true. */
export interface Person {
  readonly id: string;
  readonly values: readonly string[];
  /** The next turn's text; some belong to conversations that go on for several turns. */
  next(): { readonly text: string; readonly isNewConversation: boolean };
}

const NAMES = "Olena|Petro|Kate|Marta|Ivan|Daryna|Max|Sofia|Yurii|Nadia|Oskar|Lena".split("|");
const TOWNS = "Lviv|Odesa|Krakow|Vienna|Leeds|Norwich|Poltava|Graz".split("|");
const WORK =
  "a nurse|a baker|a teacher|a bus driver|an architect|a violin maker|a librarian|a gardener".split("|");
const PETS = "Mia|Bruno|Luna|Rocky|Pixel|Murka".split("|");
const COLOURS = "green|orange|dark blue|yellow|violet".split("|");
const ALLERGIES = "peanuts|strawberries|shellfish|pollen".split("|");
const MONTHS = "March|May|July|September|November".split("|");
const SMALL = "Thanks!|Ok.|Good morning!|Great, thank you.|Hm.|See you tomorrow.|Дякую!|Привіт!".split("|");

/** Shares of turns; the rest are errands. */
const TELLS = 0.14;
const CORRECTS = 0.015;
const ASKS = 0.1;
const CHATS = 0.13;
const SECRETS = 0.005;
const USES_TOOL = 0.03;
const NEW_CONVERSATION = 0.04;
const ERRANDS = 400;

export function makePeople(count: number, seed: number): readonly Person[] {
  const chats = makeChats(ERRANDS, seed).map((lines) => lines.filter((_, at) => at % 2 === 0));
  return Array.from({ length: count }, (_, n) => makePerson(`person-${n}`, seed * 1_000 + n, chats));
}

function makePerson(id: string, seed: number, chats: readonly (readonly string[])[]): Person {
  const random = createRandom(seed);
  const pick = <T>(values: readonly T[]): T => values[Math.floor(random() * values.length)] as T;
  const known = {
    ...{ name: pick(NAMES), pet: pick(PETS), colour: pick(COLOURS), allergy: pick(ALLERGIES) },
    birthday: `${pick(MONTHS)} ${1 + Math.floor(random() * 28)}`,
  };
  const now = { home: pick(TOWNS), work: pick(WORK) };
  const values = new Set<string>([...Object.values(known), ...Object.values(now)]);
  let errand: string[] = [];

  const tell = (): string =>
    pick([
      ...[`My name is ${known.name}.`, `Hello, my name is ${known.name}`, `Please call me ${known.name}.`],
      ...[`I live in ${now.home}.`, `I'm living in ${now.home} now.`, `By the way, I live in ${now.home}!`],
      ...[`I work as ${now.work}.`, `I work as ${now.work}, as you know.`],
      ...[`My cat is called ${known.pet}.`, `My cat's name is ${known.pet}!`],
      ...[`My favourite colour is ${known.colour}.`, `my favorite colour is ${known.colour}`],
      ...[`I'm allergic to ${known.allergy}.`, `I am allergic to ${known.allergy}!`],
      ...[`My birthday is on ${known.birthday}.`, `My birthday is ${known.birthday}.`],
    ]);
  const correct = (): string => {
    if (random() < 0.5) {
      now.home = pick(TOWNS);
      values.add(now.home);
      return `I just moved to ${now.home}.`;
    }
    now.work = pick(WORK);
    values.add(now.work);
    return `I work as ${now.work} now.`;
  };
  const ask = (): string =>
    pick([
      ...["What is my name?", "Where do I live?", "What is my cat called?", "When is my birthday?"],
      ...["What do I do for a living?", "What am I allergic to?", "Which colour do I like best?"],
    ]);
  const secret = (): string =>
    `My password is ${Math.floor(random() * 1e9).toString(36)}-Xy7!q, keep it safe.`;

  /** In the order in which a share of all turns falls to each. */
  const kinds: readonly (readonly [share: number, () => string])[] = [
    ...([
      [TELLS, tell],
      [CORRECTS, correct],
      [ASKS, ask],
      [CHATS, () => pick(SMALL)],
      [SECRETS, secret],
      [USES_TOOL, () => `Please keep note ${Math.floor(random() * 1e6)}, use the tool`],
    ] as const),
  ];
  return {
    id,
    get values() {
      return [...values];
    },
    next() {
      const isNewConversation = errand.length === 0 && random() < NEW_CONVERSATION;
      let share = random();
      for (const [of, say] of kinds) {
        if (share < of) return { text: say(), isNewConversation };
        share -= of;
      }
      if (errand.length === 0) errand = [...pick(chats)];
      return { text: errand.shift() as string, isNewConversation };
    },
  };
}
