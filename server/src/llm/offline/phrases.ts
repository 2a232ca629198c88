import type { Language } from "../../kit/index.ts";
import type { AgentPhrases } from "./agent-phrases.ts";
import type { JobPhrases } from "./job-phrases.ts";
import { english } from "./phrases-en.ts";
import { ukrainian } from "./phrases-uk.ts";

/** Things the guide says by itself. `{name}` and the like are filled in. */
export type Saying =
  | "greeting"
  | "greetingAgain"
  | "help"
  | "thanks"
  | "wellbeing"
  | "farewell"
  | "about"
  | "connect"
  | "stop"
  | "later"
  | "remindWhat"
  | "remindWhen"
  | "scheduleWhat"
  | "whichJob"
  | "rememberWhat"
  | "found"
  | "foundIn"
  | "foundClose"
  | "foundNothing"
  | "toolMissing"
  | "agentsMissing"
  | "toolFailed"
  | "statement"
  | "files"
  | "unclear"
  | "default";

/** The tools that the guide knows how to ask for. */
export type GuideTool =
  | ("remember" | "recall" | "list_sessions" | "time" | "dice" | "calculator")
  | ("remind_me" | "job_create" | "job_list" | "job_cancel" | "job_pause" | "job_resume")
  | ("ask_agent" | "ask_agents" | "send_to_agent" | "list_agents" | "hand_off" | "hand_back");

/**
 * Everything that is particular to a language, as data. A phrase is whole words; `*` stands for any one word. Groups are
 * matched at the beginning of a clause unless they say otherwise.
 */
export interface PhraseTable extends SayingsTable, JobPhrases {
  readonly agents: AgentPhrases;
  /** Skipped at the beginning of a clause. */
  readonly politeness: readonly string[];
  /** May stand between two requests in one sentence. */
  readonly conjunctions: readonly string[];
  readonly remember: readonly string[];
  readonly recall: readonly string[];
  /** Anywhere in a clause. */
  readonly listSessions: readonly string[];
  /** Anywhere in a clause. */
  readonly time: readonly string[];
  /** Before the name of a place. */
  readonly placeWords: readonly string[];
  /** Places by what they are called, with their IANA zones. */
  readonly places: Readonly<Record<string, string>>;
  /** Ask for dice only together with a notation such as 2d6. */
  readonly roll: readonly string[];
  /** Phrases and the notation they mean. */
  readonly dice: Readonly<Record<string, string>>;
  /** May stand around an expression that is to be calculated. */
  readonly calculateWords: readonly string[];
  /** Operators written as words. */
  readonly operators: Readonly<Record<string, string>>;
  readonly stop: readonly string[];
  /** What a later version does. */
  readonly later: readonly string[];
  /** Words that cannot be somebody's name in `later`'s places for a word. */
  readonly notNames: readonly string[];
  readonly connect: readonly string[];
  /** Anywhere in a clause. */
  readonly about: readonly string[];
  readonly help: readonly string[];
  /** Anywhere in a clause. */
  readonly thanks: readonly string[];
  /** Only as a whole clause. */
  readonly wellbeing: readonly string[];
  readonly farewell: readonly string[];
  readonly greeting: readonly string[];
  /** May follow a greeting. */
  readonly greeted: readonly string[];
  readonly questionWords: readonly string[];
  /** Carry nothing when something is searched for. */
  readonly emptyWords: readonly string[];
}

/** What the guide says. */
export interface SayingsTable {
  readonly sayings: Readonly<Record<Saying, string>>;
  /** How it introduces itself, with and without an agent's name. */
  readonly self: { readonly named: string; readonly nameless: string };
  /** In place of the list of proposals. */
  readonly noTools: string;
  readonly tryThese: string;
  /** What stands before the parts of a summary. */
  readonly summary: { readonly began: string; readonly latest: string };
  readonly quotes: readonly [string, string];
  /** One proposal a tool, for help; tools that follow from another need none. */
  readonly proposals: Readonly<Partial<Record<GuideTool, string>>>;
}

const TABLES: Readonly<Record<Language, PhraseTable>> = { en: english, uk: ukrainian };

export function phrasesOf(language: Language): PhraseTable {
  return TABLES[language];
}
