// What must hold of the work behind the turns.
import type { Report } from "./check.ts";
import type { Kept } from "./kept.ts";

/** Kinds whose handlers, those of the schedule, leave a memory for each time. */
const COUNTED: ReadonlySet<string> = new Set(["note.count", "storyline.summary"]);

/** Each effect was handled once, with its writes. */
export function checkEffects(kept: Kept, report: Report): void {
  const handled = Map.groupBy(
    kept.memories.filter((one) => one.text.startsWith("effect ")),
    (one) => one.text,
  );
  for (const effect of kept.turns.flatMap((one) => one.effects)) {
    const times = handled.get(`effect ${effect.id}`)?.length ?? 0;
    handled.delete(`effect ${effect.id}`);
    if (effect.state !== "done")
      report("every effect is handled", `${effect.kind} ${effect.id} is ${effect.state}`);
    else if (COUNTED.has(effect.kind) && times !== 1)
      report("no effect is doubled", `${effect.kind} ${effect.id} was handled ${times} times`);
  }
  checkEffectOrder(kept, report);
  for (const [text, times] of handled) report("no effect is invented", `${text}, ${times.length} times`);
}

/** The counts of notes have their session as their key: one after the other, in the order in which they were put: that of the turns, and within one that of its rows. */
function checkEffectOrder({ turns, memories }: Kept, report: Report): void {
  const handledAs = new Map(
    memories
      .filter(({ text }) => text.startsWith("effect "))
      // The newest come first.
      .map(({ text }, at) => [text.slice("effect ".length), -at] as const),
  );
  const keyed = turns.flatMap(({ effects }) => effects).filter(({ kind }) => kind === "note.count");
  for (const [sessionId, effects] of Map.groupBy(keyed, (effect) => effect.sessionId)) {
    const places = effects.map(({ id }) => handledAs.get(id)).filter((place) => place !== undefined);
    if (places.some((place, at) => place < (places[at - 1] ?? Number.NEGATIVE_INFINITY)))
      report(
        "effects of a key keep their order",
        `${sessionId}: ${effects.map(({ id }) => id)} came as ${places}`,
      );
  }
}
