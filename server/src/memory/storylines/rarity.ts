import { COMMON_STEMS } from "./coefficients/rarity.ts";

const RARITIES: ReadonlyMap<string, number> = new Map(
  COMMON_STEMS.flatMap(([tenths, stems]) =>
    stems.split(" ").map((stem): [string, number] => [stem, tenths / 10]),
  ),
);

/** How much a shared word says, 0 to 1: 1 for one that conversations hardly ever use. */
export function rarityOf(stem: string): number {
  return RARITIES.get(stem) ?? 1;
}

/** What two messages share: the rarities of their common stems, summed, and the rarest. */
export interface Shared {
  readonly sum: number;
  readonly rarest: number;
}

export const NOTHING_SHARED: Shared = { sum: 0, rarest: 0 };

export function sharedOf(left: ReadonlySet<string>, right: ReadonlySet<string>): Shared {
  let sum = 0;
  let rarest = 0;
  for (const stem of left) {
    if (!right.has(stem)) continue;
    const rarity = rarityOf(stem);
    sum += rarity;
    if (rarity > rarest) rarest = rarity;
  }
  return sum === 0 ? NOTHING_SHARED : { sum, rarest };
}
