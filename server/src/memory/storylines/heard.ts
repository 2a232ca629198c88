import { rarityOf } from "./rarity.ts";
import { readSaid, type Said } from "./said.ts";
import { isPlain } from "./word-lists.ts";

/** A message of a group, as it was heard. */
export interface GroupMessage {
  /** UTC milliseconds; minutes are fine enough. */
  readonly at: number;
  readonly author: string;
  readonly text: string;
  /** Somebody came, left or changed a name. */
  readonly isSystem: boolean;
}

/** A group's message with whom it speaks to. */
export interface Heard extends GroupMessage {
  readonly said: Said;
  /** Authors whom it names. */
  readonly targets: readonly string[];
  /** The one whose name stands first in it. */
  readonly addressed: string | undefined;
}

const MAX_TOKENS = 40;
const AROUND_NAME = /^[@(<]+|[,:;.!?>)]+$/g;

/** Reads a message among `authors`: lower-case names to names, of those who were heard lately. */
export function hear(message: GroupMessage, authors: ReadonlyMap<string, string>): Heard {
  const said = readSaid(message.text);
  if (message.isSystem) return { ...message, said, targets: [], addressed: undefined };
  const targets = new Set<string>();
  let addressed: string | undefined;
  message.text.split(/\s+/, MAX_TOKENS).forEach((token, at) => {
    const name = nameIn(token, authors, at === 0);
    if (name === undefined || name === message.author) return;
    targets.add(name);
    if (at === 0) addressed = name;
  });
  return { ...message, said, targets: [...targets], addressed };
}

/** Many nicknames are words: past the beginning a message names somebody only by what is no everyday word. */
function nameIn(token: string, authors: ReadonlyMap<string, string>, isFirst: boolean): string | undefined {
  const whole = token.toLowerCase();
  const bare = whole.replace(AROUND_NAME, "");
  const name = authors.get(whole) ?? authors.get(bare);
  if (name === undefined || isFirst || token.startsWith("@")) return name;
  if (bare.length <= 3 && /^[a-z]+$/.test(bare)) return undefined;
  return isPlain(bare) || rarityOf(bare) < 0.7 ? undefined : name;
}
