// Jobs that agents make: their runs are turns of the conversation in which they were made.
import type { Clock, IdGenerator, Inbox, Logger, MessageBus, Stores, TurnControl } from "@troupe/contracts";
import { DEFAULT_SPACE_ID } from "@troupe/contracts";
import {
  createJobModule,
  createJobService,
  createReminderTool,
  createScheduler,
} from "../../server/src/jobs/index.ts";
import type { Metrics } from "../../server/src/kit/index.ts";
import { createNotices } from "../../server/src/workers/index.ts";

export type Schedule = ReturnType<typeof composeSchedule>;

export function composeSchedule(
  deps: Omit<Stores, "agents" | "inbox"> & {
    readonly inboxRows: Stores["inbox"];
    readonly clock: Clock;
    readonly logger: Logger;
    readonly metrics: Metrics;
    readonly ids: IdGenerator;
    readonly bus: MessageBus;
    readonly processId: string;
    /** Composed after it. */
    readonly later: () => { readonly inbox: Inbox; readonly control: TurnControl };
  },
) {
  const { inboxRows, later } = deps;
  const common = {
    ...deps,
    notices: createNotices({ ...deps, spaceId: DEFAULT_SPACE_ID }),
    control: { cancel: (...call: Parameters<TurnControl["cancel"]>) => later().control.cancel(...call) },
  };
  const scheduler = createScheduler({
    ...common,
    inbox: { accept: (...call) => later().inbox.accept(...call) },
  });
  const service = createJobService({
    ...common,
    ...{ maxPerOwner: () => 50, zone: () => "UTC", hasChannel: () => true },
    onChange: () => scheduler.nudge(),
  });
  const module = createJobModule({
    ...{ ...common, inbox: inboxRows, service },
    onSettled: () => scheduler.nudge(),
  });
  return { scheduler, service, module, commandTools: [createReminderTool()] };
}
