import type { CallOptions, Clock, Logger, PersonLink, PersonStore } from "@troupe/contracts";

/** Far more than people link; whoever has more is not linked in recall, which costs them comfort and nobody a secret. */
const MOST_LINKS = 20_000;
/** So old may be what is known of links that another process made or ended, where no doorbell told of it. */
const FRESH_MS = 60_000;
/** A change that was announced may take so long to be kept: until then every question looks anew. */
const UNSETTLED_MS = 30_000;
/** Names of one person that are asked for; the rest of somebody with more is left out. */
const MOST_NAMES = 8;

export interface PersonBook {
  /**
   * All names of whoever has this one, that one first. Of somebody who is linked with nobody it is that name alone. Resolves at once
   * while the links are fresh. Fails closed: where they cannot be read, nobody is linked, and the log says why.
   */
  namesOf(
    spaceId: string,
    name: string,
    options: CallOptions,
  ): readonly string[] | Promise<readonly string[]>;
  /** Links change now, here or elsewhere: until it has settled they are read for each question. */
  changing(): void;
}

export interface PersonBookDeps {
  readonly persons: Pick<PersonStore, "open">;
  readonly clock: Clock;
  readonly logger: Logger;
}

interface Known {
  readonly names: ReadonlyMap<string, readonly string[]>;
  readonly atMs: number;
}

/** Which peers are one person, as the open links say. Read with the first question, and anew when it may have changed. */
export function createPersonBook({ persons, clock, logger }: PersonBookDeps): PersonBook {
  const spaces = new Map<string, Known>();
  let unsettledUntilMs = Number.NEGATIVE_INFINITY;

  const find = ({ names }: Known, name: string): readonly string[] => {
    const all = names.get(name) ?? [];
    return [name, ...all.filter((one) => one !== name).slice(0, MOST_NAMES - 1)];
  };
  const read = async (spaceId: string, name: string, options: CallOptions): Promise<readonly string[]> => {
    const atMs = clock.monotonicMs();
    try {
      const known = { names: joined(await persons.open(spaceId, MOST_LINKS, options)), atMs };
      spaces.set(spaceId, known);
      return find(known, name);
    } catch (error) {
      options.signal.throwIfAborted();
      logger.warn("persons.unread", { error });
      return [name];
    }
  };
  return {
    namesOf(spaceId, name, options) {
      const known = spaces.get(spaceId);
      const nowMs = clock.monotonicMs();
      const isFresh = known !== undefined && nowMs >= unsettledUntilMs && nowMs - known.atMs < FRESH_MS;
      return isFresh ? find(known, name) : read(spaceId, name, options);
    },
    changing() {
      unsettledUntilMs = clock.monotonicMs() + UNSETTLED_MS;
    },
  };
}

/** Each name with all that links join it to, over however many links. */
export function joined(links: readonly Pick<PersonLink, "names">[]): ReadonlyMap<string, readonly string[]> {
  const people = new Map<string, string[]>();
  for (const { names } of links) {
    const [one, other] = names.map((name) => people.get(name) ?? [name]) as [string[], string[]];
    if (one === other) continue;
    const all = [...one, ...other].toSorted();
    for (const name of all) people.set(name, all);
  }
  return people;
}
