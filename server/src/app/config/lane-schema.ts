import type { Lane } from "@troupe/contracts";
import { z } from "zod";
import { DEFAULT_LANES, type LaneLimits } from "../../kit/index.ts";

const lane = (defaults: LaneLimits) =>
  z
    .strictObject({
      parallel: z
        .int()
        .min(1)
        .max(1000)
        .default(defaults.parallel)
        .describe("Effects, or batches of them, that one process runs at once."),
      leaseMs: z
        .int()
        .min(5_000)
        .max(600_000)
        .default(defaults.leaseMs)
        .describe("How long a claim lasts that nobody prolongs, such as one of a process that hangs."),
      timeoutMs: z
        .int()
        .min(1_000)
        .max(86_400_000)
        .default(defaults.timeoutMs)
        .describe("Longest attempt of an effect whose handler names no time of its own."),
      shedAbove: z
        .int()
        .min(1)
        .max(10_000_000)
        .default(defaults.shedAbove)
        .describe("Where more are due, effects that say they may be left out are."),
    })
    .prefault({});

/** `lanes` of troupe.yaml. */
export const lanes: z.ZodType<Readonly<Record<Lane, LaneLimits>>> = z
  .strictObject({
    realtime: lane(DEFAULT_LANES.realtime).describe("What somebody waits for."),
    background: lane(DEFAULT_LANES.background).describe("What follows a reply, such as summaries."),
    heavy: lane(DEFAULT_LANES.heavy).describe("What takes long."),
  })
  .prefault({})
  .describe("Where the work after replies runs: how much at once, and for how long.");
