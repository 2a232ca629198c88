import { readEvents } from "./event-stream.ts";
import { ApiProblem, isAway } from "./problem.ts";
import type { TurnEvent } from "./types.ts";

export type EndEvent = Extract<TurnEvent, { type: "end" }>;

export interface Followed {
  /** Sends the message. Repeating it joins the turn that it began: it carries a key of its own. Absent: the turn is known. */
  readonly send?: (signal: AbortSignal) => Promise<Response>;
  readonly turnId?: string;
  /** Opens the events of a turn, told from its attempt's start. */
  readonly watch: (turnId: string, signal: AbortSignal) => Promise<Response>;
  /** The message is kept, and this is its turn. Called once. */
  readonly onAccepted?: (turnId: string, sessionId: string) => void;
  /** `isFirst`: the first of a connection, which tells the turn from its attempt's start. */
  readonly onEvent: (event: TurnEvent, isFirst: boolean) => void;
  readonly onAway?: (isAway: boolean) => void;
  readonly signal: AbortSignal;
  readonly wait?: (ms: number, signal: AbortSignal) => Promise<void>;
}

const FIRST_PAUSE_MS = 400;
const LONGEST_PAUSE_MS = 8_000;

/**
 * Follows a turn to its end, over broken lines and restarts of the server. Rejects with what the message was refused with,
 * or with the signal's reason.
 */
export async function followTurn(followed: Followed): Promise<EndEvent> {
  const { signal, onAway, wait = waitOrOnline } = followed;
  let turnId = followed.turnId;
  let pauseMs = FIRST_PAUSE_MS;
  let isGone = false;
  const accepted = (id: string, sessionId: string): void => {
    if (turnId === undefined) followed.onAccepted?.(id, sessionId);
    turnId ??= id;
  };
  const seen = (): void => {
    pauseMs = FIRST_PAUSE_MS;
    if (isGone) onAway?.(false);
    isGone = false;
  };
  try {
    for (;;) {
      try {
        const end = await readOnce(followed, turnId, accepted, seen);
        if (end !== undefined) return end;
      } catch (error) {
        signal.throwIfAborted();
        if (!isAway(error)) throw error;
        if (!isGone) onAway?.(true);
        isGone = true;
      }
      await wait(pauseMs, signal);
      pauseMs = Math.min(pauseMs * 2, LONGEST_PAUSE_MS);
    }
  } finally {
    // Refused or given up: nobody waits for Troupe here any more.
    if (isGone) onAway?.(false);
  }
}

/** One connection. Undefined: it ended before the turn did. */
async function readOnce(
  { send, watch, onEvent, signal }: Followed,
  turnId: string | undefined,
  accepted: (turnId: string, sessionId: string) => void,
  seen: () => void,
): Promise<EndEvent | undefined> {
  const response =
    turnId === undefined && send !== undefined ? await send(signal) : await watch(turnId ?? "", signal);
  seen();
  accepted(response.headers.get("x-troupe-turn") ?? "", response.headers.get("x-troupe-session") ?? "");
  if (response.body === null) return undefined;
  let isFirst = true;
  try {
    for await (const { data } of readEvents(response.body)) {
      const event = JSON.parse(data) as TurnEvent;
      onEvent(event, isFirst);
      isFirst = false;
      if (event.type === "end") return event;
    }
  } catch (cause) {
    signal.throwIfAborted();
    if (cause instanceof SyntaxError) throw cause;
    throw new ApiProblem("The line broke.", { code: "offline", status: 0, cause });
  }
  return undefined;
}

/** Waits, but no longer than until the network is there again. Rejects with the signal's reason. */
function waitOrOnline(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const done = (): void => {
      clearTimeout(timer);
      globalThis.removeEventListener?.("online", done);
      signal.removeEventListener("abort", done);
      if (signal.aborted) reject(signal.reason as Error);
      else resolve();
    };
    // Not all pages of a browser at the same moment.
    const timer = setTimeout(done, ms * (0.75 + Math.random() / 2));
    globalThis.addEventListener?.("online", done);
    signal.addEventListener("abort", done);
  });
}
