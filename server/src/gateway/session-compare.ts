import type { CallOptions, Message, Session, Turn, Usage } from "@troupe/contracts";
import { textOf } from "@troupe/contracts";
import type { FaceStores } from "./deps.ts";

/** One turn of one side: what was asked, what was answered, what it cost. */
export interface ComparedTurn {
  readonly turnId: string;
  readonly turnSeq: number;
  readonly question: string;
  readonly answer: string;
  /** Names of the tools that were called, in order. */
  readonly tools: readonly string[];
  /** Absent when the turn's own record is gone. */
  readonly state?: Turn["state"];
  readonly usage?: Usage;
  readonly costMicroUsd?: number;
  readonly tookMs?: number;
}

export interface ComparedTotal {
  readonly turns: number;
  readonly usage: Usage;
  readonly costMicroUsd: number;
}

export interface SessionComparison {
  readonly left: Session & { readonly title: string };
  readonly right: Session & { readonly title: string };
  /** Turns at the beginning that are word for word the same. */
  readonly common: readonly ComparedTurn[];
  /** The rest, side by side in order. */
  readonly rows: readonly {
    readonly left?: ComparedTurn;
    readonly right?: ComparedTurn;
    readonly sameQuestion: boolean;
  }[];
  /** Of what is not common. */
  readonly totals: { readonly left: ComparedTotal; readonly right: ComparedTotal };
  /** There is more than was compared. */
  readonly isCut: boolean;
}

/** Messages of each side that are compared; from the beginning. */
const MOST_MESSAGES = 1_000;
const PAGE = 200;

/** Two conversations, or two branches of one: where they part, and how they went on. */
export async function compareSessions(
  stores: Pick<FaceStores, "sessions" | "turns">,
  left: SessionComparison["left"],
  right: SessionComparison["right"],
  options: CallOptions,
): Promise<SessionComparison> {
  const [one, other] = await Promise.all([
    readTurns(stores, left.id, options),
    readTurns(stores, right.id, options),
  ]);
  let common = 0;
  while (isSame(one.turns[common], other.turns[common])) common += 1;
  const [shared, leftTurns, rightTurns] = await Promise.all([
    withRecords(stores, one.turns.slice(0, common), options),
    withRecords(stores, one.turns.slice(common), options),
    withRecords(stores, other.turns.slice(common), options),
  ]);
  const rows = Array.from({ length: Math.max(leftTurns.length, rightTurns.length) }, (_, at) => {
    const a = leftTurns[at];
    const b = rightTurns[at];
    return {
      ...(a === undefined ? {} : { left: a }),
      ...(b === undefined ? {} : { right: b }),
      sameQuestion: a !== undefined && b !== undefined && a.question === b.question,
    };
  });
  return {
    ...{ left, right, common: shared, rows },
    totals: { left: totalOf(leftTurns), right: totalOf(rightTurns) },
    isCut: one.isCut || other.isCut,
  };
}

async function readTurns(
  { sessions }: Pick<FaceStores, "sessions">,
  sessionId: string,
  options: CallOptions,
): Promise<{ readonly turns: readonly ComparedTurn[]; readonly isCut: boolean }> {
  const messages: Message[] = [];
  let cursor: string | undefined;
  do {
    const query = { sessionId, limit: PAGE, ...(cursor === undefined ? {} : { cursor }) };
    const page = await sessions.messages(query, options);
    messages.push(...page.items);
    cursor = page.next;
  } while (cursor !== undefined && messages.length < MOST_MESSAGES);
  const byTurn = new Map<number, Message[]>();
  for (const message of messages) {
    const turn = byTurn.get(message.turnSeq);
    if (turn === undefined) byTurn.set(message.turnSeq, [message]);
    else turn.push(message);
  }
  const turns = [...byTurn].toSorted(([a], [b]) => a - b).map(([turnSeq, said]) => turnOf(turnSeq, said));
  return { turns, isCut: cursor !== undefined };
}

function turnOf(turnSeq: number, said: readonly Message[]): ComparedTurn {
  const text = (isUser: boolean): string =>
    said
      .filter((message) => (message.role === "user") === isUser)
      .map((message) => textOf(message.parts))
      .join("\n\n");
  const tools = said.flatMap(({ parts }) =>
    parts.flatMap((part) => (part.type === "tool-call" ? [part.name] : [])),
  );
  return { turnId: said[0]?.turnId ?? "", turnSeq, question: text(true), answer: text(false), tools };
}

function isSame(one: ComparedTurn | undefined, other: ComparedTurn | undefined): boolean {
  if (one === undefined || other === undefined) return false;
  return one.question === other.question && one.answer === other.answer;
}

async function withRecords(
  { turns }: Pick<FaceStores, "turns">,
  compared: readonly ComparedTurn[],
  options: CallOptions,
): Promise<readonly ComparedTurn[]> {
  const found: ComparedTurn[] = [];
  for (const one of compared) {
    const turn = await turns.get(one.turnId, options);
    found.push(turn === undefined ? one : { ...one, ...recordOf(turn) });
  }
  return found;
}

function recordOf(turn: Turn): Partial<ComparedTurn> {
  const { state, usage, costMicroUsd, createdAt, finishedAt } = turn;
  const took = finishedAt === undefined ? {} : { tookMs: finishedAt - createdAt };
  return { state, usage, costMicroUsd, ...took };
}

function totalOf(turns: readonly ComparedTurn[]): ComparedTotal {
  const total = { inputTokens: 0, cachedInputTokens: 0, outputTokens: 0 };
  let costMicroUsd = 0;
  for (const { usage, costMicroUsd: cost = 0 } of turns) {
    total.inputTokens += usage?.inputTokens ?? 0;
    total.cachedInputTokens += usage?.cachedInputTokens ?? 0;
    total.outputTokens += usage?.outputTokens ?? 0;
    costMicroUsd += cost;
  }
  return { turns: turns.length, usage: total, costMicroUsd };
}
