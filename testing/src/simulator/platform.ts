import type { Channel, OutboundMessage, VerifiableChannel } from "@troupe/contracts";
import { TroupeError } from "@troupe/contracts";
import type { Faults } from "./faults.ts";
import type { SimulatedProcess } from "./process.ts";
import type { World } from "./world.ts";

/** A message as people on the platform see it. */
export interface PlatformArrival {
  readonly channel: string;
  readonly key: string;
  readonly target: string;
  readonly text: string;
  readonly platformId: string;
  readonly atMs: number;
}

/** The far side of all channels. It stands outside of every process and keeps what arrived. */
export interface SimulatedPlatform {
  readonly arrived: readonly PlatformArrival[];
  /** Keys that it refused for good. */
  readonly rejected: ReadonlySet<string>;
  /** Keys of which some sender was left in doubt. */
  readonly doubted: ReadonlySet<string>;
  /** A channel as one process has it. */
  channel(id: string, delivery: Channel["delivery"], process: SimulatedProcess): Channel;
}

/** A request is on its way so long at most: longer than that, the sender has given up and so has the network. */
const IN_FLIGHT_MS = 1_000;

export function createSimulatedPlatform(world: World, faults: Faults): SimulatedPlatform {
  const random = world.random.fork("platform");
  const arrived: PlatformArrival[] = [];
  const rejected = new Set<string>();
  const doubted = new Set<string>();

  const arrive = (channel: string, dedupes: boolean, message: OutboundMessage): { platformId: string } => {
    const known = dedupes
      ? arrived.find((one) => one.channel === channel && one.key === message.key)
      : undefined;
    if (known !== undefined) return { platformId: known.platformId };
    const platformId = `p${arrived.length + 1}`;
    const { key, target, text } = message;
    arrived.push({ channel, key, target, text, platformId, atMs: world.nowMs });
    world.log(channel, "shows", `${target} ${key} ${text}`);
    return { platformId };
  };
  const serve = (id: string, dedupes: boolean, message: OutboundMessage): { platformId: string } => {
    if (!faults.happens(faults.plan.mishapShare)) return arrive(id, dedupes, message);
    switch (random.int(0, 5)) {
      case 0:
        throw new TroupeError("Too many messages.", {
          code: "channel.rate_limited",
          retryable: true,
          retryAfterMs: 700,
        });
      case 1:
        if (arrived.some((one) => one.channel === id && one.key === message.key)) break;
        rejected.add(message.key);
        world.log(id, "refuses", message.key);
        throw new TroupeError("Nobody has this address.", { code: "channel.rejected" });
      case 2:
      case 3:
        arrive(id, dedupes, message);
    }
    doubted.add(message.key);
    throw new TroupeError("The connection broke.", { code: "channel.unavailable", retryable: true });
  };

  return {
    arrived,
    rejected,
    doubted,
    channel(id, delivery, process) {
      const send: Channel["send"] = (message, { signal }) =>
        process.perform(`send ${id}`, () => serve(id, delivery === "keyed", message), {
          signal,
          isAbandonedOnAbort: true,
          withinMs: IN_FLIGHT_MS,
        });
      if (delivery !== "verifiable") return { id, delivery, send };
      const find: VerifiableChannel["find"] = (key, { signal }) =>
        process.perform(
          `find ${id}`,
          () => {
            if (faults.happens(faults.plan.mishapShare / 2))
              throw new TroupeError("The connection broke.", {
                code: "channel.unavailable",
                retryable: true,
              });
            const found = arrived.find((one) => one.channel === id && one.key === key);
            return found === undefined ? undefined : { platformId: found.platformId };
          },
          { signal, isAbandonedOnAbort: true, withinMs: IN_FLIGHT_MS },
        );
      return { id, delivery, send, find } satisfies VerifiableChannel;
    },
  };
}
