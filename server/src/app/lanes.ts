import { type Lane, TroupeError } from "@troupe/contracts";
import { LANES, type LaneLimits } from "../kit/index.ts";
import { isShared } from "./open-store.ts";
import { checkRole, dutiesOf, type Role, type SharingSettings } from "./roles.ts";

/** In which lanes this process runs effects, where that is not as the file says. */
export interface LaneChoice {
  /** Absent: all. */
  readonly lanes?: readonly Lane[] | undefined;
  /** So many effects at once in each of them, in place of `lanes.NAME.parallel`. */
  readonly concurrency?: number | undefined;
}

/** Throws `config.invalid` for a role or a choice of lanes that leaves work to nobody, or that means nothing here. */
export function checkShare(role: Role, choice: LaneChoice | undefined, config: SharingSettings): void {
  checkRole(role, config);
  checkLanes(choice ?? {}, role, config);
}

function checkLanes({ lanes, concurrency }: LaneChoice, role: Role, config: SharingSettings): void {
  if (lanes === undefined && concurrency === undefined) return;
  const refuse = (message: string): never => {
    throw new TroupeError(message, { code: "config.invalid" });
  };
  if (!dutiesOf(role).worksBehind) {
    const option = lanes === undefined ? "--concurrency" : "--lanes";
    refuse(
      `${option} says how a worker runs effects, and the role ${role} runs none. Take it out, or use --role worker.`,
    );
  }
  if (lanes === undefined || isShared(config)) return;
  const left = LANES.filter((lane) => !lanes.includes(lane));
  if (left.length === 0) return;
  refuse(
    `--lanes leaves ${left.join(" and ")} to other processes, and this home cannot be shared, so nobody would work there. Leave --lanes out, or share PostgreSQL and NATS: docs/guide/many-processes.md.`,
  );
}

/** What each lane may do here. */
export function laneLimits(
  configured: Readonly<Record<Lane, LaneLimits>>,
  { lanes = LANES, concurrency }: LaneChoice,
): Readonly<Record<Lane, LaneLimits>> {
  const limitsOf = (lane: Lane): LaneLimits => {
    const own = configured[lane];
    return { ...own, parallel: lanes.includes(lane) ? (concurrency ?? own.parallel) : 0 };
  };
  return {
    realtime: limitsOf("realtime"),
    background: limitsOf("background"),
    heavy: limitsOf("heavy"),
  };
}
