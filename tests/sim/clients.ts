// People and programs that write to agents. They stand outside of every process: they send, wait for the acknowledgement,
// send again when none comes, and remember what they were told.
import type { AcceptResult, InboundMessage, Principal, TurnEvent } from "@troupe/contracts";
import { DEFAULT_SPACE_ID } from "@troupe/contracts";
import type { Random, SimulatedProcess, World } from "../../testing/src/simulator/index.ts";
import type { Composition } from "./composition.ts";
import type { PlannedConversation, PlannedMessage } from "./plan.ts";

export const AGENT_ID = "ana";

/** What became of one message, as its sender knows it. */
export interface Told {
  readonly conversation: PlannedConversation;
  readonly message: PlannedMessage;
  /** Order in which its first attempt was sent within the conversation. */
  readonly order: number;
  /** Turns that acknowledgements named. More than one is a fault. */
  readonly turnIds: Set<string>;
  /** Message ids of `accepted` answers. More than one is a fault. */
  readonly messageIds: Set<string>;
  refused: { readonly code: string; readonly atMs: number } | undefined;
  /** The sender is done with it. */
  isSettled: boolean;
  /** Ends that watchers were told of. */
  readonly ends: Extract<TurnEvent, { type: "end" }>[];
}

export interface Clients {
  readonly told: readonly Told[];
  readonly areDone: boolean;
}

/** Answers how a client reaches some process. */
export type PickProcess = () =>
  | { readonly process: SimulatedProcess; readonly composition: Composition }
  | undefined;

const PATIENCE_MS = 2_500;
const AGAIN_MS = 400;

export function startClients(deps: {
  readonly world: World;
  readonly random: Random;
  readonly conversations: readonly PlannedConversation[];
  readonly pick: PickProcess;
}): Clients {
  const { world, random, conversations } = deps;
  const told: Told[] = [];
  let open = 0;

  const later = (delayMs: number, what: string, run: () => void): void =>
    void world.after(delayMs, undefined, what, run);

  /** One attempt at handing the message over. Calls `onAnswer` at most once. */
  const attempt = (one: Told, onAnswer: (answer: AcceptResult | undefined) => void): void => {
    let isOver = false;
    const answer = (result: AcceptResult | undefined): void => {
      if (isOver) return;
      isOver = true;
      onAnswer(result);
    };
    const target = deps.pick();
    later(PATIENCE_MS + random.next() * 1_000, "client gives up", () => answer(undefined));
    if (target === undefined) return;
    const { process, composition } = target;
    world.after(random.next() * 5, process, "accept", () => {
      world.log(process.name, "is handed", one.message.token);
      const [message, principal] = inboundOf(one, world.utcMs);
      composition.accept(message, principal).then(
        (result) => later(random.next() * 5, "acknowledged", () => answer(result)),
        (error: unknown) =>
          later(random.next() * 5, "accept failed", () => {
            world.log("client", "is told of an error", `${one.message.token} ${String(error)}`);
            answer(undefined);
          }),
      );
    });
  };
  const note = (one: Told, result: AcceptResult): void => {
    world.log(
      "client",
      result.kind,
      `${one.message.token} ${result.kind === "refused" ? result.code : result.turnId}`,
    );
    if (result.kind === "refused") {
      if (isFinal(result.code)) one.refused = { code: result.code, atMs: world.utcMs };
    } else one.turnIds.add(result.turnId);
    if (result.kind === "accepted") one.messageIds.add(result.messageId);
  };
  const settle = (one: Told, next: () => void): void => {
    if (one.isSettled) return;
    one.isSettled = true;
    const { duplicates, cancelAfterMs } = one.message;
    const [turnId] = one.turnIds;
    if (turnId !== undefined) {
      for (let i = 0; i < duplicates; i++) {
        open += 1;
        later(random.next() * 3_000, "duplicate", () =>
          attempt(one, (result) => {
            if (result !== undefined) note(one, result);
            open -= 1;
          }),
        );
      }
      if (cancelAfterMs !== undefined) later(cancelAfterMs, "cancel", () => cancel(turnId));
    }
    next();
  };
  const cancel = (turnId: string): void => {
    const target = deps.pick();
    if (target === undefined) return;
    world.after(0, target.process, "cancel", () => {
      world.log(target.process.name, "is asked to cancel", turnId);
      target.composition.cancel(turnId).catch(() => undefined);
    });
  };
  const send = (one: Told, next: () => void): void =>
    attempt(one, (result) => {
      if (result !== undefined && (result.kind !== "refused" || isFinal(result.code))) {
        note(one, result);
        settle(one, next);
      } else if (one.message.isRetried) later(AGAIN_MS + random.next() * 600, "again", () => send(one, next));
      else settle(one, next);
    });

  for (const conversation of conversations) {
    const all = conversation.messages.map((message, order): Told => {
      const one: Told = {
        conversation,
        message,
        order,
        turnIds: new Set(),
        messageIds: new Set(),
        refused: undefined,
        isSettled: false,
        ends: [],
      };
      told.push(one);
      return one;
    });
    open += all.length;
    const begin = (at: number): void => {
      const one = all[at];
      if (one === undefined) return;
      later(one.message.gapMs, "send", () =>
        send(one, () => {
          open -= 1;
          if (conversation.isSequential) begin(at + 1);
        }),
      );
    };
    if (conversation.isSequential) begin(0);
    else for (const at of all.keys()) begin(at);
  }
  return {
    told,
    get areDone() {
      return open === 0;
    },
  };
}

/** Refusals that asking again does not change. */
function isFinal(code: string): boolean {
  return code !== "admission.full";
}

function inboundOf(one: Told, receivedAt: number): [InboundMessage, Principal] {
  const { conversation, message } = one;
  const { delivery, key, target, debounceMs } = conversation;
  const isPush = delivery !== "api";
  return [
    {
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
      receivedAt,
      ...(message.whileBusy === undefined ? {} : { whileBusy: message.whileBusy }),
      ...(message.direct === undefined ? {} : { direct: message.direct }),
      ...(isPush ? { replyTo: { channel: delivery, target } } : {}),
      watch: (event) => {
        if (event.type === "end") one.ends.push(event);
      },
    },
    { spaceId: DEFAULT_SPACE_ID, kind: isPush ? "channel" : "key", id: `principal-${delivery}` },
  ];
}
