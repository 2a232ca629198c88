import { type Operation, PAGE_QUERY } from "./openapi-operation.ts";

const act = (summary: string): Readonly<Record<string, Operation>> => ({
  post: { summary, tag: "jobs", answers: { 200: "Job" } },
});

/** Jobs and reminders. */
export const JOB_OPERATIONS: Readonly<Record<string, Readonly<Record<string, Operation>>>> = {
  "/api/jobs": {
    get: {
      summary: "Jobs and reminders that have not ended, the newest first",
      tag: "jobs",
      answers: { 200: "JobPage" },
      query: {
        ...PAGE_QUERY,
        agent: "Only of this agent",
        all: "true: those that have ended too",
        mine: "true: only of whoever asks; operators see all else",
      },
    },
    post: {
      summary:
        "Make a job or a reminder; exactly one of when, at, inSeconds, cron and everyMinutes says when",
      tag: "jobs",
      body: "JobRequest",
      answers: { 200: "Job", 201: "Job" },
      headers: { "idempotency-key": "The same key gives the same job" },
    },
  },
  "/api/jobs/{id}": {
    get: { summary: "One job", tag: "jobs", answers: { 200: "Job" } },
    patch: {
      summary: "Change a job that has not ended; what is absent stays",
      tag: "jobs",
      body: "JobChange",
      answers: { 200: "Job" },
    },
  },
  "/api/jobs/{id}/runs": {
    get: {
      summary: "Its runs, the newest first, with the turn of each",
      tag: "jobs",
      answers: { 200: "JobRunPage" },
      query: PAGE_QUERY,
    },
  },
  "/api/jobs/{id}/pause": act("Pause a job; a run under way goes on"),
  "/api/jobs/{id}/resume": act("Let a paused or blocked job go on"),
  "/api/jobs/{id}/cancel": act("End a job for good, and stop its run"),
  "/api/jobs/{id}/run": act("Run a waiting job now"),
};
