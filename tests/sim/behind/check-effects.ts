// Effects: each once by its outcome, in order and never two at once of a key; the dead ones tell what happened to them.
import type { EffectRecord } from "@troupe/contracts";
import type { Report } from "../check.ts";
import type { BehindOutcome } from "./check.ts";
import { effectNote } from "./effect-code.ts";
import { type EffectKind, type PlannedEffect, RETRIES } from "./plan.ts";

const IN_TIME_MS = 12_000;
/** Outcomes that a store which refuses now and then may refuse in a row. */
const REFUSED = 6;

export function checkBehindEffects(outcome: BehindOutcome, report: Report): void {
  const { kept, told, plan } = outcome;
  const planned = new Map(plan.effects.flatMap(({ effects }) => effects).map((one) => [one.id, one]));
  // The newest come first.
  const notes = kept.memories
    .map(({ text }) => text)
    .filter((text) => text.startsWith("effect "))
    .toReversed();
  const placeOf = new Map(notes.map((text, at) => [text, at]));
  for (const id of told.putEffects.keys())
    if (!kept.effects.some((one) => one.id === id)) report("no effect is lost", `${id} was put`);
  for (const effect of kept.effects) {
    const own = planned.get(effect.id);
    const times = notes.filter((text) => text === effectNote(effect.id)).length;
    const about = `${effect.kind} ${effect.id} is ${effect.state}, attempt ${effect.attempt}, handled ${times} times`;
    if (effect.state === "pending" || effect.state === "running") report("every effect ends", about);
    if (own === undefined) {
      if (effect.state !== "done")
        report("what Troupe itself leaves to do is done", `${about}: ${effect.error}`);
      continue;
    }
    if (times !== (effect.state === "done" ? 1 : 0)) report("effects are kept once", about);
    checkEnding(outcome, effect, own, report);
  }
  const keyed = kept.effects.filter(({ id }) => planned.get(id)?.key !== undefined);
  for (const [key, some] of Map.groupBy(keyed, ({ id }) => planned.get(id)?.key)) {
    const places = some.map(({ id }) => placeOf.get(effectNote(id))).filter((place) => place !== undefined);
    if (places.some((place, at) => place < (places[at - 1] ?? -1)))
      report("effects of a key keep their order", `${key}: ${some.map(({ id }) => id)} came as ${places}`);
  }
  checkParallel(outcome, planned, report);
  if (outcome.wasCalm) checkPace(outcome, planned, report);
}

function checkEnding(
  { plan }: BehindOutcome,
  effect: EffectRecord,
  own: PlannedEffect,
  report: Report,
): void {
  const about = `${effect.kind} ${effect.id} is ${effect.state}, attempt ${effect.attempt}`;
  const retry = RETRIES[own.kind as EffectKind];
  const { state, errors, attempt } = effect;
  const allowed: Readonly<Record<EffectKind, readonly string[]>> = {
    "sim.one": ["done"],
    "sim.batch": ["done"],
    "sim.bad": ["dead"],
    "sim.shed": ["done", "shed"],
    "sim.unknown": ["parked"],
  };
  if (!allowed[own.kind].includes(state)) report("an effect ends as it must", `${about}: ${effect.error}`);
  if (state !== "dead") return;
  if ((effect.error ?? "") === "") report("the dead say why", about);
  // A line for each attempt that failed or never ended; the one too many is not run. One that a stop broke off is told, and is
  // no attempt: the next has its number.
  const told = [...new Set(errors.map((one) => one.attempt))];
  const wanted = Array.from({ length: Math.max(attempt, 1) }, (_, at) => at + 1).slice(-10);
  if (told.join() !== wanted.join() || errors.some(({ error }) => error === ""))
    report("the dead tell their history", `${about}: ${JSON.stringify(errors)}`);
  // One too many that its process or the store did not let it end is claimed once more.
  const { strikeEvery, maxStrikes, refuseShare } = plan.faults;
  // Those that take their process down take down what runs or is claimed beside them.
  const others = plan.effects.flatMap((put) => put.effects).filter(({ id }) => id !== effect.id);
  const kills = others.reduce((sum, one) => sum + one.kills, 0);
  const spare = (strikeEvery === undefined ? 0 : maxStrikes) + (refuseShare > 0 ? REFUSED : 0) + kills;
  if (attempt > retry.maxAttempts + 1 + spare) report("attempts are bounded", about);
}

/** Of one key nothing runs beside another, where nobody slept past a claim. */
function checkParallel(
  { plan, seen, wasQuick }: BehindOutcome,
  planned: ReadonlyMap<string, PlannedEffect>,
  report: Report,
): void {
  const { stopShare, leaveShare, refuseShare, strikeEvery } = plan.faults;
  const mayOutlive = strikeEvery !== undefined && (stopShare > 0 || leaveShare > 0);
  if (mayOutlive || refuseShare > 0 || !wasQuick || plan.jumps.length > 0) return;
  const keyed = seen.handlings.filter(({ effectId }) => planned.get(effectId)?.key !== undefined);
  for (const [key, some] of Map.groupBy(keyed, ({ effectId }) => planned.get(effectId)?.key)) {
    const ended = some.filter(({ untilMs }) => untilMs !== undefined);
    for (const [at, one] of ended.entries()) {
      const other = ended[at + 1];
      if (other !== undefined && other.fromMs < (one.untilMs ?? 0))
        report(
          "nothing of a key runs beside another",
          `${key}: ${other.effectId} began during ${one.effectId}`,
        );
    }
  }
}

/** What is bad holds up nobody but those of its key. */
function checkPace(
  { seen, told }: BehindOutcome,
  planned: ReadonlyMap<string, PlannedEffect>,
  report: Report,
): void {
  for (const [id, putMs] of told.putEffects) {
    const own = planned.get(id);
    if (own === undefined || own.key !== undefined || own.kind !== "sim.one") continue;
    const done = seen.handlings.findLast((one) => one.effectId === id)?.untilMs;
    if (done === undefined || done - putMs > IN_TIME_MS)
      report("one that is bad holds up nobody", `${id} was put at ${putMs} and done at ${done}`);
  }
}
