/** Schedules: what is to be done later, and that it is done once. */
export { type AskSmall, type Conditions, createConditions } from "./conditions.ts";
export { createEndedHandler, type EndedDeps } from "./ended.ts";
export { createHeartbeats, HEARTBEAT_OWNER, type Heartbeats } from "./heartbeats.ts";
export { createJobModule } from "./module.ts";
export { createQuietTimes, type QuietRule, quietHoursGate } from "./quiet-hours.ts";
export { createScheduler, type Scheduler, type SchedulerDeps } from "./scheduler.ts";
export { createJobService, type JobService, type JobServiceDeps, type Prepared } from "./service.ts";
export { createJobTools, createReminderTool, type JobToolDeps } from "./tools.ts";
