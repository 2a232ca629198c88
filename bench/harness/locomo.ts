/** Long conversations with questions about them, in the form that LoCoMo has (Maharana et al., 2024). */
import { readFileSync } from "node:fs";

export interface Said {
  readonly speaker: string;
  readonly text: string;
  /** UTC milliseconds. */
  readonly at: number;
  /** As questions refer to it, `D3:14`. */
  readonly id: string;
}

export interface Asked {
  readonly question: string;
  /** Ids of what was said that answers it; never empty. */
  readonly evidence: readonly string[];
  readonly category: number;
}

export interface Conversation {
  readonly id: string;
  readonly speakers: readonly [string, string];
  /** Each is one meeting; what was said in it, in order. */
  readonly sessions: readonly (readonly Said[])[];
  readonly questions: readonly Asked[];
}

interface SampleFile {
  readonly sample_id?: string;
  readonly qa: readonly {
    readonly question: string;
    readonly evidence?: readonly string[];
    readonly category: number;
  }[];
  readonly conversation: Readonly<Record<string, unknown>> & {
    readonly speaker_a: string;
    readonly speaker_b: string;
  };
}

interface TurnFile {
  readonly speaker: string;
  readonly dia_id: string;
  readonly text?: string;
  readonly blip_caption?: string;
}

/** Between two messages of one meeting; the files date meetings alone. */
const BETWEEN_MS = 30_000;

/** Throws a sentence for people where the file is no such thing. Questions whose evidence is nowhere are left out. */
export function readConversations(path: string): readonly Conversation[] {
  const samples = JSON.parse(readFileSync(path, "utf8")) as readonly SampleFile[];
  if (!Array.isArray(samples) || samples[0]?.conversation === undefined)
    throw new Error(`${path} holds no list of conversations with questions, as LoCoMo's files do.`);
  return samples.map(conversationOf);
}

function conversationOf({ sample_id, conversation, qa }: SampleFile, n: number): Conversation {
  const sessions: Said[][] = [];
  for (let k = 1; ; k++) {
    const date = conversation[`session_${k}_date_time`];
    const turns = conversation[`session_${k}`] as readonly TurnFile[] | undefined;
    if (date === undefined && turns === undefined) break;
    if (turns === undefined) continue;
    const from = timeOf(String(date));
    sessions.push(turns.map((turn, i) => saidOf(turn, from + i * BETWEEN_MS)));
  }
  const known = new Set(sessions.flat().map(({ id }) => id));
  const questions = qa.flatMap(({ question, evidence = [], category }) => {
    const ids = new Set(
      evidence.flatMap((text) => text.match(/D\d+:\d+/g) ?? []).filter((id) => known.has(id)),
    );
    return ids.size === 0 ? [] : [{ question, evidence: [...ids], category }];
  });
  return {
    id: sample_id ?? `conversation-${n}`,
    speakers: [conversation.speaker_a, conversation.speaker_b],
    sessions,
    questions,
  };
}

function saidOf({ speaker, dia_id: id, text = "", blip_caption }: TurnFile, at: number): Said {
  // What a picture shows is all that a text search can know of it.
  const shown = blip_caption === undefined ? "" : ` [shares ${blip_caption}]`;
  return { speaker, id, at, text: `${text}${shown}`.trim() };
}

/** Of `1:56 pm on 8 May, 2023`, read as UTC. */
function timeOf(text: string): number {
  const match = /^(\d+):(\d+) ([ap])m on (\d+) (\w+), (\d+)$/.exec(text.trim());
  const date = match === null ? Number.NaN : Date.parse(`${match[4]} ${match[5]} ${match[6]} UTC`);
  if (match === null || Number.isNaN(date)) throw new Error(`"${text}" is no date of a conversation.`);
  const hours = (Number(match[1]) % 12) + (match[3] === "p" ? 12 : 0);
  return date + (hours * 60 + Number(match[2])) * 60_000;
}
