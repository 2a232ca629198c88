import type { Audience, CallOptions, Message } from "@troupe/contracts";
import { textOf } from "@troupe/contracts";
import { dayOf, isKnownToAll, linkSignal, untilAborted } from "../kit/index.ts";
import type { AgentDeps } from "./deps.ts";
import { currentKey, HOME, type SessionView } from "./session-views.ts";
import type { GatheredContribution, PlacedTurn } from "./values.ts";

/** Turns of other storylines that are told, when a turn comes back from them. */
const OTHER_TURNS = 3;
const MAX_OTHER_CHARACTERS = 300;
const OTHERS_HEAD =
  "Said last in this conversation about something else, for reference only; the newest message goes on with another subject:";

/** Turns of a storyline in another conversation that are looked at, and messages of them that are told. */
const LATEST_TURNS = 12;
const TOLD_MESSAGES = 6;
const MAX_READ = { maxMessages: 60, maxBytes: 64 * 1024 } as const;
const ELSEWHERE_HEAD = "Said last there:";

/**
 * The second track: what was said just now in other storylines of the session, in a few short lines. Empty unless the turn
 * comes back from them; the lines stay where they stood, so they are told once.
 */
export function othersOf({ session, track }: PlacedTurn): readonly GatheredContribution[] {
  if (session.tracks.size < 2) return [];
  const key = track.storylineId ?? HOME;
  if (currentKey(session) === key) return [];
  const since = session.recent.findLastIndex((one) => one.key === key) + 1;
  const lines = session.recent
    .slice(Math.max(since, session.recent.length - OTHER_TURNS))
    .flatMap(({ key: of, turn }) => {
      const said = turn.messages.flatMap((message) =>
        (message.role === "user" || message.role === "assistant") && message.text !== ""
          ? [`${message.role}: ${short(message.text)}`]
          : [],
      );
      return said.map((line) => `[${titleOf(session, of)}] ${line}`);
    });
  if (lines.length === 0) return [];
  const detail = "what was said last about other subjects";
  return [{ moduleId: "others", text: [OTHERS_HEAD, ...lines].join("\n"), detail }];
}

function titleOf({ tracks, storyline, readers }: SessionView, key: string): string {
  const isHomeKnown = storyline !== undefined && isKnownToAll(storyline.audience, readers);
  const title = key === HOME ? (isHomeKnown ? storyline.title : "") : tracks.get(key)?.title;
  return short(title || "earlier");
}

function short(text: string): string {
  const line = text.replace(/\s+/g, " ").trim();
  return line.length <= MAX_OTHER_CHARACTERS
    ? line
    : `${line.slice(0, MAX_OTHER_CHARACTERS - 1).toWellFormed()}…`;
}

/**
 * Of a storyline that goes on from another conversation: what is known of it, and what was said there last, as far as all who
 * read the answer know it. Late or failed it is what is known of it alone.
 */
export async function elsewhereOf(
  deps: AgentDeps,
  about: {
    readonly storylineId: string;
    readonly note: string;
    readonly sessionId: string;
    /** What all of one of these know is told: of whom several names are linked, each stands for itself. */
    readonly readers: readonly Audience[];
  },
  parent: AbortSignal,
): Promise<GatheredContribution> {
  const { clock, settings, logger } = deps;
  const told = { moduleId: "elsewhere", text: about.note, detail: "it goes on from another conversation" };
  using scope = linkSignal(parent, { clock, afterMs: settings.gatherMs, reason: () => new Error("late") });
  try {
    const said = await untilAborted(lastSaid(deps, about, { signal: scope.signal }), scope.signal);
    if (said.length === 0) return told;
    const sources = said.map(({ id, sessionId, turnSeq }) => ({
      kind: "message" as const,
      id,
      sessionId,
      turnSeq,
    }));
    const lines = said.map(
      ({ role, parts, createdAt }) => `[${dayOf(createdAt)}] ${role}: ${short(textOf(parts))}`,
    );
    return { ...told, text: [about.note, ELSEWHERE_HEAD, ...lines].join("\n"), sources };
  } catch (error) {
    if (!parent.aborted) logger.warn("storyline.elsewhere_failed", { sessionId: about.sessionId, error });
    return told;
  }
}

async function lastSaid(
  { storylines, sessions }: Pick<AgentDeps, "storylines" | "sessions">,
  about: { readonly storylineId: string; readonly sessionId: string; readonly readers: readonly Audience[] },
  options: CallOptions,
): Promise<readonly Message[]> {
  const turns = await storylines.turnsOf(about.storylineId, LATEST_TURNS, options);
  const elsewhere = turns.filter(({ sessionId }) => sessionId !== about.sessionId);
  const from = elsewhere[0]?.sessionId;
  if (from === undefined) return [];
  const turnIds = new Set(
    elsewhere.filter(({ sessionId }) => sessionId === from).map(({ turnId }) => turnId),
  );
  const query = { sessionId: from, beforeTurnSeq: Number.MAX_SAFE_INTEGER, ...MAX_READ };
  const history = await sessions.history(query, options);
  return history
    .filter(
      ({ turnId, role, outcome, audience, parts }) =>
        turnIds.has(turnId) &&
        (role === "user" || role === "assistant") &&
        outcome === "ok" &&
        textOf(parts) !== "" &&
        about.readers.some((readers) => isKnownToAll(audience, readers)),
    )
    .slice(-TOLD_MESSAGES);
}
