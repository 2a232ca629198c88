// How storylines are scored, as the sources of the data score them.
import {
  createReplyWindow,
  type MeaningOf,
  readSaid,
  type StorylineScorer,
} from "../../server/src/memory/index.ts";
import type { Chat, IrcLog, StreamLine } from "./storyline-data.ts";
import { type HeardLine, type Kind, kindOf, ownerOf, put } from "./storyline-streams.ts";

export interface ShiftMeasure {
  readonly precision: number;
  readonly recall: number;
  readonly f1: number;
  readonly pk: number;
}

/** Shifts of chats, heard one line after another. */
export function measureShifts(
  scorer: StorylineScorer,
  chats: readonly Chat[],
  meaningOf?: MeaningOf,
): ShiftMeasure {
  const heard = chats.map((chat) => {
    const said = chat.map(({ text }) => readSaid(text, meaningOf));
    const found = said.map((one, at) =>
      scorer.isShift({ said: one, before: said.slice(Math.max(0, at - 6), at), position: at }),
    );
    return { gold: chat.map(({ isShift }, at) => at > 0 && isShift), found };
  });
  const all = heard.flatMap(({ gold, found }) =>
    gold.map((isGold, at) => ({ isGold, isFound: found[at] === true })),
  );
  const right = all.filter(({ isGold, isFound }) => isGold && isFound).length;
  const precision = percent(right, all.filter(({ isFound }) => isFound).length);
  const recall = percent(right, all.filter(({ isGold }) => isGold).length);
  const pk = heard.map(({ gold, found }) => pkOf(gold, found)).filter((value) => value !== undefined);
  return { precision, recall, f1: harmonic(precision, recall), pk: (100 * sum(pk)) / Math.max(1, pk.length) };
}

/** Beeferman et al. 1999: how often two lines half a mean stretch apart are wrongly held for one subject, or for two. */
function pkOf(gold: readonly boolean[], found: readonly boolean[]): number | undefined {
  const stretches = 1 + gold.filter(Boolean).length;
  const apart = Math.max(1, Math.round(gold.length / stretches / 2));
  const starts = gold.length - apart;
  if (starts < 1) return undefined;
  let wrong = 0;
  for (let from = 0; from < starts; from++) {
    const isApart = gold.slice(from + 1, from + apart + 1).some(Boolean);
    if (isApart !== found.slice(from + 1, from + apart + 1).some(Boolean)) wrong++;
  }
  return wrong / starts;
}

export interface LinkMeasure {
  readonly precision: number;
  readonly recall: number;
  readonly f1: number;
}

/** Links of annotated lines; `choose` says which line a line answers. */
function linksOf(logs: readonly IrcLog[], choose: (log: IrcLog) => (line: number) => number): LinkMeasure {
  let right = 0;
  let said = 0;
  let gold = 0;
  for (const log of logs) {
    const chosen = choose(log);
    for (const [line, answers] of [...log.answers].sort(([left], [other]) => left - other)) {
      said++;
      gold += answers.length;
      if (answers.includes(chosen(line))) right++;
    }
  }
  const precision = percent(right, said);
  const recall = percent(right, gold);
  return { precision, recall, f1: harmonic(precision, recall) };
}

/** Milliseconds of processor time a message are beside it. */
export function measureLinks(
  scorer: StorylineScorer,
  logs: readonly IrcLog[],
): LinkMeasure & { readonly cpuMs: number } {
  let chosen = 0;
  let microseconds = 0;
  const measure = linksOf(logs, ({ lines, answers }) => {
    const window = createReplyWindow();
    const choices = lines.map((line, at) => {
      if (!answers.has(at)) {
        window.add(line);
        return at;
      }
      const before = process.cpuUsage();
      const choice = scorer.chooseReply(window.add(line)).answers;
      const { user, system } = process.cpuUsage(before);
      chosen++;
      microseconds += user + system;
      return choice;
    });
    return (line) => choices[line] as number;
  });
  return { ...measure, cpuMs: microseconds / 1000 / Math.max(1, chosen) };
}

/** The paper's baseline: each line answers the one before it that somebody said; coming and going answers nothing. */
export function measurePrevious(logs: readonly IrcLog[]): LinkMeasure {
  return linksOf(logs, ({ lines }) => (line) => {
    if (lines[line]?.isSystem === true) return line;
    return lines.findLastIndex(({ isSystem }, at) => at < line && !isSystem);
  });
}

export interface PlaceMeasure {
  /** Mean of the three below. */
  readonly balanced: number;
  readonly continued: number;
  readonly resumed: number;
  readonly begun: number;
  /** Where it is known that another open storyline is resumed: how often it is the right one. */
  readonly whichExisting: number;
  readonly messages: number;
  /** Milliseconds of processor time a message. */
  readonly cpuMs: number;
}

/**
 * Streams of interleaved storylines. `told`: after each decision the scorer is told the truth; otherwise it lives with what it
 * decided, and a storyline of its own counts as the one that most of its messages belong to.
 */
export function measurePlaces(
  scorer: StorylineScorer,
  streams: readonly StreamLine[][],
  { isTold, meaningOf }: { isTold: boolean; meaningOf?: MeaningOf },
): PlaceMeasure {
  const right = { continued: 0, resumed: 0, begun: 0 };
  const seen = { continued: 0, resumed: 0, begun: 0 };
  let rightExisting = 0;
  let existing = 0;
  const started = process.cpuUsage();
  let messages = 0;
  for (const stream of streams) {
    const lines: HeardLine[] = [];
    const begun = new Set<number>();
    let current = -1;
    for (const [at, { text, line }] of stream.entries()) {
      const said = readSaid(text, meaningOf);
      let chosen = lines.length;
      if (at > 0) {
        messages++;
        const truth = lines.findIndex((one) => ownerOf(one) === line);
        const kind = kindOf(line, stream[at - 1]?.line ?? -1, begun);
        const shares = scorer.placeShares(said, lines, current);
        chosen = highest(shares, () => true);
        seen[kind]++;
        if (isRight(kind, chosen, { lines, current, line })) right[kind]++;
        if (kind === "resumed") {
          existing++;
          const best = highest(shares, (one) => one !== current && one < lines.length);
          if (best >= 0 && ownerOf(lines[best]) === line) rightExisting++;
        }
        if (isTold) chosen = truth < 0 ? lines.length : truth;
      }
      begun.add(line);
      current = put(lines, chosen, current, { said, owner: line });
    }
  }
  const { user, system } = process.cpuUsage(started);
  const continued = percent(right.continued, seen.continued);
  const resumed = percent(right.resumed, seen.resumed);
  const fresh = percent(right.begun, seen.begun);
  return {
    balanced: (continued + resumed + fresh) / 3,
    continued,
    resumed,
    begun: fresh,
    whichExisting: percent(rightExisting, existing),
    messages,
    cpuMs: (user + system) / 1000 / Math.max(1, messages),
  };
}

function isRight(
  kind: Kind,
  chosen: number,
  { lines, current, line }: { lines: readonly HeardLine[]; current: number; line: number },
): boolean {
  switch (kind) {
    case "begun":
      return chosen === lines.length;
    case "continued":
      return chosen === current;
    case "resumed":
      return chosen !== current && ownerOf(lines[chosen]) === line;
  }
}

function highest(values: readonly number[], may: (at: number) => boolean): number {
  let best = -1;
  for (const [at, value] of values.entries())
    if (may(at) && (best < 0 || value > (values[best] as number))) best = at;
  return best;
}

const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);
const percent = (part: number, whole: number): number => (whole === 0 ? 0 : (100 * part) / whole);
const harmonic = (left: number, right: number): number =>
  left + right === 0 ? 0 : (2 * left * right) / (left + right);
