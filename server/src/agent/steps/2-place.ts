import type { ModuleDecision, PlaceChoice, Placement, PlaceQuery, Trigger } from "@troupe/contracts";
import { derivedId, isKnownToAll, titleOf, withoutAuthor } from "../../kit/index.ts";
import { askUnsure } from "../ask-unsure.ts";
import type { AgentDeps } from "../deps.ts";
import { gatherAll, shownIn } from "../gather.ts";
import { elsewhereOf } from "../second-track.ts";
import { currentKey, HOME, trackOf } from "../session-views.ts";
import type { OpenedTurn, PlacedTurn } from "../values.ts";

/** By this name configuration says whether a model is asked, and a model is told who asks. */
const ASKER = "storylines";
/** The tool of the command by which a person chooses a storyline. */
const CHOOSER = "storyline";
const MAX_EARLIER_TURNS = 12;
/** What people say, wherever they say it. */
const SAID: ReadonlySet<Trigger> = new Set(["chat", "channel"]);

const NOTHING: ModuleDecision = { actions: [] };

/**
 * Step 2: finds the storyline: goes on, resumes another, or begins one. Scores decide; a model is asked only where they are
 * unsure and the configuration allows it. What fails costs the turn nothing: it belongs where its session began.
 */
export function place(
  deps: AgentDeps,
  turn: OpenedTurn,
  signal: AbortSignal,
): PlacedTurn | Promise<PlacedTurn> {
  const { placer } = deps;
  const { session } = turn.run.claimed;
  const home = homeOf(turn);
  if (placer === undefined || session.stateless || turn.session.startsAt !== 1)
    return placedHome(deps, turn, home);
  const failed = (error: unknown): PlacedTurn => {
    if (signal.aborted) throw signal.reason;
    deps.logger.warn("storyline.failed", { turnId: turn.view.turnId, error });
    return placedHome(deps, turn, home);
  };
  try {
    const placement = placer.place(queryOf(turn, home), { signal });
    if (placement instanceof Promise)
      return placement.then((found) => settled(deps, turn, home, found, signal)).catch(failed);
    const placed = settled(deps, turn, home, placement, signal);
    return placed instanceof Promise ? placed.catch(failed) : placed;
  } catch (error) {
    return failed(error);
  }
}

type Home = PlacedTurn["home"];

function homeOf({ session, text, view }: OpenedTurn): Home {
  const known = session.storyline;
  if (known === undefined)
    return { id: derivedId("storyline", session.sessionId), title: titleOf(text), isNew: true };
  // Whoever came after it began does not know what it was called.
  const title = isKnownToAll(known.audience, view.audience) ? known.title : titleOf(text);
  return { id: known.id, title, isNew: false };
}

function placedHome(deps: AgentDeps, turn: OpenedTurn, home: Home): PlacedTurn {
  tell(deps, turn, `${home.isNew ? "began" : "continued"} "${home.title}"`);
  const track = trackOf(turn.session, HOME);
  return { ...turn, home, storyline: home, track, sideIds: [], placement: undefined };
}

function queryOf(turn: OpenedTurn, home: Home): PlaceQuery {
  const { view, session, text } = turn;
  const { direct } = turn.run.claimed.turn.payload;
  return {
    ...{ spaceId: view.spaceId, agentId: view.agent.spec.id, sessionId: view.sessionId, peerId: view.peerId },
    ...{ readers: view.audience, turnId: view.turnId, turnSeq: view.turnSeq, text, home },
    previousTurnSeq: session.recent.at(-1)?.turn.turnSeq ?? 0,
    at: turn.run.claimed.turn.createdAt,
    isSilent: direct !== undefined || !SAID.has(view.trigger),
    chosen: direct?.tool === CHOOSER ? choiceIn(direct.input) : undefined,
    earlier: () =>
      session.recent.slice(-MAX_EARLIER_TURNS).map(({ turn: { turnSeq, messages } }) => ({
        turnSeq,
        texts: messages.flatMap(({ role, text: said }) =>
          role === "user" || role === "assistant" ? [withoutAuthor(said)] : [],
        ),
      })),
  };
}

function choiceIn(input: unknown): string | undefined {
  const { choice } = (input ?? {}) as { readonly choice?: unknown };
  return typeof choice === "string" ? choice : undefined;
}

function settled(
  deps: AgentDeps,
  turn: OpenedTurn,
  home: Home,
  placement: Placement,
  signal: AbortSignal,
): PlacedTurn | Promise<PlacedTurn> {
  const { otherwise } = placement;
  if (otherwise === undefined || deps.asksModel?.(ASKER) !== true)
    return placedAt(deps, turn, home, placement, signal);
  return asked(deps, turn, home, placement, otherwise, signal);
}

async function asked(
  deps: AgentDeps,
  turn: OpenedTurn,
  home: Home,
  placement: Placement,
  otherwise: Readonly<Record<string, PlaceChoice>>,
  signal: AbortSignal,
): Promise<PlacedTurn> {
  deps.metrics.counter("storyline_questions_total", "Turns placed by asking a model").add(1);
  const choices = Object.fromEntries(Object.keys(otherwise).map((name) => [name, NOTHING]));
  const question = "Which of these subjects does the newest message belong to?";
  const unsure = [{ moduleId: ASKER, answer: { question, choices, otherwise: NOTHING } }];
  const track = trackOf(turn.session, currentKey(turn.session));
  const provisional = { ...turn, home, storyline: home, track, sideIds: [], placement: undefined };
  const answers = await askUnsure(deps, provisional, unsure, signal);
  const chosen = otherwise[answers.get(ASKER) ?? ""];
  return placedAt(deps, turn, home, chosen === undefined ? placement : { ...placement, ...chosen }, signal);
}

const WORDS = { begun: "began", continued: "continued", resumed: "resumed", chosen: "was sent to" } as const;

function placedAt(
  deps: AgentDeps,
  turn: OpenedTurn,
  home: Home,
  placement: Placement,
  signal: AbortSignal,
): PlacedTurn {
  const { id, how, note, sideIds, names, isOfAnotherName } = placement;
  // Once the link is undone nothing of the other name is left here.
  const title = isOfAnotherName === true ? titleOf(turn.text) : placement.title;
  const isHome = id === home.id;
  const isNew = isHome ? home.isNew : how === "begun";
  const word = isHome && !isNew && how === "begun" ? WORDS.continued : WORDS[how];
  tell(deps, turn, isOfAnotherName === true ? `${word} a storyline of another name` : `${word} "${title}"`);
  const key = isHome ? HOME : id;
  const track = trackOf(turn.session, key, title);
  const seen = key === currentKey(turn.session) ? turn : gatheredAnew(deps, turn, key, signal);
  const { sessionId, audience } = turn.view;
  const readers = names === undefined ? [audience] : names.map((name) => [name]);
  const gathering =
    note === ""
      ? seen.gathering
      : [...seen.gathering, elsewhereOf(deps, { storylineId: id, note, sessionId, readers }, signal)];
  return { ...turn, ...seen, gathering, home, storyline: { id, title, isNew }, track, sideIds, placement };
}

/** What was gathered so far is about a prompt that shows another storyline. */
function gatheredAnew(
  deps: AgentDeps,
  { view, session, run }: OpenedTurn,
  key: string,
  signal: AbortSignal,
): Pick<OpenedTurn, "view" | "gathering"> {
  const seen = { ...view, ...shownIn(session, key) };
  const isAsked = run.claimed.turn.payload.direct === undefined;
  return { view: seen, gathering: isAsked ? gatherAll(deps, seen, signal) : [] };
}

function tell(deps: AgentDeps, { run }: OpenedTurn, detail: string): void {
  run.trace.push({ at: deps.clock.now(), what: "place", detail });
  run.emitter.step("place", "completed", detail);
}
