import type { AgentGather, CallOptions, EffectHandler, Session, Write } from "@troupe/contracts";
import { TroupeError } from "@troupe/contracts";
import { derivedId } from "../kit/index.ts";
import type { HandlerDeps } from "./deps.ts";
import { keepWithNotices, NEVER } from "./notice.ts";
import { EFFECT_VERSION, TELL_EFFECT, tellEffect } from "./post.ts";
import { isOpen, type Progress, progressOf } from "./progress.ts";
import { answersText, nameOf, tell } from "./texts.ts";

const LOOK_AGAIN_MS = 30_000;
const MAX_ATTEMPTS = 8;
const PASSING: ReadonlySet<string> = new Set(["admission.full", "rate.limited", "not_ready"]);

/** Tells an asker what those whom it asked have answered, in a turn of the session that it asked in. Once. */
export function createTellHandler(deps: HandlerDeps): EffectHandler {
  return {
    kind: TELL_EFFECT,
    versions: [EFFECT_VERSION],
    retry: { maxAttempts: MAX_ATTEMPTS, baseMs: 500, capMs: 60_000 },
    async handle(effect, options) {
      const progress = await progressOf(deps, String(effect.payload.gatherId), options);
      if (progress === undefined) return [];
      const { gather, isComplete } = progress;
      if (gather.state === "told" && isComplete) await stopRest(deps, progress, options);
      if (gather.state === "stopped" && effect.attempt > 1) await stopLeft(deps, gather, options);
      if (gather.state !== "open" && gather.state !== "awaited") return [];
      if (gather.state === "awaited") {
        const asker = await deps.turns.get(gather.turnId, options);
        const isAtWork = asker?.state === "queued" || asker?.state === "running";
        // It takes the answers itself, unless it ends without: then this looks again.
        if (isAtWork) return [deps.effects.put(lookAgain(deps, gather))];
        // It has ended, maybe just now: what its end kept of the answers is known from here on.
        const now = await deps.agentDeliveries.findGather(gather.id, options);
        if (now?.state !== "open" && now?.state !== "awaited") return [];
      }
      // What ends last puts this once more, unless it ended before the turn did that waited for it.
      if (!isComplete) return gather.state === "awaited" ? [deps.agentDeliveries.release(gather.id)] : [];
      return inform(deps, progress, effect.attempt, options);
    },
  };
}

/** An earlier attempt may have begun the turn that tells, and died before it saw that its chain was stopped. */
async function stopLeft(
  deps: HandlerDeps,
  { id: platformId, spaceId, sessionId }: AgentGather,
  options: CallOptions,
): Promise<void> {
  const session = await deps.sessions.get(sessionId, options);
  if (session === undefined) return;
  const { ownerId: principalId, channel } = session;
  const begun = await deps.inbox.find({ spaceId, principalId, channel, platformId }, options);
  if (begun !== undefined) await deps.cancel(begun.turnId, { reason: "its chain was stopped" }, options);
}

function lookAgain(deps: HandlerDeps, gather: AgentGather) {
  const now = deps.clock.now();
  return tellEffect(gather, `look ${now}`, now, now + LOOK_AGAIN_MS);
}

async function inform(
  deps: HandlerDeps,
  progress: Progress,
  attempt: number,
  options: CallOptions,
): Promise<readonly Write<unknown>[]> {
  const { gather, parts } = progress;
  await stopRest(deps, progress, options);
  const session = await deps.sessions.get(gather.sessionId, options);
  const end = (state: "told" | "suppressed") =>
    deps.agentDeliveries.endGather({ id: gather.id, state, at: deps.clock.now() });
  if (session === undefined) return [end("suppressed")];
  const language = await languageOf(deps, gather, options);
  const text = answersText(deps.agents, gather.spaceId, parts, language);
  const over = await overLimits(deps, progress, session, language, options);
  const withhold = async (reason: string): Promise<readonly Write<unknown>[]> => {
    const agent = nameOf(deps.agents, gather.spaceId, gather.agentId);
    const told = tell(language, "notice.answers", { agent, reason: reason.replace(/[.!?]$/, ""), text });
    const { sessionId, turnId, id: about } = gather;
    await keepWithNotices(deps, [end("suppressed")], [{ sessionId, turnId, text: told, about }]);
    return [];
  };
  if (over !== undefined) return withhold(over);
  const result = await accept(deps, progress, session, text, options);
  if (result.kind === "refused") {
    const { code, message, retryAfterMs } = result;
    if (!PASSING.has(code) || attempt >= MAX_ATTEMPTS) return withhold(message);
    const after = retryAfterMs === undefined ? {} : { retryAfterMs };
    throw new TroupeError(message, { code, retryable: true, ...after });
  }
  await deps.unit.commit([end("told")], NEVER);
  const now = await deps.agentDeliveries.findGather(gather.id, options);
  if (now?.state === "stopped")
    await deps.cancel(result.turnId, { reason: "its chain was stopped" }, options);
  return [];
}

async function accept(
  deps: HandlerDeps,
  { gather, parts }: Progress,
  session: Session,
  text: string,
  options: CallOptions,
) {
  const [asked] = await deps.inbox.ofTurn(gather.turnId, options);
  const from = parts[0]?.delivery.to ?? gather.agentId;
  const name = parts.map(({ delivery }) => nameOf(deps.agents, gather.spaceId, delivery.to)).join(", ");
  return deps.accept(
    {
      ...{ agentId: gather.agentId, channel: session.channel, sessionKey: session.key },
      ...{ peerId: session.peerId, audience: session.audience },
      parts: [{ type: "text", text }],
      ...{ trigger: "agent", lane: gather.lane, platformId: gather.id, debounceMs: 0, whileBusy: "queue" },
      cause: {
        rootTurnId: gather.rootTurnId,
        parentTurnId: gather.turnId,
        depth: gather.hops + 2,
        of: { kind: "agent-message", id: gather.id },
        from: { agentId: from, name, kind: "answer" },
      },
      ...(asked?.replyTo === undefined ? {} : { replyTo: asked.replyTo }),
      receivedAt: deps.clock.now(),
    },
    { spaceId: gather.spaceId, kind: "system", id: session.ownerId },
    options,
  );
}

/** Being told is an activation as well: the guard counts what the asked ones say back. */
async function overLimits(
  deps: HandlerDeps,
  { gather, parts }: Progress,
  { ownerId, peerId }: Session,
  language: string,
  options: CallOptions,
): Promise<string | undefined> {
  const { maxHops, loopGuard } = deps.limits();
  if (gather.hops + 2 >= maxHops) return tell(language, "notice.hops", { max: maxHops });
  const at = deps.clock.now();
  const { max, windowMinutes } = loopGuard;
  for (const other of new Set(parts.map(({ delivery }) => delivery.to))) {
    const pair = { spaceId: gather.spaceId, one: gather.agentId, other, ownerId, peerId };
    const id = derivedId("agent-activation", gather.id, other);
    try {
      const activation = { ...pair, id, at, since: at - windowMinutes * 60_000, max };
      await deps.unit.commit([deps.agentDeliveries.activate(activation)], options);
    } catch (error) {
      if (!TroupeError.is(error, "rate.limited")) throw error;
      const [one, to] = [gather.agentId, other].map((id) => nameOf(deps.agents, gather.spaceId, id));
      return tell(language, "guard", { one: one ?? "", other: to ?? "", max, minutes: windowMinutes });
    }
  }
  return undefined;
}

/** Enough have answered: the rest need not. Stops what an earlier attempt ended and did not live to stop, too. */
async function stopRest(deps: HandlerDeps, { parts }: Progress, options: CallOptions): Promise<void> {
  const reason = tell("en", "enough");
  const rest = parts
    .map(({ delivery }) => delivery)
    .filter((one) => isOpen(one) || (one.state === "cancelled" && one.reason === reason));
  if (rest.length === 0) return;
  const at = deps.clock.now();
  await deps.unit.commit(
    rest.map(({ messageId, channelId, to }) =>
      deps.agentDeliveries.end({ messageId, channelId, to, state: "cancelled", reason, at }),
    ),
    options,
  );
  for (const { turnId } of rest) {
    if (turnId !== undefined) await deps.cancel(turnId, { reason }, options);
  }
}

async function languageOf(
  deps: HandlerDeps,
  { sessionId, turnId }: AgentGather,
  options: CallOptions,
): Promise<string> {
  const { items } = await deps.sessions.messages({ sessionId, newest: true, limit: 20 }, options);
  const asked = items.find((message) => message.turnId === turnId && message.role === "user");
  const text = asked?.parts.map((part) => (part.type === "text" ? part.text : "")).join(" ") ?? "";
  return /[а-щьюяєіїґ]/i.test(text) ? "uk" : "en";
}
