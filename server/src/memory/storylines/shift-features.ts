import { blendOf, nearness } from "./meaning.ts";
import { sharedOf } from "./rarity.ts";
import type { Said } from "./said.ts";
import { SIGN_NAMES } from "./signs.ts";

/** A message that was said, and the ones before it in its storyline, oldest first; six are enough. */
export interface Follow {
  readonly said: Said;
  readonly before: readonly Said[];
  /** How many messages came before it, kept or not. */
  readonly position: number;
}

/** Tells a name and its amount; a name may come once. */
export type Tell = (name: string, amount: number) => void;

/** Past this the beginning of a message has said what it is about. */
const MAX_WORDS = 30;

/** Everything that speaks for or against a message leaving its subject: amounts by name, so that words can be names too. */
export function tellFollow({ said, before, position }: Follow, tell: Tell): void {
  const last = before.at(-1);
  if (last === undefined) return;
  const second = before.at(-2);
  const older = new Set(before.slice(0, -2).flatMap(({ stems }) => [...stems]));
  const withLast = sharedOf(said.stems, last.stems);
  const withSecond = sharedOf(said.stems, second?.stems ?? new Set());
  const withOlder = sharedOf(said.stems, older);
  const shares = withLast.sum + withSecond.sum > 0;
  tell("position", Math.log(position) / 3);
  if (position <= 2) tell(`position ${position}`, 1);
  told(tell, "shared with last", withLast.sum);
  told(tell, "rarest with last", withLast.rarest);
  told(tell, "shared with second", withSecond.sum);
  told(tell, "shared with older", withOlder.sum);
  if (withLast.sum > 0) tell("shares with last", 1);
  if (withSecond.sum > 0) tell("shares with second", 1);
  if (withOlder.sum > 0) tell("shares with older", 1);
  const fresh =
    said.stems.size -
    [...said.stems].filter((stem) => last.stems.has(stem) || second?.stems.has(stem)).length;
  told(tell, "fresh", Math.min(fresh, 6) / 3);
  tell("length", Math.log(1 + said.words.length));
  tell("length of last", Math.log(1 + last.words.length));
  tell("length of last sentence", Math.log(1 + said.words.length - said.lastSentenceAt));
  tell("sentences", said.sentences);
  tellMeaning(said, before, tell);
  tellQuestions(said, last, second, shares, tell);
  tellSigns(said, last, withLast.sum > 0, tell);
  tellWords(said, last, tell);
}

/** How near it is to the messages before it. */
function tellMeaning({ meaning, lastMeaning }: Said, before: readonly Said[], tell: Tell): void {
  const near = before.slice(-4).map((one) => one.meaning);
  const last = near.at(-1);
  if (last === undefined || last.length !== meaning.length) return;
  const second = near.at(-2);
  const blend = blendOf(near, 0.6);
  tell("near last", nearness(meaning, last));
  tell("near blend", nearness(meaning, blend));
  tell("ending near last", nearness(lastMeaning, last));
  tell("ending near blend", nearness(lastMeaning, blend));
  if (second !== undefined) {
    tell("near second", nearness(meaning, second));
    tell("ending near second", nearness(lastMeaning, second));
  }
}

function told(tell: Tell, name: string, amount: number): void {
  if (amount > 0) tell(name, amount);
}

function tellQuestions(said: Said, last: Said, second: Said | undefined, shares: boolean, tell: Tell): void {
  if (said.isQuestion) tell("asks", 1);
  if (last.isQuestion) tell("last asked", 1);
  if (second?.endsAsking === true) tell("second asked", 1);
  tell(`${last.endsAsking ? "asked" : "said"} ${said.endsAsking ? "asks" : "says"}`, 1);
  if (said.endsAsking && said.sentences > 1) tell("says and asks", 1);
  if (!shares && said.endsAsking) tell("asks anew", 1);
  if (!shares && !said.endsAsking && !last.endsAsking) tell("says anew", 1);
}

function tellSigns(said: Said, last: Said, shares: boolean, tell: Tell): void {
  for (const sign of SIGN_NAMES) {
    if (last.signs[sign]) tell(`last ${sign}`, 1);
    if (!said.signs[sign]) continue;
    tell(`this ${sign}`, 1);
    tell(`${sign} ${last.endsAsking ? "asked" : "said"} ${said.endsAsking ? "asks" : "says"}`, 1);
    if (shares) tell(`${sign} shares`, 1);
    for (const other of SIGN_NAMES) if (last.signs[other]) tell(`${other} then ${sign}`, 1);
  }
}

/** Words and pairs of words, and with what words the message, its last sentence and the one before it begin. */
function tellWords(said: Said, last: Said, tell: Tell): void {
  const words = said.words.slice(0, MAX_WORDS);
  for (const word of new Set(words)) tell(`w ${word}`, 1);
  for (const pair of new Set(words.slice(1).map((word, at) => `${words[at]} ${word}`))) tell(`b ${pair}`, 1);
  tell(`f ${words[0] ?? ""}`, 1);
  tell(`f ${words.slice(0, 2).join(" ")}.`, 1);
  const ending = said.words.slice(said.lastSentenceAt, said.lastSentenceAt + 3);
  if (said.sentences > 1) {
    tell(`l ${ending[0] ?? ""}`, 1);
    tell(`l ${ending.slice(0, 2).join(" ")}.`, 1);
  }
  tell(`e ${ending.join(" ")}`, 1);
  for (const word of new Set(last.words.slice(0, MAX_WORDS))) tell(`p ${word}`, 0.5);
}
