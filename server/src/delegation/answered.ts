import type { AgentDelivery, CallOptions, EffectHandler, TurnState, Write } from "@troupe/contracts";
import { MAX_AGENT_MESSAGE_BYTES, TroupeError, textOf } from "@troupe/contracts";
import { endAll } from "./deliver.ts";
import type { HandlerDeps } from "./deps.ts";
import { NEVER } from "./notice.ts";
import { ANSWERED_EFFECT, deliverEffect, EFFECT_VERSION, postWrites } from "./post.ts";
import { answerId } from "./progress.ts";
import { count, settled } from "./settled.ts";
import { cut, tell } from "./texts.ts";

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
      const batch = await deps.agentDeliveries.ofBatch(ended.batchId, options);
      const open = batch.filter(({ state }) => state === "activated");
      const writes = open.length === 0 ? [] : await close(deps, open, ended, options);
      // Also of what an earlier attempt ended that did not live to say so.
      return [...writes, ...(await settled(deps, await deps.agentDeliveries.ofBatch(ended.batchId, NEVER)))];
    },
  };
}

/** Ends what the turn was about; resolves with what its own end is kept with. */
async function close(
  deps: HandlerDeps,
  open: readonly AgentDelivery[],
  ended: Ended,
  options: CallOptions,
): Promise<readonly Write<unknown>[]> {
  const isDone = ended.state === "replied" || ended.state === "suppressed";
  if (open.some(({ kind }) => kind === "ask")) await answer(deps, open, ended, options);
  else if (isDone) return endDone(deps, open);
  else if (ended.state === "cancelled")
    await endAll(deps, open, () => ({ state: "cancelled", reason: tell("en", "stopped") }));
  else return tryAgain(deps, open, ended);
  return [];
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

function endDone(deps: HandlerDeps, open: readonly AgentDelivery[]): readonly Write<unknown>[] {
  const at = deps.clock.now();
  for (const _ of open) count(deps, "done");
  return open.map(({ messageId, channelId, to }) =>
    deps.agentDeliveries.end({ messageId, channelId, to, state: "done", at }),
  );
}

async function answer(
  deps: HandlerDeps,
  open: readonly AgentDelivery[],
  ended: Ended,
  options: CallOptions,
): Promise<void> {
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
    count(deps, "done");
    const about = { id: answerId(asked.id, delivery.to), correlationId: asked.id, from: delivery.to };
    writes.push(
      ...postWrites(deps, { ...about, channel, kind: "answer", text, origin, at }, []),
      deps.agentDeliveries.end({
        ...{ messageId: asked.id, channelId: channel.id, to: delivery.to, state: "done", at },
      }),
    );
  }
  await deps.unit.commit(writes, NEVER);
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
    if (reply !== undefined) return cut(textOf(reply.parts), MAX_AGENT_MESSAGE_BYTES);
    cursor = found.next;
  }
  return "";
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
  await endAll(deps, over, ({ attempts }) => ({
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
        deps.effects.put(
          deliverEffect(spaceId, { messageId, to }, origin, now, { name: String(attempts), dueAt, attempts }),
        ),
      ];
    }),
  );
  return retries.flat();
}
