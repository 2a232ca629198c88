// Streams as the scorer hears them: open storylines, and what a message does among them.
import {
  type MeaningOf,
  type OpenLine,
  placeRows,
  readSaid,
  type Said,
} from "../../server/src/memory/index.ts";
import type { StreamLine } from "./storyline-data.ts";

export type Kind = "continued" | "resumed" | "begun";

/** An open storyline under way, and how many of its messages belong to which of the stream's true ones. */
export interface HeardLine extends OpenLine {
  readonly tail: Said[];
  readonly stems: Set<string>;
  ago: number;
  messages: number;
  run: number;
  readonly owners: Map<number, number>;
}

const TAIL = 6;

/** The true storyline that most of its messages belong to, the later one where two are equal. */
export function ownerOf(line: HeardLine | undefined): number | undefined {
  let most = 0;
  let owner: number | undefined;
  for (const [one, count] of line?.owners ?? []) {
    if (count < most) continue;
    most = count;
    owner = one;
  }
  return owner;
}

/** Puts a message into the storyline `chosen`, or into a new one past the last, and resolves which is current then. */
export function put(
  lines: HeardLine[],
  chosen: number,
  current: number,
  { said, owner }: { said: Said; owner: number },
): number {
  for (const one of lines) one.ago++;
  if (chosen === lines.length) {
    lines.push({
      id: `${chosen}`,
      tail: [],
      stems: new Set(),
      ago: 0,
      messages: 0,
      run: 0,
      owners: new Map(),
    });
  }
  const line = lines[chosen] as HeardLine;
  line.run = chosen === current ? line.run + 1 : 1;
  line.ago = 0;
  line.messages++;
  line.tail.push(said);
  if (line.tail.length > TAIL) line.tail.shift();
  for (const stem of said.stems) line.stems.add(stem);
  line.owners.set(owner, (line.owners.get(owner) ?? 0) + 1);
  return chosen;
}

/** What a message of a true storyline does after another one: `begun` holds those that were heard of before. */
export function kindOf(line: number, before: number, begun: ReadonlySet<number>): Kind {
  if (!begun.has(line)) return "begun";
  return before === line ? "continued" : "resumed";
}

export interface PlaceChoice {
  readonly rows: readonly Float64Array[];
  readonly right: number;
  readonly kind: Kind;
}

/** Every choice of the streams, each made with the truth about all before it. */
export function placeChoices(
  streams: readonly (readonly StreamLine[])[],
  meaningOf: MeaningOf,
): PlaceChoice[] {
  return streams.flatMap((stream) => {
    const lines: HeardLine[] = [];
    const begun = new Set<number>();
    let current = -1;
    return stream.flatMap(({ text, line }, at): PlaceChoice[] => {
      const said = readSaid(text, meaningOf);
      const known = lines.findIndex((one) => ownerOf(one) === line);
      const right = known < 0 ? lines.length : known;
      const kind = kindOf(line, stream[at - 1]?.line ?? -1, begun);
      const rows = at === 0 ? [] : placeRows(said, lines, current);
      begun.add(line);
      current = put(lines, right, current, { said, owner: line });
      return at === 0 ? [] : [{ rows, right, kind }];
    });
  });
}
