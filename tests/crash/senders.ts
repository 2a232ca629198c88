// The load: people on three platforms and programs over HTTP. Each sends one message after the other, and sends it again
// until it is acknowledged, as platforms and clients do; where there are several ways in, each time by any of them.
import { setTimeout as wait } from "node:timers/promises";
import type { AcceptResult } from "@troupe/contracts";
import { DEFAULT_SPACE_ID } from "@troupe/contracts";
import type { Random } from "../../testing/src/simulator/index.ts";
import type { Told } from "../sim/clients.ts";
import type { PlannedConversation, PlannedMessage } from "../sim/plan.ts";
import { AGENT_ID, type Entrance, type Handover, KINDS } from "./wire.ts";

/** How people write. */
export interface Manners {
  /** Conversations at one time. Default 12. */
  readonly lanes?: number;
  /** Most milliseconds between an acknowledgement and the next message. Default 60. */
  readonly mostGapMs?: number;
  /** Shares of messages that join a running turn, that interrupt it, and whose turn somebody cancels. Default 0. */
  readonly steerShare?: number;
  readonly interruptShare?: number;
  readonly cancelShare?: number;
}

export interface Senders {
  readonly told: readonly Told[];
  /** Cancels that were asked for and answered. */
  readonly cancels: number;
  /** No new messages; resolves when every message that was begun is acknowledged. */
  finish(): Promise<void>;
}

const LANES = 12;
const MOST_GAP_MS = 60;
const MOST_CANCEL_MS = 250;
const MESSAGES_A_CONVERSATION = 5;
const PATIENCE_MS = 4_000;
const STEPS = ["", "", "", " +note", " +act", " +note,act", " +act +note"];

type Acknowledged = Extract<AcceptResult, { readonly turnId: string }>;

export function startSenders(deps: {
  readonly random: Random;
  /** Where a message may be handed over just now. */
  readonly entrance: () => Entrance | undefined;
  readonly manners?: Manners;
}): Senders {
  const { random, manners = {} } = deps;
  const { lanes = LANES, mostGapMs = MOST_GAP_MS } = manners;
  const told: Told[] = [];
  const asides = new Set<Promise<void>>();
  let isFinishing = false;
  let talks = 0;
  let cancels = 0;

  const cancelLater = (turnId: string, afterMs: number): void => {
    const aside = (async () => {
      await wait(afterMs);
      const entrance = deps.entrance();
      if (entrance !== undefined && (await cancel(entrance, turnId))) cancels += 1;
    })().finally(() => asides.delete(aside));
    asides.add(aside);
  };
  const sendUntilTaken = async (one: Told): Promise<void> => {
    for (let copies = one.message.duplicates; ; ) {
      const answer = await attempt(one, deps.entrance());
      if (answer === undefined) {
        await wait(random.int(5, 40));
        continue;
      }
      one.turnIds.add(answer.turnId);
      if (answer.kind === "accepted") one.messageIds.add(answer.messageId);
      if (copies === 0) break;
      copies -= 1;
    }
    one.isSettled = true;
    const [turnId] = one.turnIds;
    const { cancelAfterMs } = one.message;
    if (turnId !== undefined && cancelAfterMs !== undefined) cancelLater(turnId, cancelAfterMs);
  };
  const talk = async (at: number): Promise<void> => {
    while (!isFinishing) {
      const conversation = newConversation(random, at, ++talks);
      for (let order = 0; order < MESSAGES_A_CONVERSATION && !isFinishing; order++) {
        const one = newTold(random, manners, { conversation, order, token: `m${told.length + 1}` });
        told.push(one);
        await sendUntilTaken(one);
        await wait(random.int(0, mostGapMs));
      }
    }
  };
  const talking = Array.from({ length: lanes }, (_, at) => talk(at));
  return {
    told,
    get cancels() {
      return cancels;
    },
    async finish() {
      isFinishing = true;
      await Promise.all(talking);
      await Promise.all(asides);
    },
  };
}

function newConversation(random: Random, at: number, number: number): PlannedConversation {
  const delivery = at % 4 === 3 ? "api" : (KINDS[at % 4] ?? "keyed");
  return {
    key: `talk${number}`,
    delivery,
    target: `room${number}`,
    debounceMs: delivery !== "api" && random.chance(0.3) ? 30 : 0,
    isSequential: true,
    messages: [],
  };
}

function newTold(
  random: Random,
  { steerShare = 0, interruptShare = 0, cancelShare = 0 }: Manners,
  { token, ...place }: Pick<Told, "conversation" | "order"> & { readonly token: string },
): Told {
  const roll = random.next();
  const isSteering = roll < steerShare;
  const isInterrupting = !isSteering && roll < steerShare + interruptShare;
  const message: PlannedMessage = {
    token,
    text: `${token}${random.pick(STEPS)}`,
    direct: undefined,
    whileBusy: isSteering ? "steer" : isInterrupting ? "interrupt" : undefined,
    gapMs: 0,
    isRetried: true,
    duplicates: random.chance(0.1) ? 1 : 0,
    cancelAfterMs: random.chance(cancelShare) ? random.int(0, MOST_CANCEL_MS) : undefined,
  };
  const known = { turnIds: new Set<string>(), messageIds: new Set<string>(), ends: [] };
  return { ...place, message, ...known, refused: undefined, isSettled: false };
}

/** Undefined when nobody was there, or nobody answered. */
async function attempt(one: Told, entrance: Entrance | undefined): Promise<Acknowledged | undefined> {
  if (entrance === undefined) return undefined;
  const send = one.conversation.delivery === "api" ? overHttp : overChannel;
  try {
    return await send(one, entrance);
  } catch {
    return undefined;
  }
}

/** Whether somebody heard of it; one that nobody heard is not asked for again, as people do. */
async function cancel({ doorUrl }: Entrance, turnId: string): Promise<boolean> {
  try {
    const signal = AbortSignal.timeout(PATIENCE_MS);
    return (await fetch(doorUrl, { method: "POST", body: JSON.stringify({ turnId }), signal })).ok;
  } catch {
    return false;
  }
}

async function overChannel(
  { conversation, message }: Told,
  { doorUrl }: Entrance,
): Promise<Acknowledged | undefined> {
  const { delivery, key, target, debounceMs } = conversation;
  const handover: Handover = {
    message: {
      agentId: AGENT_ID,
      channel: delivery,
      sessionKey: key,
      peerId: `peer-${target}`,
      audience: [`peer-${target}`],
      parts: [{ type: "text", text: message.text }],
      trigger: "chat",
      lane: "realtime",
      platformId: message.token,
      debounceMs,
      replyTo: { channel: delivery, target },
      ...(message.whileBusy === undefined ? {} : { whileBusy: message.whileBusy }),
      receivedAt: Date.now(),
    },
    principal: { spaceId: DEFAULT_SPACE_ID, kind: "channel", id: `principal-${delivery}` },
  };
  const response = await fetch(doorUrl, {
    method: "POST",
    body: JSON.stringify(handover),
    signal: AbortSignal.timeout(PATIENCE_MS),
  });
  if (!response.ok) return undefined;
  const result = (await response.json()) as AcceptResult;
  return result.kind === "refused" ? undefined : result;
}

/** Waits for the whole answer half of the time; what it is told then must be what is kept. */
async function overHttp(
  { conversation, message, ends }: Told,
  { gatewayUrl, key }: Entrance,
): Promise<Acknowledged | undefined> {
  const isReceipt = message.token.endsWith("3") || message.token.endsWith("7");
  const response = await fetch(
    `${gatewayUrl}/api/agents/${AGENT_ID}/messages${isReceipt ? "?wait=false" : ""}`,
    {
      method: "POST",
      headers: {
        authorization: `Bearer ${key}`,
        "content-type": "application/json",
        "idempotency-key": message.token,
      },
      body: JSON.stringify({
        text: message.text,
        session: conversation.key,
        user: `peer-${conversation.target}`,
        ...(message.whileBusy === undefined ? {} : { whileBusy: message.whileBusy }),
      }),
      signal: AbortSignal.timeout(PATIENCE_MS),
    },
  );
  const body = (await response.json()) as Record<string, string> & { joined?: boolean };
  // A turn that came to no answer is told as a problem that names it: the message was taken all the same.
  if (body.turnId === undefined) return undefined;
  if (!response.ok) return { kind: "duplicate", turnId: body.turnId, sessionId: "", state: "failed" };
  const { turnId = "", sessionId = "", messageId = "" } = body;
  if (isReceipt && body.joined !== true)
    return { kind: "accepted", turnId, sessionId, messageId, seq: 0, position: "running" };
  // The message id of a whole answer is the answer's.
  if (!isReceipt) {
    const usage = { inputTokens: 0, cachedInputTokens: 0, outputTokens: 0 };
    ends.push({
      type: "end",
      state: body.state as "replied",
      text: body.text ?? "",
      usage,
      costUsd: 0,
      turnId,
      attempt: 1,
      n: 0,
    });
  }
  return { kind: "duplicate", turnId, sessionId, state: "replied" };
}
