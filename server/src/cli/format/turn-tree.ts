import type {
  CausedMessage,
  TurnBranch,
  TurnOrigin,
  TurnReference,
  TurnState,
  TurnTree,
} from "@troupe/contracts";
import { oneLine, type Paint } from "../output.ts";
import { duration, usd } from "./time.ts";

/** A line of the tree with what hangs from it. */
interface Node {
  readonly text: string;
  readonly below: readonly Node[];
}

/** What caused the turn, from the first on; nothing where a person began it. */
export function formatOrigin(origin: TurnOrigin | undefined, paint: Paint): readonly string[] {
  if (origin === undefined) return [];
  const { above, from, job, flow } = origin;
  return [
    `  ${paint.bold("caused by")}`,
    ...(job === undefined ? [] : [`    schedule ${job.id}${quoted(job.title)}, run ${job.runId}`]),
    ...(flow === undefined ? [] : [`    flow ${flow.id}${quoted(flow.goal)}`]),
    ...above.map((turn) => `    ${turnText(turn, paint)}`),
    ...(from === undefined ? [] : [`    ${FROM[from.kind]} ${from.name} (${from.agentId})`]),
  ];
}

const FROM: Readonly<Record<NonNullable<TurnOrigin["from"]>["kind"], string>> = {
  ask: "asked by",
  message: "written to by",
  answer: "answers of",
  handoff: "handed over by",
};

/** All that the turn caused. Its own effects stand in its life already; of turns below they stand here. */
export function formatTree(tree: TurnTree | undefined, paint: Paint): readonly string[] {
  if (tree === undefined) return [];
  const nodes = nodesOf({ ...tree, effects: [] }, paint);
  if (nodes.length === 0) return [];
  const more = tree.isMore ? ["    There is more below."] : [];
  return [`  ${paint.bold("caused")}`, ...drawn(nodes, "    "), ...more];
}

function nodesOf({ messages, effects, jobs, turns }: TurnBranch, paint: Paint): readonly Node[] {
  const ofMessages = new Set(messages.flatMap(({ turnId }) => turnId ?? []));
  const turnNode = (turn: TurnReference & TurnBranch): Node => ({
    text: turnText(turn, paint),
    below: nodesOf(turn, paint),
  });
  let shown = new Set<string>();
  return [
    ...messages.map((message): Node => {
      // Several messages may have become one turn; it hangs from the first.
      const below = turns.filter(({ turnId }) => turnId === message.turnId && !shown.has(turnId));
      shown = new Set([...shown, ...below.map(({ turnId }) => turnId)]);
      return { text: messageText(message, paint), below: below.map(turnNode) };
    }),
    ...jobs.map(
      ({ id, title, state }): Node => ({ text: `schedule ${id}${quoted(title)} ${state}`, below: [] }),
    ),
    ...turns.filter(({ turnId }) => !ofMessages.has(turnId)).map(turnNode),
    ...effects.map(({ kind, state, error }): Node => {
      const why = error === undefined ? "" : ` (${oneLine(error, 80)})`;
      return { text: `effect ${kind} ${state}${why}`, below: [] };
    }),
  ];
}

const KINDS: Readonly<Record<CausedMessage["kind"], string>> = {
  message: "told",
  ask: "asked",
  answer: "answered",
  handoff: "handed over to",
};

function messageText({ kind, to, state, excerpt, reason }: CausedMessage, paint: Paint): string {
  const why = reason === undefined ? "" : `: ${oneLine(reason, 120)}`;
  const isBad = state !== "waiting" && state !== "activated" && state !== "done";
  return `${KINDS[kind]} ${to}${quoted(excerpt)} ${isBad ? paint.bad(state) : state}${why}`;
}

const GOOD: ReadonlySet<TurnState> = new Set(["replied", "queued", "running"]);

function turnText(
  { turnId, agentId, state, createdAt, finishedAt, costMicroUsd }: TurnReference,
  paint: Paint,
): string {
  const took = finishedAt === undefined ? "" : ` in ${duration(finishedAt - createdAt)}`;
  const cost = costMicroUsd > 0 ? `, ${usd(costMicroUsd)}` : "";
  return `turn ${turnId} ${agentId} ${GOOD.has(state) ? state : paint.bad(state)}${took}${cost}`;
}

function quoted(text: string): string {
  return text === "" ? "" : ` "${oneLine(text, 60)}"`;
}

function drawn(nodes: readonly Node[], indent: string): readonly string[] {
  return nodes.flatMap(({ text, below }, at) => {
    const isLast = at === nodes.length - 1;
    return [
      `${indent}${isLast ? "└─" : "├─"} ${text}`,
      ...drawn(below, `${indent}${isLast ? "   " : "│  "}`),
    ];
  });
}
