import { type Stores, TroupeError, type TurnEvent } from "@troupe/contracts";
import { type ReplayDeps, replayTape } from "../agent/index.ts";
import type { AdminRequest, AdminRoute } from "../gateway/index.ts";
import { linkSignal, readTape, tapeLines } from "../kit/index.ts";
import { createTapeModel } from "../llm/index.ts";
import type { TapeKeeper } from "./tapes.ts";

/** A tape as the operator gets it: its lines as values. */
export interface TapeReport {
  readonly turnId: string;
  readonly attempt: number;
  /** UTC milliseconds. */
  readonly createdAt: number;
  readonly bytes: number;
  /** Why it cannot be replayed; absent where it can. */
  readonly cut?: string;
  readonly lines: readonly unknown[];
}

interface TapeParts extends Pick<ReplayDeps, "agents" | "toolbox" | "clock" | "ids"> {
  readonly stores: Pick<Stores, "tapes">;
  readonly keeper: Pick<TapeKeeper, "redactor">;
  readonly maxSteps: () => number;
}

/** Reading tapes and replaying them. The operator's alone. */
export function tapeRoutes(parts: TapeParts): readonly AdminRoute[] {
  return [
    { method: "GET", path: "/admin/turns/:id/tape", handle: (request) => showTape(parts, request) },
    { method: "POST", path: "/admin/turns/:id/replay", handle: (request) => replay(parts, request) },
  ];
}

async function showTape({ stores }: TapeParts, request: AdminRequest): Promise<TapeReport> {
  const { params, principal } = request;
  const turnId = params.id ?? "";
  const tape = await stores.tapes.get({ spaceId: principal.spaceId, turnId }, request);
  if (tape === undefined) {
    throw new TroupeError(
      `There is no tape of turn ${turnId}. Turns are recorded while tape.record is true in troupe.yaml, or tape in the agent's file, and their tapes kept for tape.keepDays days.`,
      { code: "request.not_found" },
    );
  }
  const { attempt, createdAt, bytes, cut, text } = tape;
  return {
    ...{ turnId, attempt, createdAt, bytes },
    ...(cut === undefined ? {} : { cut }),
    lines: tapeLines(text),
  };
}

/** The live events of the replay, then its verdict, as an event stream. */
async function replay(parts: TapeParts, request: AdminRequest): Promise<Response> {
  const { withTiming, lines } = asked(await request.json());
  const tape = readTape(lines ?? (await showTape(parts, request)).lines);
  const { id: turnId, deadlineAt, dueAt } = tape.head.turn;
  if (turnId !== request.params.id) {
    throw new TroupeError(`The file holds the tape of turn ${turnId}, not of ${request.params.id}.`, {
      code: "request.invalid",
    });
  }
  const redact = await parts.keeper.redactor(request.principal.spaceId, request);
  const { clock } = parts;
  const late = () => new TroupeError("The replay took longer than it may.", { code: "request.timeout" });
  const afterMs = Math.max(SHORTEST_LIMIT_MS, 2 * (deadlineAt - dueAt));
  const scope = linkSignal(request.signal, { clock, afterMs, reason: late });
  const deps: ReplayDeps = {
    ...parts,
    redact,
    maxSteps: parts.maxSteps(),
    modelOf: (calls) => createTapeModel({ calls, clock, withTiming }),
  };
  const stream = openEvents(() => scope.abort(new Error("Nobody watches the replay any more.")));
  const begun = Promise.withResolvers<void>();
  const onEvent = (event: TurnEvent): void => {
    stream.send("event", event);
    begun.resolve();
  };
  const running = replayTape(deps, tape, { signal: scope.signal, onEvent })
    .finally(() => scope[Symbol.dispose]())
    .then((verdict) => stream.end("verdict", verdict));
  running.catch((error: unknown) => stream.end("error", problemOf(error)));
  // What is wrong from the start is answered as an error.
  await Promise.race([begun.promise, running]);
  return stream.response;
}

const SHORTEST_LIMIT_MS = 60_000;

function asked(body: unknown): {
  readonly withTiming: boolean;
  readonly lines: readonly unknown[] | undefined;
} {
  const { timing, lines } = (body ?? {}) as { readonly timing?: unknown; readonly lines?: unknown };
  if (lines !== undefined && !Array.isArray(lines)) {
    throw new TroupeError('"lines" holds the lines of a tape: an array of JSON values.', {
      code: "request.invalid",
    });
  }
  return { withTiming: timing === true, lines };
}

function problemOf(error: unknown): { readonly code: string; readonly detail: string } {
  if (TroupeError.is(error)) return { code: error.code, detail: error.message };
  return { code: "internal", detail: "The replay broke off." };
}

/** Server-sent events. As many as the tape makes; nothing is held back for a slow reader. */
function openEvents(onGone: () => void): {
  readonly response: Response;
  send(name: string, value: unknown): void;
  end(name: string, value: unknown): void;
} {
  const encoder = new TextEncoder();
  let isOpen = true;
  let sink: ReadableStreamDefaultController<Uint8Array> | undefined;
  const body = new ReadableStream<Uint8Array>({
    start(controller) {
      sink = controller;
    },
    cancel() {
      isOpen = false;
      onGone();
    },
  });
  const send = (name: string, value: unknown): void => {
    if (isOpen) sink?.enqueue(encoder.encode(`event: ${name}\ndata: ${JSON.stringify(value)}\n\n`));
  };
  return {
    response: new Response(body, { headers: { "content-type": "text/event-stream; charset=utf-8" } }),
    send,
    end(name, value) {
      send(name, value);
      if (isOpen) sink?.close();
      isOpen = false;
    },
  };
}
