import type { AgentDelivery, CallOptions, EffectHandler, TurnState, Write } from "@troupe/contracts";
import { MAX_AGENT_MESSAGE_BYTES, TroupeError, textOf } from "@troupe/contracts";
import { endAll } from "./deliver.ts";
import type { HandlerDeps } from "./deps.ts";
import { NEVER } from "./notice.ts";
import { ANSWERED_EFFECT, deliverEffect, EFFECT_VERSION, postWrites } from "./post.ts";
import { answerId } from "./progress.ts";
import { settled } from "./settled.ts";
import { tell } from "./texts.ts";

/** A message whose turns failed so often is dead; every other of its batch goes on. Source: feature NN-085. */
const MAX_TURNS = 3;
const AGAIN_MS = 5_000;
const PAGES = 10;

interface Ended {
  readonly batchId: string;
  readonly turnId: string;
  readonly state: TurnState;
  readonly messageId?: string;
  readonly error?: { readonly message?: string };
}

/** A turn that messages of agents began has ended: what it said is the answer to what was asked, and the messages are done with. */
export function createAnsweredHandler(deps: HandlerDeps): EffectHandler {
  return {
    kind: ANSWERED_EFFECT,
    versions: [EFFECT_VERSION],
    retry: { baseMs: 500 },
    async handle(effect, options) {
      const ended = effect.payload as unknown as Ended;
      if (typeof ended.batchId !== "string" || typeof ended.turnId !== "string")
        throw new TroupeError(`The effect ${effect.id} names no turn.`, { code: "request.invalid" });
      await markActivated(deps, ended);
      const open = (await deps.agentDeliveries.ofBatch(ended.batchId, options)).filter(
        ({ state }) => state === "activated",
      );
      const isDone = ended.state === "replied" || ended.state === "suppressed";
      if (open.some(({ kind }) => kind === "ask")) return answer(deps, open, ended, options);
      if (isDone) return endDone(deps, open);
      if (ended.state === "cancelled")
        return endAll(deps, open, () => ({ state: "cancelled", reason: tell("en", "stopped") }));
      return tryAgain(deps, open, ended);
    },
  };
}

/** The turn may end before its beginning was marked. */
async function markActivated(
  { unit, agentDeliveries }: HandlerDeps,
  { batchId, turnId }: Ended,
): Promise<void> {
  try {
    await unit.commit([agentDeliveries.activated({ batchId, turnId })], NEVER);
  } catch (error) {
    if (!TroupeError.is(error, "store.conflict")) throw error;
  }
}

async function endDone(
  deps: HandlerDeps,
  open: readonly AgentDelivery[],
): Promise<readonly Write<unknown>[]> {
  const at = deps.clock.now();
  return open.map(({ messageId, channelId, to }) =>
    deps.agentDeliveries.end({ messageId, channelId, to, state: "done", at }),
  );
}

async function answer(
  deps: HandlerDeps,
  open: readonly AgentDelivery[],
  ended: Ended,
  options: CallOptions,
): Promise<readonly Write<unknown>[]> {
  const text = ended.state === "replied" ? await replyOf(deps, ended, options) : "";
  const reason = ended.error?.message ?? tell("en", ended.state === "cancelled" ? "stopped" : "noWords");
  if (text === "") {
    const state = ended.state === "cancelled" ? "cancelled" : "failed";
    return endAll(deps, open, () => ({ state, reason }));
  }
  const at = deps.clock.now();
  const turn = await deps.turns.get(ended.turnId, options);
  const writes: Write<unknown>[] = [];
  for (const delivery of open) {
    const asked = await deps.agentChannels.message(delivery.messageId, options);
    if (asked === undefined) continue;
    const channel = { id: delivery.channelId, spaceId: delivery.spaceId };
    const origin = {
      ...asked.origin,
      ...{ sessionId: turn?.sessionId ?? "", turnId: ended.turnId, hops: turn?.payload.cause?.depth ?? 0 },
    };
    const about = { id: answerId(asked.id, delivery.to), correlationId: asked.id, from: delivery.to };
    writes.push(
      ...postWrites(deps, { ...about, channel, kind: "answer", text, origin, at }, []),
      deps.agentDeliveries.end({
        ...{ messageId: asked.id, channelId: channel.id, to: delivery.to, state: "done", at },
      }),
    );
  }
  await deps.unit.commit(writes, NEVER);
  return settled(deps, open);
}

/** What the turn said at its end, cut where it is longer than a message may be. */
async function replyOf(
  { turns, sessions }: HandlerDeps,
  ended: Ended,
  options: CallOptions,
): Promise<string> {
  const turn = await turns.get(ended.turnId, options);
  if (turn === undefined) return "";
  let cursor: string | undefined = String(turn.turnSeq);
  for (let page = 0; page < PAGES && cursor !== undefined; page++) {
    const found = await sessions.messages({ sessionId: turn.sessionId, cursor }, options);
    const reply = found.items.find(({ id }) => id === ended.messageId);
    if (reply !== undefined) return cut(textOf(reply.parts));
    cursor = found.next;
  }
  return "";
}

function cut(text: string): string {
  if (Buffer.byteLength(text) <= MAX_AGENT_MESSAGE_BYTES) return text;
  const most = Buffer.from(text)
    .subarray(0, MAX_AGENT_MESSAGE_BYTES - 8)
    .toString("utf8");
  return `${most.replace(/\uFFFD+$/, "")} …`;
}

/** Each message of a batch that failed is tried by itself, so that one bad one costs the others one turn more and no answer. */
async function tryAgain(
  deps: HandlerDeps,
  open: readonly AgentDelivery[],
  { error }: Ended,
): Promise<readonly Write<unknown>[]> {
  const over = open.filter(
    ({ attempts, isAlone }) => attempts >= MAX_TURNS && (isAlone || open.length === 1),
  );
  const again = open.filter((one) => !over.includes(one));
  const now = deps.clock.now();
  const writes = await endAll(deps, over, ({ attempts }) => ({
    state: "dead",
    reason: tell("en", "poison", { attempts, reason: error?.message ?? "" }),
  }));
  const retries = await Promise.all(
    again.map(async (delivery) => {
      const { messageId, to, attempts, spaceId } = delivery;
      const message = await deps.agentChannels.message(messageId, NEVER);
      const origin = message?.origin ?? { turnId: delivery.originTurnId, sessionId: "" };
      const dueAt = open.length > 1 ? now : now + AGAIN_MS * 2 ** (attempts - 1);
      return [
        deps.agentDeliveries.again({ messageId, to }),
        deps.effects.put(deliverEffect(spaceId, { messageId, to }, origin, dueAt, attempts)),
      ];
    }),
  );
  return [...writes, ...retries.flat()];
}
