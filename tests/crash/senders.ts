// The load: people on three platforms and programs over HTTP. Each sends one message after the other, and sends it again
// until it is acknowledged, as platforms and clients do.
import { setTimeout as wait } from "node:timers/promises";
import type { AcceptResult } from "@troupe/contracts";
import { DEFAULT_SPACE_ID } from "@troupe/contracts";
import type { Random } from "../../testing/src/simulator/index.ts";
import type { Told } from "../sim/clients.ts";
import type { PlannedConversation, PlannedMessage } from "../sim/plan.ts";
import { AGENT_ID, type Handover, KINDS, type Ready } from "./wire.ts";

export interface Senders {
  readonly told: readonly Told[];
  /** No new messages; resolves when every message that was begun is acknowledged. */
  finish(): Promise<void>;
}

const LANES = 12;
const MESSAGES_A_CONVERSATION = 5;
const PATIENCE_MS = 4_000;
const STEPS = ["", "", "", " +note", " +act", " +note,act", " +act +note"];

type Acknowledged = Extract<AcceptResult, { readonly turnId: string }>;

export function startSenders(deps: {
  readonly random: Random;
  readonly ready: () => (Ready & { readonly operatorKey: string }) | undefined;
}): Senders {
  const { random } = deps;
  const told: Told[] = [];
  let isFinishing = false;
  let tokens = 0;
  let talks = 0;

  const newTold = (conversation: PlannedConversation, order: number): Told => {
    tokens += 1;
    const token = `m${tokens}`;
    const message: PlannedMessage = {
      token,
      text: `${token}${random.pick(STEPS)}`,
      direct: undefined,
      whileBusy: undefined,
      gapMs: 0,
      isRetried: true,
      duplicates: random.chance(0.1) ? 1 : 0,
      cancelAfterMs: undefined,
    };
    const turnIds = new Set<string>();
    const messageIds = new Set<string>();
    return {
      conversation,
      message,
      order,
      turnIds,
      messageIds,
      refused: undefined,
      isSettled: false,
      ends: [],
    };
  };
  /** Undefined when nobody was there, or nobody answered. */
  const attempt = async (one: Told): Promise<Acknowledged | undefined> => {
    const ready = deps.ready();
    if (ready === undefined) return undefined;
    const send = one.conversation.delivery === "api" ? overHttp : overChannel;
    try {
      return await send(one, ready);
    } catch {
      return undefined;
    }
  };
  const sendUntilTaken = async (one: Told): Promise<void> => {
    for (let copies = one.message.duplicates; ; ) {
      const answer = await attempt(one);
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
  };
  const talk = async (at: number): Promise<void> => {
    while (!isFinishing) {
      talks += 1;
      const delivery = at % 4 === 3 ? "api" : (KINDS[at % 4] ?? "keyed");
      const conversation: PlannedConversation = {
        key: `talk${talks}`,
        delivery,
        target: `room${talks}`,
        debounceMs: delivery !== "api" && random.chance(0.3) ? 30 : 0,
        isSequential: true,
        messages: [],
      };
      for (let order = 0; order < MESSAGES_A_CONVERSATION && !isFinishing; order++) {
        const one = newTold(conversation, order);
        told.push(one);
        await sendUntilTaken(one);
        await wait(random.int(0, 60));
      }
    }
  };
  const talking = Array.from({ length: LANES }, (_, at) => talk(at));
  return {
    told,
    async finish() {
      isFinishing = true;
      await Promise.all(talking);
    },
  };
}

async function overChannel(
  { conversation, message }: Told,
  { doorUrl }: Ready,
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
  { gatewayUrl, operatorKey }: Ready & { readonly operatorKey: string },
): Promise<Acknowledged | undefined> {
  const isReceipt = message.token.endsWith("3") || message.token.endsWith("7");
  const response = await fetch(
    `${gatewayUrl}/api/agents/${AGENT_ID}/messages${isReceipt ? "?wait=false" : ""}`,
    {
      method: "POST",
      headers: {
        authorization: `Bearer ${operatorKey}`,
        "content-type": "application/json",
        "idempotency-key": message.token,
      },
      body: JSON.stringify({
        text: message.text,
        session: conversation.key,
        user: `peer-${conversation.target}`,
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
