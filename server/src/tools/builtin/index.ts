import type { MemoryStore, SearchStore, SessionStore, Tool, ToolSource } from "@troupe/contracts";
import { calculatorTool } from "./calculator.ts";
import { diceTool } from "./dice.ts";
import { forgetTool } from "./forget.ts";
import { listSessionsTool } from "./list-sessions.ts";
import { recallTool } from "./recall.ts";
import { rememberTool } from "./remember.ts";
import { sessionLogTool } from "./session-log.ts";
import { timeTool } from "./time.ts";
import { type WhatDoIKnowDeps, whatDoIKnowTool } from "./what-do-i-know.ts";
import { type WhoAmIDeps, whoAmITool } from "./who-am-i.ts";

/** Id of the source whose tools an agent has that names none. */
export const BUILTIN_SOURCE = "builtin";

export interface BuiltinToolDeps {
  readonly memories: MemoryStore;
  readonly search: SearchStore;
  readonly sessions: SessionStore;
  /** From 0 up to, not including, 1. */
  readonly random: () => number;
  /** IANA zone of questions for the time that name none. Default UTC. */
  readonly defaultZone?: () => string;
  /** What an agent may do and whom it may ask; absent: nobody knows. */
  readonly colleagues?: WhatDoIKnowDeps["colleagues"];
  readonly selfOf?: WhoAmIDeps["selfOf"];
  /** Made by another folder, and as much a part of Troupe. */
  readonly more?: readonly Tool[];
}

/** The tools that come with Troupe. */
export function createBuiltinTools({
  memories,
  search,
  sessions,
  random,
  defaultZone,
  colleagues,
  selfOf,
  more = [],
}: BuiltinToolDeps): ToolSource {
  const tools = [
    timeTool({ defaultZone: defaultZone ?? (() => "UTC") }),
    diceTool({ random }),
    calculatorTool(),
    rememberTool({ memories }),
    recallTool({ memories, search }),
    forgetTool({ memories, search }),
    listSessionsTool({ sessions }),
    sessionLogTool({ sessions }),
    whatDoIKnowTool({ memories, search, sessions, ...(colleagues === undefined ? {} : { colleagues }) }),
    whoAmITool({ sessions, ...(selfOf === undefined ? {} : { selfOf }) }),
    ...more,
  ];
  return { id: BUILTIN_SOURCE, list: async () => tools };
}
