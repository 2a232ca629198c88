// The flow that runs under trouble: where each step leads follows from the flow's id and how far it is, and each step that is
// kept leaves one mark, which a step that is kept twice would leave twice.
import type { FlowContext, FlowDefinition, FlowNext, FlowResult, FlowState, Stores } from "@troupe/contracts";
import { type Random, textHash } from "../../testing/src/simulator/random.ts";

const SECOND = 1_000;
/** Steps of a flow before it ends. */
const LENGTH = 6;
/** Begins the correlation ids of events that any of several flows may have. */
export const SHARED = "shared ";
const MOVED: Readonly<Record<string, string>> = { pack: "fold", send: "ship" };

/** `pack` and `send` of version 1 are `fold` and `ship` of version 2, which says how flows of version 1 go on. */
export function definitionsOf(
  versions: readonly number[],
  stores: Stores,
  random: Random,
): readonly FlowDefinition[] {
  const step = (other: string) => ({
    run: async (context: FlowContext) => stepOf(context, other, stores, random),
  });
  const all: readonly FlowDefinition[] = [
    { name: "order", version: 1, first: "pack", steps: { pack: step("send"), send: step("pack") } },
    {
      ...{ name: "order", version: 2, first: "fold" },
      steps: { fold: step("ship"), ship: step("fold") },
      migrate: {
        from: {
          1: (state, name) => ({
            state: { ...state, moved: Number(state.moved ?? 0) + 1 },
            step: MOVED[name] ?? name,
          }),
        },
      },
    },
  ];
  return all.filter(({ version }) => versions.includes(version));
}

function stepOf(
  { flow, state, attempt, now }: FlowContext,
  other: string,
  stores: Stores,
  random: Random,
): FlowResult {
  const n = Number(state.n);
  const dice = textHash(`${flow.id} ${n}`) % 100;
  if (dice % 9 === 0 && attempt === 1) throw new Error("The first try of this step fails.");
  const mark = stores.effects.put({
    ...{ id: `mark ${flow.id} ${n} ${random.next()}`, spaceId: flow.spaceId, kind: "mark", v: 1 },
    ...{ lane: "background", turnId: flow.id, sessionId: "s", payload: { n }, createdAt: now },
  });
  const next = n + 1 >= LENGTH ? { done: true as const } : nextOf(flow.id, state, dice, now, other);
  const children =
    "wait" in next && next.wait.kind === "children"
      ? Array.from({ length: 1 + (dice % 3) }, (_, at) => ({
          ...{ key: `c${n}.${at}`, definition: "order" },
          state: { n: LENGTH - 3, depth: 1 },
        }))
      : [];
  return { next, state: { n: n + 1 }, writes: [mark], children };
}

function nextOf(id: string, { depth, n }: FlowState, dice: number, now: number, to: string): FlowNext {
  const deadline = dice % 4 === 0 ? { deadline: { at: now + (1 + dice) * 5 * SECOND, to } } : {};
  if (dice < 18) return { step: to };
  if (dice < 40) {
    // Some wait for the same as others do: each event is one flow's alone.
    const correlationId = dice % 3 === 0 ? `${SHARED}${dice % 2}` : `${id}:${String(n)}`;
    return { wait: { kind: "event", topic: "t", correlationId, to, ...deadline } };
  }
  if (dice < 55) return { wait: { kind: "timer", at: now + (1 + dice) * 6 * SECOND, to } };
  if (dice < 68) return { wait: { kind: "manual", to, ...deadline } };
  if (dice < 80) return { turn: { agentId: "ana", text: "Go on." }, to };
  if (dice < 96) return depth === 0 ? { wait: { kind: "children", to } } : { step: to };
  return { fail: "There is nothing left to send." };
}

/** The number of its first step: children begin further on. */
export function firstOf(state: FlowState): number {
  return state.depth === 0 ? 0 : LENGTH - 3;
}
