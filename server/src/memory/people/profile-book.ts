import type { Author, Clock, PersonStore, UnitOfWork } from "@troupe/contracts";
import { shownNameOf } from "../../kit/index.ts";

/** Names that are not asked to be kept again in this process; of more people the longest unheard ones are. */
const MOST_KNOWN = 10_000;

export interface ProfileBook {
  /** Somebody wrote whose channel shows them so. Costs a look into a map, and a row only where the name is another one. */
  heard(author: Author): void;
}

export interface ProfileBookDeps {
  readonly persons: Pick<PersonStore, "shown">;
  readonly unit: Pick<UnitOfWork, "ride">;
  readonly clock: Pick<Clock, "now">;
  readonly spaceId: string;
}

/**
 * Keeps how channels show their peers. Nobody waits for it: a name that is lost with the commit it rode on, or erased, is kept again
 * once the channel shows another one, or by the next process that hears it.
 */
export function createProfileBook({ persons, unit, clock, spaceId }: ProfileBookDeps): ProfileBook {
  const known = new Map<string, string>();
  return {
    heard({ peerId: name, name: shown }) {
      const shownName = shownNameOf(shown);
      if (shownName === undefined) return;
      const before = known.get(name);
      known.delete(name);
      known.set(name, shownName);
      if (before === shownName) return;
      const [oldest] = known.keys();
      if (known.size > MOST_KNOWN && oldest !== undefined) known.delete(oldest);
      unit.ride([persons.shown({ spaceId, name, shownName, at: clock.now() })]);
    },
  };
}
