import { derivedId, titleOf } from "../../kit/index.ts";
import type { AgentDeps } from "../deps.ts";
import type { OpenedTurn, PlacedTurn } from "../values.ts";

/** Step 2: finds the storyline. In this version a session has exactly one, so nothing has to be weighed. */
export function place(deps: AgentDeps, turn: OpenedTurn): PlacedTurn {
  const { emitter, trace } = turn.run;
  const known = turn.session.storyline;
  const storyline =
    known === undefined
      ? { id: derivedId("storyline", turn.session.sessionId), title: titleOf(turn.text), isNew: true }
      : { id: known.id, title: known.title, isNew: false };
  const detail = `${storyline.isNew ? "began" : "continued"} "${storyline.title}"`;
  trace.push({ at: deps.clock.now(), what: "place", detail });
  emitter.step("place", "completed", detail);
  return { ...turn, storyline };
}
