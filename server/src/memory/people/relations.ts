import type { MemoryRecord } from "@troupe/contracts";

/** What records of the kind `relationship` say of one person, put together. */
export interface Known {
  /** By name, as people call them; absent: the one who says it. */
  readonly person: string | undefined;
  /** Who says it, as audiences call them; absent: the one whom the agent talks with. */
  readonly speaker: string | undefined;
  /** What they are to the speaker. */
  readonly relations: readonly string[];
  /** What they can be asked about. */
  readonly knows: readonly string[];
  readonly records: readonly MemoryRecord[];
}

/** Records that say of whom and what, by person and speaker; the others, which are words alone, are left out. */
export function knownPeople(records: readonly MemoryRecord[]): readonly Known[] {
  const telling = records.filter(({ attributes: { relation, knows } }) => (relation ?? knows) !== undefined);
  const groups = Map.groupBy(telling, ({ attributes: { person, relation, speaker } }) =>
    // Who knows of boats is the same whoever says so; whose sister somebody is, is not.
    JSON.stringify([
      plain(person),
      person === undefined || relation !== undefined ? plain(speaker) : undefined,
    ]),
  );
  return [...groups.values()].map((own) => {
    const attributes = own.map((record) => record.attributes);
    const { person, speaker } = attributes[0] ?? {};
    return {
      person: textIn(person),
      speaker: textIn(speaker),
      relations: unique(attributes.map(({ relation }) => relation)),
      knows: unique(attributes.map(({ knows }) => knows)),
      records: own,
    };
  });
}

function unique(values: readonly unknown[]): readonly string[] {
  return [...new Set(values.flatMap((value) => textIn(value) ?? []))];
}

function textIn(value: unknown): string | undefined {
  return typeof value === "string" && value !== "" ? value : undefined;
}

function plain(value: unknown): string | undefined {
  return textIn(value)?.toLowerCase();
}
