import { safeText } from "../../kit/index.ts";
import type { Output } from "../output.ts";
import type { TurnView } from "./turn-view.ts";

/** Says what the reply itself does not: that there is none, and why, or that it was cut. */
export function tellEnd(
  view: Pick<TurnView, "end" | "turnId">,
  { line, paint }: Pick<Output, "line" | "paint">,
): void {
  const { end, turnId } = view;
  if (end === undefined) {
    const where = turnId === undefined ? "./troupe turn list" : `./troupe turn show ${turnId}`;
    line(`The line was cut before the end; what is answered is kept. ${where} shows it.`);
    return;
  }
  switch (end.state) {
    case "replied":
      if (end.finishReason === "length") line(paint.dim("(cut here: the model wrote as much as it may)"));
      if (end.finishReason === "content-filter")
        line(paint.dim("(cut here: the model's provider filtered the rest)"));
      return;
    case "cancelled":
      // What was said before a stop is on the screen already.
      line(paint.dim("Stopped."));
      return;
    default:
      line(paint.bad(safeText(end.text || end.error?.message || `The turn ended as ${end.state}.`)));
  }
}
