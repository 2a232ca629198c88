/** Storylines: how well the scorer of step 2 tells continuing, resuming and beginning apart, and at what cost. */
import { existsSync } from "node:fs";
import {
  createStorylineScorer,
  loadMeaning,
  type MeaningOf,
  type StorylineScorer,
} from "../server/src/memory/index.ts";
import { type Figure, figure } from "./figure.ts";
import type { BenchOptions } from "./harness/options.ts";
import { interleave, readChats, readIrc, stretchesOf } from "./harness/storyline-data.ts";
import { measureLinks, measurePlaces, measurePrevious, measureShifts } from "./harness/storyline-measures.ts";

const SUBJECT = "storyline";
const STREAMS = 150;
const SEED = 5;
/** Shorter stretches would be over before they could be resumed. */
const LEAST_STRETCH = 4;

/** Measures what it has data for, and says what it left out. */
export async function run({
  chats = {},
  progress,
}: Pick<BenchOptions, "chats" | "progress">): Promise<Figure[]> {
  const scorer = createStorylineScorer();
  const meaningOf = await loadMeaning();
  const figures: Figure[] = [];
  const measured = [
    { name: "tiage", path: chats.tiage, measure: shiftFigures },
    { name: "irc", path: chats.irc, measure: linkFigures },
    { name: "dialogs", path: chats.dialogs, measure: placeFigures },
  ] as const;
  for (const { name, path, measure } of measured) {
    if (path === undefined) progress(`storyline: left out what needs --${name}.`);
    else if (!existsSync(path)) throw new Error(`--${name} ${path} is not there.`);
    else figures.push(...measure(scorer, path, meaningOf));
  }
  return figures;
}

function shiftFigures(scorer: StorylineScorer, path: string, meaningOf: MeaningOf): Figure[] {
  const { precision, recall, f1, pk } = measureShifts(scorer, readChats(path), meaningOf);
  return [
    figure(SUBJECT, "shifts of subject: F1", f1, "%", { atLeast: 54 }),
    figure(SUBJECT, "shifts of subject: precision", precision, "%"),
    figure(SUBJECT, "shifts of subject: recall", recall, "%"),
    figure(SUBJECT, "shifts of subject: Pk (less is better)", pk, "%"),
  ];
}

function linkFigures(scorer: StorylineScorer, path: string): Figure[] {
  const logs = readIrc(path);
  const { precision, recall, f1, cpuMs } = measureLinks(scorer, logs);
  return [
    figure(SUBJECT, "which message it answers: F1", f1, "%", { atLeast: 68 }),
    figure(SUBJECT, "which message it answers: precision", precision, "%"),
    figure(SUBJECT, "which message it answers: recall", recall, "%"),
    figure(SUBJECT, "which message it answers: F1 of always the previous", measurePrevious(logs).f1, "%"),
    figure(SUBJECT, "which message it answers: CPU a message", cpuMs, "ms", { atMost: 0.2 }),
  ];
}

function placeFigures(scorer: StorylineScorer, path: string, meaningOf: MeaningOf): Figure[] {
  const chats = readChats(path);
  const dialogs = interleave(
    chats.map((chat) => chat.map(({ text }) => text)),
    STREAMS,
    SEED,
  );
  const stretches = stretchesOf(chats, LEAST_STRETCH);
  const told = measurePlaces(scorer, dialogs, { isTold: true, meaningOf });
  const online = measurePlaces(scorer, dialogs, { isTold: false, meaningOf });
  const figures = [
    figure(SUBJECT, "interleaved: balanced accuracy", told.balanced, "%", { atLeast: 55 }),
    figure(SUBJECT, "interleaved: continue", told.continued, "%"),
    figure(SUBJECT, "interleaved: resume the right one", told.resumed, "%"),
    figure(SUBJECT, "interleaved: begin", told.begun, "%"),
    figure(SUBJECT, "interleaved: which existing R@1", told.whichExisting, "%"),
    figure(SUBJECT, "interleaved online: balanced accuracy", online.balanced, "%"),
    figure(SUBJECT, "interleaved online: continue", online.continued, "%"),
    figure(SUBJECT, "interleaved online: resume the right one", online.resumed, "%"),
    figure(SUBJECT, "interleaved online: begin", online.begun, "%"),
    figure(SUBJECT, "interleaved online: which existing R@1", online.whichExisting, "%"),
    figure(SUBJECT, "interleaved: messages", told.messages, "messages"),
    figure(SUBJECT, "interleaved: CPU a message", told.cpuMs, "ms", { atMost: 0.2 }),
  ];
  if (stretches.length < 6) return figures;
  const short = interleave(stretches, STREAMS, SEED + 1);
  const shortTold = measurePlaces(scorer, short, { isTold: true, meaningOf });
  const shortOnline = measurePlaces(scorer, short, { isTold: false, meaningOf });
  return [
    ...figures,
    figure(SUBJECT, "interleaved stretches of one subject: balanced accuracy", shortTold.balanced, "%"),
    figure(SUBJECT, "interleaved stretches of one subject: which existing R@1", shortTold.whichExisting, "%"),
    figure(
      SUBJECT,
      "interleaved stretches of one subject, online: balanced accuracy",
      shortOnline.balanced,
      "%",
    ),
  ];
}
