import { type GroupMessage, type Heard, hear } from "./heard.ts";

/** So many messages back an answer is looked for. */
export const REPLY_WINDOW = 70;
/** Names are known for longer than answers come. */
const REMEMBERED = 400;

/** A message of the window, with what came of it since. */
export interface WindowEntry extends Heard {
  readonly number: number;
  /** Number of its author's message before it; -1 when none is remembered. */
  readonly previousOwn: number;
  /** Whom its author talks with. */
  readonly partner: string | undefined;
  /** Somebody has addressed its author since. */
  isAnswered: boolean;
}

/** What holds for a new message, whichever earlier one it answers. */
export interface ReplyContext {
  readonly entry: WindowEntry;
  /** Newest first, at most `REPLY_WINDOW`. */
  readonly earlier: readonly WindowEntry[];
  /** Number of each author's newest message in the window. */
  readonly newestOf: ReadonlyMap<string, number>;
  /** Number of the newest message that addresses the author; -1 for none. */
  readonly toAuthor: number;
  /** How many messages `author` wrote after number `after`. */
  writtenSince(author: string, after: number): number;
}

export interface ReplyWindow {
  /** Takes the next message and says what surrounds it. */
  add(message: GroupMessage): ReplyContext;
}

/** The last messages of one group, kept while they are read one after another. */
export function createReplyWindow(): ReplyWindow {
  const entries: WindowEntry[] = [];
  const authors = new Map<string, string>();
  const newestEver = new Map<string, number>();
  let count = 0;

  return {
    add(message) {
      const heard = hear(message, authors);
      const earlier = entries.slice(-REPLY_WINDOW).reverse();
      const written = writtenBy(earlier);
      const toAuthor = earlier.find(({ targets }) => targets.includes(message.author))?.number ?? -1;
      const entry: WindowEntry = {
        ...heard,
        number: count++,
        previousOwn: newestEver.get(message.author) ?? -1,
        partner: heard.targets[0] ?? partnerOf(message.author, earlier),
        isAnswered: false,
      };
      for (const target of heard.targets) {
        const answered = earlier.find(({ author }) => author === target);
        if (answered !== undefined) answered.isAnswered = true;
      }
      entries.push(entry);
      if (entries.length > REMEMBERED) entries.shift();
      authors.set(message.author.toLowerCase(), message.author);
      newestEver.set(message.author, entry.number);
      return {
        entry,
        earlier,
        newestOf: new Map([...written].map(([author, numbers]) => [author, numbers[0] as number])),
        toAuthor,
        writtenSince(author, after) {
          const numbers = written.get(author) ?? [];
          const first = numbers.findIndex((number) => number <= after);
          return first < 0 ? numbers.length : first;
        },
      };
    },
  };
}

/** Numbers of each author's messages, newest first. */
function writtenBy(earlier: readonly WindowEntry[]): Map<string, number[]> {
  const written = new Map<string, number[]>();
  for (const { author, number } of earlier) {
    const numbers = written.get(author);
    if (numbers === undefined) written.set(author, [number]);
    else numbers.push(number);
  }
  return written;
}

function partnerOf(author: string, earlier: readonly WindowEntry[]): string | undefined {
  for (const one of earlier) {
    if (one.author === author && one.targets.length > 0) return one.targets[0];
    if (one.targets.includes(author)) return one.author;
  }
  return undefined;
}
