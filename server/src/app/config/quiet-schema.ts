import { z } from "zod";
import { isZone } from "../../kit/index.ts";
import type { HeartbeatFile, PeerFile, QuietHoursFile } from "./types.ts";

const clockTime = z.string().regex(/^([01]?\d|2[0-3]):[0-5]\d$/, 'is a time of day such as "23:00"');
/** IANA zone. */
export const zone: z.ZodType<string> = z
  .string()
  .refine(isZone, "is no time zone; write an IANA name such as Europe/Kyiv");

export const quietHours: z.ZodType<QuietHoursFile> = z
  .strictObject({
    enabled: z.boolean().default(true).describe("False: none here, whatever stands elsewhere."),
    from: clockTime.default("23:00").describe("First minute, as wall-clock time."),
    to: clockTime.default("07:00").describe("First minute after them; before from: on the next day."),
    timeZone: zone.optional().describe("Zone of both; absent: that of the peer, or else the home's."),
  })
  .refine(({ from, to }) => from.padStart(5, "0") !== to.padStart(5, "0"), {
    path: ["to"],
    message: "is the same as from; quiet hours must end",
  });

export const peers: z.ZodType<Readonly<Record<string, PeerFile>>> = z.record(
  z.string().min(1).max(256),
  z.strictObject({
    timeZone: zone
      .optional()
      .describe("Where this person or group is: times that they say, and their night."),
    quietHours: quietHours.optional().describe("In place of the agent's and the home's."),
  }),
);

export const heartbeat: z.ZodType<HeartbeatFile> = z.strictObject({
  everyMinutes: z.int().min(1).max(129_600).describe("Minutes between two of them."),
  text: z
    .string()
    .min(1)
    .max(8_000)
    .optional()
    .describe("What the agent is asked then; absent: whether there is anything to tell its person."),
  activeHours: z
    .strictObject({ from: clockTime, to: clockTime })
    .refine(({ from, to }) => from.padStart(5, "0") !== to.padStart(5, "0"), {
      path: ["to"],
      message: "is the same as from; leave activeHours out for the whole day",
    })
    .optional()
    .describe("Only within these hours, in the home's zone; absent: all day."),
  deliverTo: z
    .strictObject({ channel: z.string().min(1).max(64), target: z.string().min(1).max(256) })
    .optional()
    .describe("Where it speaks when there is something to say; absent: the operator's inbox."),
});
