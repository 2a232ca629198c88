import type { MessageBus, TurnFeed } from "@troupe/contracts";
import { createLocalBus, createLocalTurnFeed, loadNats } from "../bus/index.ts";
import type { Foundation } from "./compose.ts";
import type { Config } from "./config/index.ts";

export interface OpenedBus {
  readonly bus: MessageBus;
  readonly feed: TurnFeed;
  /** What is otherwise than usual, as a sentence: Troupe works on without its bus, only slower across processes. */
  remark(): string | undefined;
  close(): Promise<void>;
}

/** The bus that `bus.url` names, and the live events on it. Never waits for a server. */
export async function openBus(
  { bus: { url, prefix } }: Pick<Config, "bus">,
  deps: Pick<Foundation, "clock" | "ids" | "logger" | "metrics" | "processId" | "random">,
): Promise<OpenedBus> {
  const local = createLocalTurnFeed(deps);
  if (url === "local:") {
    const bus = createLocalBus(deps);
    return { bus, feed: local, remark: () => undefined, close: async () => bus.close() };
  }
  const { createBusTurnFeed, createNatsBus } = await loadNats();
  const bus = createNatsBus({ ...deps, url, prefix });
  const feed = createBusTurnFeed({ ...deps, local, bus });
  const where = hostsOf(url);
  return {
    bus,
    feed,
    remark: () =>
      bus.isConnected
        ? undefined
        : `The bus (NATS at ${where}) is away: other processes hear of new work some seconds later. Nothing is lost.`,
    async close() {
      feed.close();
      await bus.close();
    },
  };
}

/** Without names and passwords. */
export function hostsOf(url: string): string {
  return url
    .split(",")
    .map((one) => new URL(one.trim()).host)
    .join(", ");
}
