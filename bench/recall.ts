// Recall over long conversations: how much of what answers a question is found, how soon, and what it costs to show.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Stores } from "@troupe/contracts";
import { estimateTokens } from "../server/src/kit/index.ts";
import { type Figure, figure, type Target } from "./figure.ts";
import { type Conversation, readConversations, type Said } from "./harness/locomo.ts";
import { loadAverage } from "./harness/machine.ts";
import type { BenchOptions } from "./harness/options.ts";
import { type Answered, meanReciprocalRank, recallAt } from "./harness/recall-score.ts";
import { ask, embedAll, indexAll, keepMeeting } from "./harness/recall-stage.ts";
import { quantile } from "./harness/statistics.ts";
import { openStore } from "./harness/store-common.ts";

const SUBJECT = "recall";
const LIMIT = 20;
/** What a prompt asks for. */
const PROMPT_LIMIT = 8;
const SHOWN = 10;
/** What is wanted; the floor of each is 72, 80, 86 and 58. */
const TARGETS = { r5: 85, r10: 90, r20: 95, mrr: 75 } as const;
const CATEGORIES: Readonly<Record<number, string>> = {
  1: "multi-hop",
  2: "temporal",
  3: "open-domain",
  4: "single-hop",
  5: "adversarial",
};
/** Messages that one reader knows, and the most that a recall among them may take. */
const SIZES = [
  { messages: 10_000, atMostMs: 10 },
  { messages: 100_000, atMostMs: 25 },
] as const;
const QUESTIONS_A_SIZE = 300;
const MEETING = 25;

export async function run({ data, scale, progress }: BenchOptions): Promise<Figure[]> {
  if (data === undefined) {
    progress(
      "recall: left out, it needs conversations with questions about them: --data FILE, in LoCoMo's form.",
    );
    return [];
  }
  const conversations = readConversations(data);
  return [
    ...(await qualityFigures(conversations)),
    ...(await costFigures(conversations, scale, progress)),
    figure(SUBJECT, "load average", loadAverage(), "processes"),
  ];
}

async function withStore<Result>(work: (stores: Stores) => Promise<Result>): Promise<Result> {
  const folder = mkdtempSync(join(tmpdir(), "troupe-bench-recall-"));
  const store = await openStore(join(folder, "troupe.db"), "threads");
  try {
    return await work(store.stores);
  } finally {
    await store.close();
    rmSync(folder, { recursive: true, force: true });
  }
}

// ── what is found ───────────────────────────────────────────────────────────────────────────────────────────────

interface Outcome extends Answered {
  readonly ms: number;
  readonly tokens: number;
}

function qualityFigures(conversations: readonly Conversation[]): Promise<Figure[]> {
  return withStore(async (stores) => {
    for (const { id, speakers, sessions } of conversations) {
      const peers = speakers.map((speaker) => `${id}/${speaker}`);
      for (const [n, said] of sessions.entries())
        await keepMeeting(stores, { id: `${id}/${n}`, peers, said });
    }
    await indexAll(stores);
    const byWords = await allAnswers(stores, conversations, { limit: LIMIT, byMeaning: false });
    await embedAll(stores);
    const outcomes = await allAnswers(stores, conversations, { limit: LIMIT, byMeaning: true });
    const of = (name: string, some: readonly Answered[], hasTarget: boolean): Figure[] => {
      const target = (atLeast: number): [Target] | [] => (hasTarget ? [{ atLeast }] : []);
      return [
        figure(SUBJECT, `${name}, R@5`, recallAt(some, 5), "%", ...target(TARGETS.r5)),
        figure(SUBJECT, `${name}, R@10`, recallAt(some, 10), "%", ...target(TARGETS.r10)),
        figure(SUBJECT, `${name}, R@20`, recallAt(some, 20), "%", ...target(TARGETS.r20)),
        figure(SUBJECT, `${name}, MRR`, meanReciprocalRank(some), "%", ...target(TARGETS.mrr)),
      ];
    };
    const categories = [...new Set(outcomes.map(({ category }) => category))].toSorted((a, b) => a - b);
    const times = outcomes.map(({ ms }) => ms);
    return [
      ...of("all questions", outcomes, true),
      ...of("by words alone", byWords, false),
      ...categories.flatMap((one) => {
        const some = outcomes.filter(({ category }) => category === one);
        return of(`${CATEGORIES[one] ?? one} (${some.length})`, some, false);
      }),
      ...(await promptFigures(stores, conversations)),
      figure(SUBJECT, "one question, p50", quantile(times, 0.5), "ms"),
      figure(SUBJECT, "one question, p95", quantile(times, 0.95), "ms"),
      figure(
        SUBJECT,
        `the first ${SHOWN} hits, mean`,
        meanOf(outcomes.map(({ tokens }) => tokens)),
        "tokens",
      ),
    ];
  });
}

/** A search for few looks at less. */
async function promptFigures(stores: Stores, conversations: readonly Conversation[]): Promise<Figure[]> {
  const figures: Figure[] = [];
  for (const byMeaning of [true, false]) {
    const outcomes = await allAnswers(stores, conversations, { limit: PROMPT_LIMIT, byMeaning });
    const name = `as a prompt asks (${PROMPT_LIMIT} hits)${byMeaning ? "" : ", by words alone"}`;
    figures.push(figure(SUBJECT, `${name}, R@5`, recallAt(outcomes, 5), "%"));
    figures.push(figure(SUBJECT, `${name}, R@${PROMPT_LIMIT}`, recallAt(outcomes, PROMPT_LIMIT), "%"));
  }
  return figures;
}

interface Way {
  readonly limit: number;
  readonly byMeaning: boolean;
}

async function allAnswers(
  stores: Stores,
  conversations: readonly Conversation[],
  way: Way,
): Promise<readonly Outcome[]> {
  const outcomes: Outcome[] = [];
  for (const one of conversations) outcomes.push(...(await answersOf(stores, one, way)));
  return outcomes;
}

async function answersOf(
  stores: Stores,
  { id, speakers, questions, sessions }: Conversation,
  way: Way,
): Promise<Outcome[]> {
  const messageIds = new Map(
    sessions.flatMap((said, n) => said.map((one): [string, string] => [`${id}/${n}/${one.id}`, one.id])),
  );
  const askedAt = Math.max(...sessions.flat().map(({ at }) => at)) + 86_400_000;
  const outcomes: Outcome[] = [];
  for (const { question, evidence, category } of questions) {
    const beganMs = performance.now();
    const hits = await ask(stores, { text: question, reader: `${id}/${speakers[0]}`, askedAt, ...way });
    const ms = performance.now() - beganMs;
    const places = new Map(hits.map((hit, i) => [messageIds.get(hit.id), i + 1]));
    const tokens = hits.slice(0, SHOWN).reduce((sum, { text }) => sum + estimateTokens(text), 0);
    outcomes.push({ category, places: evidence.map((one) => places.get(one)), ms, tokens });
  }
  return outcomes;
}

function meanOf(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

// ── what it costs ───────────────────────────────────────────────────────────────────────────────────────────────

/** Everything said in the file over and over, to one reader: the common words grow with the rest, as in life. */
async function costFigures(
  conversations: readonly Conversation[],
  scale: number,
  progress: BenchOptions["progress"],
): Promise<Figure[]> {
  const said = conversations.flatMap(({ sessions }) => sessions.flat());
  const questions = conversations.flatMap((one) => one.questions.map(({ question }) => question));
  const some = Array.from(
    { length: QUESTIONS_A_SIZE },
    (_, i) => questions[(i * 7919) % questions.length] as string,
  );
  const figures: Figure[] = [];
  for (const { messages, atMostMs } of SIZES) {
    const count = Math.ceil(messages * Math.min(1, scale));
    figures.push(
      ...(await withStore((stores) => costAt(stores, { said, questions: some, count, atMostMs }))),
    );
    progress(`recall: ${count} messages: done`);
  }
  return figures;
}

interface CostInput {
  readonly said: readonly Said[];
  readonly questions: readonly string[];
  readonly count: number;
  readonly atMostMs: number;
}

async function costAt(stores: Stores, { said, questions, count, atMostMs }: CostInput): Promise<Figure[]> {
  const peers = ["reader", "other"];
  const at = (n: number): Said => ({ ...(said[n % said.length] as Said), id: String(n), at: n * 60_000 });
  for (let from = 0; from < count; from += MEETING) {
    const meeting = Array.from({ length: Math.min(MEETING, count - from) }, (_, i) => at(from + i));
    await keepMeeting(stores, { id: `meeting-${from}`, peers, said: meeting });
  }
  const indexingMs = await timed(() => indexAll(stores));
  const embeddingMs = await timed(() => embedAll(stores));
  const byMeaning = await askingOf(stores, { questions, count, byMeaning: true });
  const byWords = await askingOf(stores, { questions, count, byMeaning: false });
  const among = `among ${count} messages`;
  return [
    figure(SUBJECT, `${among}, p50`, quantile(byMeaning.times, 0.5), "ms"),
    figure(SUBJECT, `${among}, p95`, quantile(byMeaning.times, 0.95), "ms", { atMost: atMostMs }),
    figure(SUBJECT, `${among}, CPU, mean`, meanOf(byMeaning.cpu), "ms"),
    figure(SUBJECT, `${among}, CPU, p95`, quantile(byMeaning.cpu, 0.95), "ms"),
    figure(SUBJECT, `${among}, by words alone, CPU, mean`, meanOf(byWords.cpu), "ms"),
    figure(SUBJECT, `${among}, as a prompt asks, CPU, mean`, meanOf(byMeaning.promptCpu), "ms"),
    figure(SUBJECT, `${among}, as a prompt asks, by words alone, CPU, mean`, meanOf(byWords.promptCpu), "ms"),
    figure(SUBJECT, `embedding ${count} messages`, (count / embeddingMs) * 1000, "messages/s"),
    figure(SUBJECT, `indexing ${count} messages`, (count / indexingMs) * 1000, "messages/s", {
      atLeast: 200,
    }),
  ];
}

async function timed(work: () => Promise<unknown>): Promise<number> {
  const beganMs = performance.now();
  await work();
  return performance.now() - beganMs;
}

/** Milliseconds of each question, and of the processor; the latter also where few hits are asked for. */
async function askingOf(
  stores: Stores,
  {
    questions,
    count,
    byMeaning,
  }: { readonly questions: readonly string[]; readonly count: number; readonly byMeaning: boolean },
): Promise<{
  readonly times: readonly number[];
  readonly cpu: readonly number[];
  readonly promptCpu: readonly number[];
}> {
  const askOne = (text: string, limit: number) =>
    ask(stores, { text, reader: "reader", limit, askedAt: count * 60_000, byMeaning });
  for (const question of questions.slice(0, 20)) await askOne(question, LIMIT);
  const [times, cpu, promptCpu]: [number[], number[], number[]] = [[], [], []];
  const cpuOf = async (work: () => Promise<unknown>): Promise<number> => {
    const before = process.cpuUsage();
    await work();
    const { user, system } = process.cpuUsage(before);
    return (user + system) / 1000;
  };
  for (const question of questions)
    cpu.push(await cpuOf(async () => times.push(await timed(() => askOne(question, LIMIT)))));
  for (const question of questions) promptCpu.push(await cpuOf(() => askOne(question, PROMPT_LIMIT)));
  return { times, cpu, promptCpu };
}
