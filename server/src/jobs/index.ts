/** Schedules: what is to be done later, and that it is done once. */
export { createEndedHandler, type EndedDeps } from "./ended.ts";
export { createScheduler, type Scheduler, type SchedulerDeps } from "./scheduler.ts";
export {
  createJobService,
  type JobAction,
  type JobAsker,
  type JobService,
  type JobServiceDeps,
  type Prepared,
} from "./service.ts";
export type { JobInput } from "./spec.ts";
export { createJobTools, createReminderTool, type JobToolDeps } from "./tools.ts";
