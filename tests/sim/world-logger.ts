import type { Logger } from "@troupe/contracts";
import type { World } from "../../testing/src/simulator/index.ts";

/** What a process logs, as lines of the world. */
export function createWorldLogger(world: World, name: string): Logger {
  const at = (event: string, fields?: Readonly<Record<string, unknown>>): void => {
    const { error, turnId } = fields ?? {};
    world.log(name, event, `${turnId ?? ""} ${error === undefined ? "" : String(error)}`.trim());
  };
  const logger: Logger = { debug: () => {}, info: at, warn: at, error: at, child: () => logger };
  return logger;
}
