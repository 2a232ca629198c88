import type { Author, Clock, Inbox, Logger, Principal, ReceivingChannel } from "@troupe/contracts";
import { delayOfAttempt, type Metrics, peerNameOn, sleep, within } from "../kit/index.ts";

/** Pauses of a channel that breaks off; one that worked for longer than the longest begins anew. */
const BACKOFF = { baseMs: 500, capMs: 60_000 };

export interface ReceiversDeps {
  /** Each with the agent that answers there. */
  readonly channels: readonly { readonly channel: ReceivingChannel; readonly agentId: string }[];
  readonly inbox: Pick<Inbox, "accept">;
  /** Hears how a channel shows whoever wrote, by the name that audiences have. */
  readonly onAuthor: (author: Author) => void;
  readonly spaceId: string;
  readonly clock: Clock;
  /** From 0 up to, not including, 1. */
  readonly random: () => number;
  readonly logger: Logger;
  readonly metrics: Metrics;
}

export interface Receivers {
  /** Receives from every channel until the signal aborts; `stop` waits for them. */
  start(signal: AbortSignal): void;
  /** Receives no more; resolves when the channels have let go, or after `withinMs` milliseconds. */
  stop(withinMs: number): Promise<void>;
}

/**
 * Runs the channels that bring messages. Each speaks for its platform as a principal of its own, and its replies go back
 * over it. One that ends or breaks off is begun again after a growing pause, and holds up no other.
 */
export function createReceivers(deps: ReceiversDeps): Receivers {
  const { clock, random, logger } = deps;
  const interruptions = deps.metrics.counter(
    "channel_interruptions_total",
    "Channels that broke off receiving",
  );
  const life = new AbortController();
  let running: readonly Promise<void>[] | undefined;

  const run = async (one: ReceiversDeps["channels"][number]): Promise<void> => {
    const { signal } = life;
    const { id } = one.channel;
    for (let failures = 1; !signal.aborted; failures++) {
      const startedMs = clock.monotonicMs();
      const error = await receive(deps, one, signal);
      if (signal.aborted) return;
      interruptions.add(1, { channel: id });
      if (clock.monotonicMs() - startedMs > BACKOFF.capMs) failures = 1;
      const waitMs = delayOfAttempt(failures, BACKOFF, random);
      logger.error("channel.interrupted", { channel: id, waitMs, ...(error === undefined ? {} : { error }) });
      await sleep(clock, waitMs, signal).catch(() => undefined);
    }
  };

  return {
    start(signal) {
      if (running !== undefined) return;
      const end = (): void => life.abort(signal.reason);
      if (signal.aborted) end();
      else signal.addEventListener("abort", end, { once: true });
      running = deps.channels.map(run);
    },
    async stop(withinMs) {
      life.abort(new Error("Troupe receives no more."));
      if (running !== undefined && running.length > 0) await within(clock, Promise.all(running), withinMs);
    },
  };
}

/** Resolves when the channel has let go, with why where it says so; never rejects. */
async function receive(
  { inbox, spaceId, onAuthor }: ReceiversDeps,
  { channel, agentId }: ReceiversDeps["channels"][number],
  signal: AbortSignal,
): Promise<unknown> {
  const principal: Principal = { spaceId, kind: "channel", id: channel.id };
  try {
    await channel.receive(
      async (message) => {
        const replyTo = { channel: channel.id, target: message.replyTo?.target ?? message.peerId };
        // Two platforms may call different people by the same name: what is told to one would be found for the other.
        const audience = message.audience.map((name) => peerNameOn(channel.id, name));
        const author = authorOn(channel.id, message);
        const of = author === undefined ? {} : { author };
        const inbound = { ...message, ...of, audience, agentId, channel: channel.id, replyTo };
        const result = await inbox.accept(inbound, principal, { signal });
        if (author !== undefined && result.kind !== "refused") onAuthor(author);
        return result;
      },
      { signal },
    );
    return undefined;
  } catch (error) {
    return error;
  }
}

function authorOn(
  channelId: string,
  { author }: Parameters<Parameters<ReceivingChannel["receive"]>[0]>[0],
): Author | undefined {
  return author === undefined ? undefined : { ...author, peerId: peerNameOn(channelId, author.peerId) };
}
