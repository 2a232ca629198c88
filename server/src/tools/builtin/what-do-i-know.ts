import type {
  CallOptions,
  MemoryRecord,
  MemoryStore,
  SearchHit,
  SearchStore,
  SessionStore,
  SourceReference,
  Tool,
  ToolContext,
} from "@troupe/contracts";
import { referenceOf, stemOf, wordsOf } from "../../kit/index.ts";
import { tell } from "../catalogue/index.ts";
import { objectOf } from "../schema.ts";
import { findMemories } from "./find-memories.ts";
import { memoryLine } from "./forget.ts";
import { lineOf } from "./lines.ts";
import { currentLines } from "./why.ts";

const SHOWN = 10;
/** Newest records about people that are looked at. */
const LOOKED_AT = 200;
const SAID = 5;
/** What was said is asked for beyond what is shown, for memories are among it. */
const SPARE = 20;
const MIN_SCORE = 0.5;
const SOURCES_OF_ONE = 2;

export interface Colleague {
  readonly name: string;
  readonly capabilities: readonly string[];
}

export interface WhatDoIKnowDeps {
  readonly memories: Pick<MemoryStore, "alike" | "find" | "list">;
  readonly search: Pick<SearchStore, "search">;
  readonly sessions: Pick<SessionStore, "find">;
  /** Agents that this one may ask. Default: none. */
  readonly colleagues?: (of: Pick<ToolContext, "spaceId" | "agentId">) => readonly Colleague[];
}

/**
 * Tells what is known of a person or a subject, who can be asked about it, and where each of it is from. Only what everyone who
 * reads the answer knows already is found.
 */
export function whatDoIKnowTool(deps: WhatDoIKnowDeps): Tool {
  return {
    spec: {
      name: "what_do_i_know",
      description:
        "What you know about a person or subject, with sources, and who can be asked about it. Use it for questions like “who knows about boats?”.",
      kind: "pure",
      inputSchema: objectOf({
        about: {
          type: "string",
          maxLength: 300,
          description: "A name or a subject. Leave out for the newest of all that you keep in mind.",
        },
      }),
    },
    async run(input, context, options) {
      const about = ((input as { readonly about?: string }).about ?? "").trim();
      const [records, experts] = await recordsAbout(deps, about, context, options);
      const said = about === "" ? [] : await saidAbout(deps, about, context, options);
      const { language } = context;
      const askable = [...new Set(experts)];
      const lines = [
        ...(askable.length === 0 ? [] : [tell(language, "know.askable", { names: askable.join(", ") })]),
        ...(await recordLines(deps, records, context, options)),
        ...(said.length === 0 ? [] : [tell(language, "know.said")]),
        ...said.map((hit) => `  ${lineOf(hit, language)}`),
      ];
      if (lines.length === 0) return { text: tell(language, about === "" ? "recall.empty" : "know.nothing") };
      const sources: SourceReference[] = [
        ...records.map(({ id }) => ({ kind: "memory", id }) as const),
        ...said.map(referenceOf),
      ];
      return { text: lines.join("\n"), sources };
    },
  };
}

/** Those that matter, people first, and by name who can be asked. */
async function recordsAbout(
  deps: WhatDoIKnowDeps,
  about: string,
  context: ToolContext,
  options: CallOptions,
): Promise<readonly [readonly MemoryRecord[], experts: readonly string[]]> {
  const { spaceId, agentId, audience: readers } = context;
  const query = { spaceId, agentId, readers };
  if (about === "") return [(await deps.memories.list({ ...query, limit: SHOWN }, options)).items, []];
  const [{ items }, near] = await Promise.all([
    deps.memories.list({ ...query, limit: LOOKED_AT, kinds: ["relationship"] }, options),
    findMemories(deps, about, context, options),
  ]);
  const wanted = stemsOf(about);
  const people = items.filter((one) => isAbout(one, wanted));
  const knowing = people.filter(({ attributes }) => holdsAll(String(attributes.knows ?? ""), wanted));
  // Absent with what somebody says of themselves; where they alone read there is nobody to ask.
  const experts = knowing.flatMap(({ attributes: { person, speaker } }) =>
    typeof (person ?? speaker) === "string" ? [String(person ?? speaker)] : [],
  );
  const able = (deps.colleagues?.(context) ?? []).filter((one) =>
    holdsAll(one.capabilities.join(" "), wanted),
  );
  const found = new Map([...people, ...near].map((one) => [one.id, one]));
  return [[...found.values()].slice(0, SHOWN), [...experts, ...able.map(({ name }) => name)]];
}

function isAbout({ text, attributes }: MemoryRecord, wanted: ReadonlySet<string>): boolean {
  return holdsAll([text, attributes.person, attributes.relation, attributes.knows].join(" "), wanted);
}

function holdsAll(text: string, wanted: ReadonlySet<string>): boolean {
  const own = stemsOf(text);
  return wanted.size > 0 && [...wanted].every((stem) => own.has(stem));
}

/** “knows” and “know” are what is asked, not what it is about. */
const ASKING: ReadonlySet<string> = new Set(["know", "knows", "знає", "знати", "ask"]);

function stemsOf(text: string): ReadonlySet<string> {
  const words = wordsOf(text, 100).filter((word) => !ASKING.has(word));
  return new Set(words.map(stemOf));
}

/** What was said of it, beside what is remembered. */
async function saidAbout(
  { search }: WhatDoIKnowDeps,
  about: string,
  { spaceId, agentId, audience: readers, sessionId, turnSeq }: ToolContext,
  options: CallOptions,
): Promise<readonly SearchHit[]> {
  const words = wordsOf(about);
  if (words.length === 0) return [];
  const except = { sessionId, fromTurnSeq: turnSeq };
  const query = { spaceId, agentId, readers, words, limit: SPARE, minScore: MIN_SCORE, except };
  const hits = await search.search(query, options);
  return hits.filter(({ kind, role }) => kind === "message" || role === "document").slice(0, SAID);
}

/** Each memory with its sign, and below it what told it. */
async function recordLines(
  deps: WhatDoIKnowDeps,
  records: readonly MemoryRecord[],
  { spaceId, audience: readers, language }: ToolContext,
  options: CallOptions,
): Promise<readonly string[]> {
  if (records.length === 0) return [];
  const told = new Map(records.map((one) => [one.id, one.sources.slice(-SOURCES_OF_ONE)]));
  const lineById = await currentLines(
    deps,
    [...told.values()].flat(),
    { spaceId, readers, language },
    options,
  );
  const lines = records.flatMap((memory) => {
    const from = (told.get(memory.id) ?? []).flatMap(({ id }) => lineById.get(id) ?? []);
    return [
      memoryLine(memory, language),
      ...from.map((line) => `  ${tell(language, "know.from", { line })}`),
    ];
  });
  return [tell(language, "know.remembered"), ...lines];
}
