import { placesOf } from "./net.ts";
import { type Shared, sharedOf } from "./rarity.ts";
import { ANSWER_FEATURES, FRESH_FEATURES } from "./reply-names.ts";
import type { ReplyContext, WindowEntry } from "./reply-window.ts";

const FRESH = placesOf(FRESH_FEATURES);
const ANSWER = placesOf(ANSWER_FEATURES, FRESH_FEATURES.length);

/** The length of a row. */
export const REPLY_FEATURES: number = FRESH_FEATURES.length + ANSWER_FEATURES.length;

const MINUTE_MS = 60_000;
const CALLS_ANYONE = /\b(anyone|anybody|someone|somebody|how do|how can|does any|help|хтось|хто знає)\b/iu;

const is = (value: boolean): number => (value ? 1 : 0);
const minutesBetween = (left: WindowEntry, right: WindowEntry): number =>
  Math.max(0, Math.round((right.at - left.at) / MINUTE_MS));
const lengthOf = (entry: WindowEntry): number => Math.log(1 + entry.said.words.length) / 3;
/** Shared words count up to three. */
const bounded = ({ sum }: Shared): number => Math.min(sum, 3) / 2;
const reactsOf = ({ said: { signs } }: WindowEntry): boolean => signs.agrees || signs.denies || signs.cheers;

/** Visits a row for answering none, then one for each earlier message, newest first. The row is reused: copy what stays. */
export function eachReplyRow(context: ReplyContext, visit: (row: Float64Array) => void): void {
  const { entry, earlier } = context;
  const shared = earlier.map((one) => sharedOf(entry.said.stems, one.said.stems));
  const rarest = shared.reduce(
    (most, one, at) => (earlier[at]?.isSystem === true ? most : Math.max(most, one.rarest)),
    0,
  );
  const row = new Float64Array(REPLY_FEATURES);
  fillFresh(row, context, rarest);
  visit(row);
  for (const [at, one] of earlier.entries()) {
    row.fill(0);
    fillAnswer(row, context, one, shared[at] as Shared);
    visit(row);
  }
}

function fillFresh(row: Float64Array, { entry, earlier, toAuthor }: ReplyContext, rarest: number): void {
  const { said, previousOwn, number } = entry;
  const addresses = entry.targets.length > 0;
  const isFirst = previousOwn < 0;
  const last = earlier[0];
  row[FRESH.is] = 1;
  row[FRESH.isSystem] = is(entry.isSystem);
  row[FRESH.addresses] = is(addresses);
  row[FRESH.asks] = is(said.isQuestion && !addresses);
  row[FRESH.isFirst] = is(isFirst);
  row[FRESH.silence] = isFirst ? 0 : Math.min(1, Math.log(number - previousOwn) / 5);
  row[FRESH.greets] = is(said.signs.greets);
  row[FRESH.length] = lengthOf(entry);
  row[FRESH.isShort] = is(said.words.length <= 4);
  row[FRESH.rarestShared] = rarest;
  row[FRESH.sharesNothing] = is(rarest === 0);
  row[FRESH.requests] = is(said.signs.requests);
  row[FRESH.gap] = last === undefined ? 0 : Math.min(1, minutesBetween(last, entry) / 5);
  row[FRESH.asksAtFirst] = is(said.isQuestion && isFirst);
  row[FRESH.pointsBack] = is(said.signs.pointsBack);
  row[FRESH.isAddressed] = is(toAuthor >= 0);
  row[FRESH.asksAfterSilence] = is(said.isQuestion && !addresses && (isFirst || number - previousOwn > 15));
  row[FRESH.reacts] = is(reactsOf(entry));
  row[FRESH.connects] = is(said.signs.connects);
  row[FRESH.thanks] = is(said.signs.thanks);
  row[FRESH.goesOn] = is(!isFirst && number - previousOwn <= 3);
  row[FRESH.callsAnyone] = is(CALLS_ANYONE.test(entry.text));
}

function fillAnswer(row: Float64Array, context: ReplyContext, earlier: WindowEntry, shared: Shared): void {
  distanceIn(row, context.entry, earlier);
  if (earlier.isSystem || context.entry.isSystem) return;
  peopleIn(row, context, earlier);
  ownIn(row, context, earlier);
  addressedIn(row, context, earlier);
  wordsIn(row, context.entry, earlier, shared);
}

function distanceIn(row: Float64Array, entry: WindowEntry, earlier: WindowEntry): void {
  const distance = entry.number - earlier.number;
  const minutes = minutesBetween(earlier, entry);
  const far = Math.log(distance) / 4.6;
  row[ANSWER.distance1] = is(distance === 1);
  row[ANSWER.distance2] = is(distance === 2);
  row[ANSWER.distance3] = is(distance === 3);
  row[ANSWER.distance] = far;
  row[ANSWER.distanceSquared] = far * far;
  row[ANSWER.isFar] = is(distance > 20);
  row[ANSWER.sameMinute] = is(minutes === 0);
  row[ANSWER.nextMinute] = is(minutes === 1);
  row[ANSWER.after5Minutes] = is(minutes > 5);
  row[ANSWER.after15Minutes] = is(minutes > 15);
  row[ANSWER.minutes] = Math.log(1 + minutes) / 4;
  row[ANSWER.afterSystem] = is(earlier.isSystem);
  row[ANSWER.isSystem] = is(entry.isSystem);
  if (earlier.isSystem || entry.isSystem) row[ANSWER.systemOfSame] = is(entry.author === earlier.author);
}

/** Who wrote what lies between, and who talks with whom. */
function peopleIn(row: Float64Array, context: ReplyContext, earlier: WindowEntry): void {
  const { entry, newestOf, toAuthor, writtenSince } = context;
  const own = entry.author === earlier.author;
  const isNewest = newestOf.get(earlier.author) === earlier.number;
  const addresses = entry.targets.length > 0;
  const spokeSince = entry.previousOwn > earlier.number;
  row[ANSWER.spokeSince] = is(spokeSince && !own);
  row[ANSWER.spokeSinceUnaddressed] = is(spokeSince && !own && !addresses);
  row[ANSWER.newestOfOther] = is(isNewest && !own);
  row[ANSWER.writtenBetween] = own ? 0 : Math.min(1, writtenSince(earlier.author, earlier.number) / 4);
  row[ANSWER.ownBetween] = Math.min(1, writtenSince(entry.author, earlier.number) / 4);
  const isPartner = entry.partner === earlier.author;
  row[ANSWER.partner] = is(isPartner && !own);
  row[ANSWER.partnerNewest] = is(isPartner && isNewest && !own);
  row[ANSWER.partnerUnaddressed] = is(isPartner && !addresses && isNewest);
  row[ANSWER.partnerOfEarlier] = is(earlier.partner === entry.author && !own);
  row[ANSWER.calledSince] = is(toAuthor > earlier.number && !own && !addresses);
}

function ownIn(row: Float64Array, { entry, newestOf }: ReplyContext, earlier: WindowEntry): void {
  const own = entry.author === earlier.author;
  const addresses = entry.targets.length > 0;
  const addressed = earlier.targets.length > 0;
  const sameTarget = addresses && earlier.targets.some((target) => entry.targets.includes(target));
  row[ANSWER.sameTarget] = is(sameTarget);
  row[ANSWER.othersSameTarget] = is(sameTarget && !own);
  if (!own) return;
  const isNewest = newestOf.get(earlier.author) === earlier.number;
  const distance = entry.number - earlier.number;
  row[ANSWER.own] = 1;
  row[ANSWER.ownNext] = is(distance === 1);
  row[ANSWER.ownNewest] = is(isNewest);
  row[ANSWER.ownNewestUnaddressed] = is(isNewest && !addresses && !addressed);
  row[ANSWER.ownSameMinute] = is(isNewest && minutesBetween(earlier, entry) === 0);
  row[ANSWER.ownDistance] = Math.log(distance) / 4.6;
  row[ANSWER.ownSameTarget] = is(sameTarget);
  row[ANSWER.ownSameTargetNewest] = is(sameTarget && isNewest);
  row[ANSWER.ownOtherTarget] = is(addresses && addressed && !sameTarget);
  row[ANSWER.ownNewTarget] = is(addresses && !addressed);
  row[ANSWER.ownLostTarget] = is(!addresses && addressed);
}

function addressedIn(row: Float64Array, context: ReplyContext, earlier: WindowEntry): void {
  const { entry, newestOf, toAuthor, writtenSince } = context;
  const own = entry.author === earlier.author;
  const addresses = entry.targets.length > 0;
  const toEarlier = entry.targets.includes(earlier.author);
  const toThis = earlier.targets.includes(entry.author);
  const isNewest = newestOf.get(earlier.author) === earlier.number;
  const spokeSince = entry.previousOwn > earlier.number;
  const sameTarget = row[ANSWER.sameTarget] === 1;
  row[ANSWER.addressed] = is(toThis);
  row[ANSWER.addressedUnaddressed] = is(toThis && !addresses);
  row[ANSWER.newestToAuthor] = is(toThis && toAuthor === earlier.number);
  row[ANSWER.newestToAuthorDone] = is(toThis && toAuthor === earlier.number && spokeSince);
  row[ANSWER.addressedTurnsAway] = is(toThis && addresses && !toEarlier);
  row[ANSWER.turnsElsewhere] = is(addresses && !toEarlier && !own && !sameTarget);
  row[ANSWER.talksElsewhere] = is(earlier.targets.length > 0 && !toThis && !own && !sameTarget);
  if (!toEarlier) return;
  row[ANSWER.addresses] = 1;
  row[ANSWER.addressesNewest] = is(isNewest);
  row[ANSWER.addressesFirst] = is(entry.addressed === earlier.author);
  row[ANSWER.addressesDistance] = Math.log(entry.number - earlier.number) / 4.6;
  row[ANSWER.eachOther] = is(toThis);
  row[ANSWER.addressesAsker] = is(earlier.said.isQuestion);
  row[ANSWER.addressesUnaddressed] = is(earlier.targets.length === 0);
  row[ANSWER.addressesOtherTalk] = is(earlier.targets.length > 0 && !toThis);
  row[ANSWER.addressesAgain] = is(spokeSince);
  row[ANSWER.addressesBetween] = Math.min(1, writtenSince(earlier.author, earlier.number) / 4);
}

function wordsIn(row: Float64Array, entry: WindowEntry, earlier: WindowEntry, shared: Shared): void {
  const { said } = entry;
  const own = entry.author === earlier.author;
  const distance = entry.number - earlier.number;
  const addresses = entry.targets.length > 0;
  const asked = earlier.said.isQuestion && !own;
  row[ANSWER.shared] = bounded(shared);
  row[ANSWER.rarestShared] = shared.rarest;
  row[ANSWER.ownShared] = own ? bounded(shared) : 0;
  row[ANSWER.addressesShared] = row[ANSWER.addresses] === 1 ? bounded(shared) : 0;
  row[ANSWER.question] = is(asked);
  row[ANSWER.questionToAnswer] = is(asked && !said.isQuestion);
  row[ANSWER.openQuestion] = is(asked && !earlier.isAnswered);
  row[ANSWER.openQuestionUnaddressed] = is(asked && !earlier.isAnswered && !addresses);
  row[ANSWER.questionDistance] = asked ? Math.log(distance) / 4.6 : 0;
  row[ANSWER.firstQuestion] = is(
    asked && (earlier.previousOwn < 0 || earlier.number - earlier.previousOwn > 20),
  );
  row[ANSWER.asksAboutStatement] = is(said.isQuestion && !earlier.said.isQuestion && !own);
  row[ANSWER.ownAsks] = is(said.isQuestion && own);
  row[ANSWER.reacts] = is(reactsOf(entry) && distance <= 3 && !own);
  row[ANSWER.thanks] = is(said.signs.thanks && !own);
  row[ANSWER.ownConnects] = is(said.signs.connects && own);
  row[ANSWER.connects] = is(said.signs.connects && !own && distance <= 3);
  row[ANSWER.pointsBack] = is(said.signs.pointsBack && distance <= 3);
  row[ANSWER.plainNext] = is(!addresses && distance === 1 && !own);
  row[ANSWER.length] = lengthOf(earlier);
  row[ANSWER.isShort] = is(earlier.said.words.length <= 2);
  row[ANSWER.greetsGreeting] = is(said.signs.greets && earlier.said.signs.greets);
  row[ANSWER.plain] = is(!addresses && !own && earlier.targets.length === 0 && !asked);
}
