import type {
  AcceptResult,
  AgentChannel,
  AgentDelivery,
  AgentMessage,
  CallOptions,
  Effect,
  EffectHandler,
  Write,
} from "@troupe/contracts";
import { TroupeError } from "@troupe/contracts";
import { derivedId } from "../kit/index.ts";
import type { HandlerDeps } from "./deps.ts";
import { keepWithNotices, NEVER, type Notice } from "./notice.ts";
import { AGENTS_CHANNEL, ANSWERED_EFFECT, DELIVER_EFFECT, EFFECT_VERSION } from "./post.ts";
import { mayActivate, mayReach } from "./reach.ts";
import { count, settled } from "./settled.ts";
import { nameOf, tell } from "./texts.ts";

const CHAIN_STOPPED = "its chain was stopped";
const MAX_BATCH = 100;
const MAX_ATTEMPTS = 8;
/** Refusals that pass by themselves. */
const PASSING: ReadonlySet<string> = new Set(["admission.full", "rate.limited", "not_ready"]);

/** A message with the one that it is to make work. */
interface Item {
  readonly delivery: AgentDelivery;
  readonly message: AgentMessage;
}

/**
 * Gives an agent a turn for a message, with all of its channel and chain that wait beside it as one batch. The batch is
 * fixed before its turn is accepted under the batch's id, so that a crash between any two commits makes one turn of it.
 */
export function createDeliverHandler(deps: HandlerDeps): EffectHandler {
  return {
    kind: DELIVER_EFFECT,
    versions: [EFFECT_VERSION],
    retry: { maxAttempts: MAX_ATTEMPTS, baseMs: 500, capMs: 60_000 },
    async handle(effect, options) {
      const { messageId, to, round } = effect.payload as Readonly<Record<string, unknown>>;
      if (typeof messageId !== "string" || typeof to !== "string")
        throw new TroupeError(`The effect ${effect.id} names no message.`, { code: "request.invalid" });
      const { agentDeliveries, unit } = deps;
      await unit.commit(
        [
          agentDeliveries.bind({
            ...{ batchId: effect.id, messageId, to, limit: MAX_BATCH },
            ...(typeof round === "number" ? { attempts: round } : {}),
          }),
        ],
        options,
      );
      const waiting = (await agentDeliveries.ofBatch(effect.id, options)).filter(
        ({ state }) => state === "waiting",
      );
      try {
        if (waiting.length > 0) await deliver(deps, effect, waiting, options);
      } catch (error) {
        if (effect.attempt < MAX_ATTEMPTS || isTakenAway(options.signal)) throw error;
        const reason = error instanceof Error ? error.message : String(error);
        await endAll(deps, waiting, () => ({ state: "dead", reason }));
      }
      // Also of what an earlier attempt ended that did not live to say so.
      const batch = await agentDeliveries.ofBatch(effect.id, NEVER);
      if (waiting.length === 0 && effect.attempt > 1) await stopLeft(deps, effect, batch, options);
      return settled(deps, batch);
    },
  };
}

/** Troupe stops, or another process holds it: whoever takes it up next goes on. One that took too long is over. */
function isTakenAway({ aborted, reason }: AbortSignal): boolean {
  return aborted && !TroupeError.is(reason, "request.timeout");
}

/** An earlier attempt may have been accepted just before its batch was stopped, and died before it could stop that turn. */
async function stopLeft(
  deps: HandlerDeps,
  { id: platformId, spaceId }: Effect,
  batch: readonly AgentDelivery[],
  options: CallOptions,
): Promise<void> {
  const stopped = batch.find(({ state, turnId }) => state === "cancelled" && turnId === undefined);
  if (stopped === undefined) return;
  const channel = await deps.agentChannels.get(stopped.channelId, options);
  if (channel === undefined) return;
  const by = { spaceId, principalId: channel.ownerId, channel: AGENTS_CHANNEL, platformId };
  const accepted = await deps.inbox.find(by, options);
  if (accepted !== undefined) await deps.cancel(accepted.turnId, { reason: CHAIN_STOPPED }, options);
}

async function deliver(
  deps: HandlerDeps,
  effect: Effect,
  waiting: readonly AgentDelivery[],
  options: CallOptions,
): Promise<void> {
  const channel = await deps.agentChannels.get(waiting[0]?.channelId ?? "", options);
  const items: Item[] = [];
  const ended = new Map<string, Ending>();
  for (const delivery of waiting) {
    const message = await deps.agentChannels.message(delivery.messageId, options);
    const why =
      channel === undefined || message === undefined
        ? "it is gone"
        : await refusalOf(deps, channel, delivery, options);
    if (message === undefined || why !== undefined)
      ended.set(delivery.messageId, { state: "refused", reason: why ?? "" });
    else items.push({ delivery, message });
  }
  const passed: Item[] = [];
  for (const from of new Set(items.map(({ delivery }) => delivery.from))) {
    const own = items.filter(({ delivery }) => delivery.from === from);
    const over = channel && (await guard(deps, effect, channel, own, options));
    if (over === undefined) passed.push(...own);
    for (const { delivery } of over === undefined ? [] : own) {
      ended.set(delivery.messageId, { state: "suppressed", reason: over ?? "" });
    }
  }
  const turned = waiting.filter(({ messageId }) => ended.has(messageId));
  if (turned.length > 0) await endAll(deps, turned, ({ messageId }) => ended.get(messageId) ?? NOT_SO);
  if (passed.length === 0 || channel === undefined) return;
  const order = passed.toSorted((a, b) => a.message.seq - b.message.seq);
  const result = await deps.accept(inboundOf(deps, effect, channel, order), principalOf(channel), options);
  if (result.kind !== "refused") return follow(deps, effect.id, result, options);
  if (PASSING.has(result.code) && effect.attempt < MAX_ATTEMPTS) throw passing(result);
  const refused = order.map(({ delivery }) => delivery);
  await endAll(deps, refused, () => ({ state: "refused", reason: result.message }));
}

interface Ending {
  readonly state: "refused" | "suppressed" | "dead" | "cancelled";
  readonly reason: string;
}

const NOT_SO: Ending = { state: "refused", reason: "" };

/** A rule of today that says no, though the message was let in when it was said. */
async function refusalOf(
  { agents, agentChannels, turns }: HandlerDeps,
  channel: AgentChannel,
  { spaceId, from, to, kind, originTurnId }: AgentDelivery,
  options: CallOptions,
): Promise<string | undefined> {
  const [sender, target] = [agents.get(spaceId, from), agents.get(spaceId, to)];
  if (target === undefined) return tell("en", "gone", { agent: to });
  if (kind === "message" && channel.kind === "group") {
    const members = await agentChannels.members(channel.id, options);
    if (!members.some(({ agentId }) => agentId === to)) return tell("en", "left", { agent: to });
  }
  if (sender !== undefined && mayReach(sender, target)) return undefined;
  const speaking = kind === "message" ? await turns.get(originTurnId, options) : undefined;
  const isAllowed =
    sender !== undefined && speaking !== undefined && mayActivate(channel, sender, target, speaking);
  return isAllowed ? undefined : tell("en", "refused.reach", { agent: to, from });
}

/** Counts what these messages of one sender activate; why not, when the pair has had enough. Source: feature NN-084. */
async function guard(
  deps: HandlerDeps,
  effect: Effect,
  { ownerId, peerId }: AgentChannel,
  own: readonly Item[],
  options: CallOptions,
): Promise<string | undefined> {
  const [first] = own;
  if (first === undefined) return undefined;
  const { spaceId, from, to } = first.delivery;
  const { max, windowMinutes } = deps.limits().loopGuard;
  const at = deps.clock.now();
  const activation = {
    id: derivedId("agent-activation", effect.id, from),
    ...{ spaceId, one: from, other: to, ownerId, peerId, at, since: at - windowMinutes * 60_000, max },
  };
  try {
    await deps.unit.commit([deps.agentDeliveries.activate(activation)], options);
    return undefined;
  } catch (error) {
    if (!TroupeError.is(error, "rate.limited")) throw error;
    return tell("en", "guard", { one: from, other: to, max, minutes: windowMinutes });
  }
}

function principalOf({ spaceId, ownerId }: AgentChannel) {
  return { spaceId, kind: "system", id: ownerId } as const;
}

function inboundOf(
  deps: HandlerDeps,
  effect: Effect,
  channel: AgentChannel,
  items: readonly Item[],
): Parameters<HandlerDeps["accept"]>[0] {
  const last = items.at(-1)?.message;
  if (last === undefined) throw new TypeError("A batch without a message.");
  const { origin, kind } = last;
  const text =
    items.length === 1 ? last.text : items.map(({ message }) => lineOf(deps, message)).join("\n\n");
  return {
    agentId: items[0]?.delivery.to ?? "",
    ...{
      channel: AGENTS_CHANNEL,
      sessionKey: channel.id,
      peerId: channel.peerId,
      audience: channel.audience,
    },
    parts: [{ type: "text", text }],
    ...{ trigger: "agent", lane: origin.lane, platformId: effect.id, debounceMs: 0, whileBusy: "queue" },
    cause: {
      rootTurnId: origin.rootTurnId,
      parentTurnId: origin.turnId,
      depth: Math.max(...items.map(({ message }) => message.origin.hops)) + 1,
      of: { kind: "agent-message", id: deepest(items).id },
      from: {
        agentId: last.from,
        name: nameOf(deps.agents, channel.spaceId, last.from),
        kind: kind === "ask" ? "ask" : "message",
        ...(channel.kind === "group" ? { channel: channel.name === "" ? channel.id : channel.name } : {}),
      },
    },
    afterEnd: { kind: ANSWERED_EFFECT, v: EFFECT_VERSION, lane: "realtime", payload: { batchId: effect.id } },
    receivedAt: deps.clock.now(),
  };
}

function deepest(items: readonly Item[]): AgentMessage {
  const messages = items.map(({ message }) => message);
  return messages.reduce((most, one) => (one.origin.depth >= most.origin.depth ? one : most));
}

function lineOf({ agents }: HandlerDeps, { spaceId, from, text }: AgentMessage): string {
  return `[${nameOf(agents, spaceId, from)}] ${text}`;
}

function passing(result: Extract<AcceptResult, { kind: "refused" }>): TroupeError {
  const { code, message, retryAfterMs } = result;
  return new TroupeError(message, {
    code,
    retryable: true,
    ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
  });
}

/** The turn is accepted; where everything of its batch was stopped meanwhile, so is the turn. */
async function follow(
  deps: HandlerDeps,
  batchId: string,
  { turnId }: { readonly turnId: string },
  options: CallOptions,
): Promise<void> {
  try {
    await deps.unit.commit([deps.agentDeliveries.activated({ batchId, turnId })], NEVER);
  } catch (error) {
    if (!TroupeError.is(error, "store.conflict")) throw error;
    const batch = await deps.agentDeliveries.ofBatch(batchId, options);
    if (batch.some(({ state }) => state === "cancelled"))
      await deps.cancel(turnId, { reason: CHAIN_STOPPED }, options);
  }
}

/** Ends deliveries for good and tells whoever sent them. What that means for those who wait, `settled` says. */
export async function endAll(
  deps: HandlerDeps,
  deliveries: readonly AgentDelivery[],
  endingOf: (delivery: AgentDelivery) => Ending | { readonly state: "failed"; readonly reason: string },
): Promise<void> {
  const at = deps.clock.now();
  const writes: Write<unknown>[] = [];
  const notices: Notice[] = [];
  const dead: (readonly [AgentDelivery, string])[] = [];
  for (const delivery of deliveries) {
    const { messageId, channelId, to, from, spaceId } = delivery;
    const { state, reason } = endingOf(delivery);
    if (state === "dead") dead.push([delivery, reason]);
    writes.push(deps.agentDeliveries.end({ messageId, channelId, to, state, reason, at }));
    count(deps, state);
    deps.logger.warn("delegation.ended", { messageId, from, to, state, reason });
    // Of what was asked the asker is told; of the rest nobody else would be.
    if (delivery.gatherId !== undefined || state === "cancelled") continue;
    const message = await deps.agentChannels.message(messageId, NEVER);
    if (message === undefined) continue;
    const { sessionId, turnId } = message.origin;
    const names = { from: nameOf(deps.agents, spaceId, from), to: nameOf(deps.agents, spaceId, to) };
    const text = tell(languageOf(message.text), "notice.suppressed", {
      ...names,
      reason: reason.replace(/[.!?]$/, ""),
    });
    notices.push({ sessionId, turnId, text, about: `${messageId}/${to}` });
  }
  await keepWithNotices(deps, writes, notices);
  for (const [delivery, reason] of dead) deps.onDead?.(delivery, reason);
}

function languageOf(text: string): string {
  return /[а-щьюяєіїґ]/i.test(text) ? "uk" : "en";
}
