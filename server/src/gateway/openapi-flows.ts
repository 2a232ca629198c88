import { type Operation, PAGE_QUERY } from "./openapi-operation.ts";

/** Durable state machines, for operators. */
export const FLOW_OPERATIONS: Readonly<Record<string, Readonly<Record<string, Operation>>>> = {
  "/api/flows": {
    get: {
      summary: "Flows, the newest first, with what they wait for and since when",
      tag: "flows",
      answers: { 200: "FlowPage" },
      query: {
        ...PAGE_QUERY,
        status: "open (the default), ended, all, or states joined by commas",
        definition: "Only of this definition",
        on: "Only what waits for: timer, event, manual, children, turn; version: for one that this process lacks",
      },
    },
    post: {
      summary: "Start a flow; the same id again is the same flow",
      tag: "flows",
      body: "FlowStart",
      answers: { 201: "Flow" },
    },
  },
  "/api/flows/definitions": {
    get: {
      summary: "What can be started here, with steps and versions",
      tag: "flows",
      answers: { 200: "FlowDefinitionList" },
    },
  },
  "/api/flows/events": {
    post: {
      summary:
        "Tell of something that happened: the flow that waits for this topic and correlation id goes on, once",
      tag: "flows",
      body: "FlowEventRequest",
      answers: { 200: "FlowEventResult" },
    },
  },
  "/api/flows/{id}": {
    get: {
      summary: "One flow with its history, its parent and its children",
      tag: "flows",
      answers: { 200: "FlowDetails" },
      query: { before: "A revision: the lines of its history before it" },
    },
  },
  "/api/flows/{id}/resume": {
    post: {
      summary: "End a wait by hand",
      tag: "flows",
      body: "FlowResumption",
      answers: { 200: "Flow" },
    },
  },
  "/api/flows/{id}/cancel": {
    post: {
      summary: "Cancel a flow and those that it began; final",
      tag: "flows",
      body: "FlowCancellation",
      answers: { 200: "Flow" },
    },
  },
};
