import { compilePattern, type SubjectPattern } from "./subjects.ts";
import type { Subscriber } from "./subscriber.ts";

interface Member {
  readonly pattern: SubjectPattern;
  readonly group: string | undefined;
  readonly subscriber: Subscriber;
}

/** Who of this process hears what. */
export interface Directory {
  add(pattern: string, subscriber: Subscriber, group: string | undefined): Disposable;
  /** Subscribers that get this envelope: each single one and, unless left out, the next member of each group. */
  reached(subject: string, options?: { readonly withoutGroups?: boolean }): Iterable<Subscriber>;
  clear(): void;
  /** How many envelopes wait for all of them. */
  waiting(): number;
}

export function createDirectory(): Directory {
  const plain = new Map<string, Set<Member>>();
  const wild = new Set<Member>();
  const turns = new Map<string, number>();

  const nextOf = (group: string, members: readonly Subscriber[]): Subscriber | undefined => {
    const turn = turns.get(group) ?? 0;
    turns.set(group, turn + 1);
    return members[turn % members.length];
  };
  const membersOf = (subject: string): readonly Member[] => {
    const found = [...(plain.get(subject) ?? [])];
    for (const member of wild) if (member.pattern.matches(subject)) found.push(member);
    return found;
  };

  const all = (): readonly Subscriber[] =>
    [...wild, ...[...plain.values()].flatMap((set) => [...set])].map(({ subscriber }) => subscriber);
  return {
    waiting: () => all().reduce((sum, subscriber) => sum + subscriber.size(), 0),
    add(text, subscriber, group) {
      const member: Member = { pattern: compilePattern(text), group, subscriber };
      const home = member.pattern.isPlain ? (plain.get(text) ?? new Set<Member>()) : wild;
      if (member.pattern.isPlain) plain.set(text, home);
      home.add(member);
      return {
        [Symbol.dispose]() {
          home.delete(member);
          if (member.pattern.isPlain && home.size === 0 && plain.get(text) === home) plain.delete(text);
          subscriber.stop();
        },
      };
    },
    reached(subject, options) {
      const reached: Subscriber[] = [];
      const groups = new Map<string, Subscriber[]>();
      for (const { group, subscriber } of membersOf(subject)) {
        if (group === undefined) reached.push(subscriber);
        else if (options?.withoutGroups !== true)
          groups.set(group, [...(groups.get(group) ?? []), subscriber]);
      }
      for (const [group, members] of groups) {
        const next = nextOf(group, members);
        if (next !== undefined) reached.push(next);
      }
      return reached;
    },
    clear() {
      for (const subscriber of all()) subscriber.stop();
      plain.clear();
      wild.clear();
    },
  };
}
