import type { UsageDimension } from "@troupe/contracts";
import { dayOf, monthOf } from "../../kit/index.ts";
import type { Call } from "../call.ts";
import type { Face } from "../face.ts";
import { FieldError, jsonReply, type Reply } from "../reply.ts";
import type { Route } from "../route.ts";
import { isOperator } from "../turn-record.ts";

const DIMENSIONS: readonly UsageDimension[] = ["agent", "peer", "model", "day", "purpose"];
const DAY = /^\d{4}-\d{2}-\d{2}$/;
const MOST_LINES = 1_000;

/** What models were asked and what it cost: an operator sees all of the space, a key what its own sessions came to. */
export function usageRoutes(face: Face): readonly Route[] {
  return [{ method: "GET", path: "/api/usage", access: "key", handle: (call) => usage(face, call) }];
}

async function usage(face: Face, call: Call): Promise<Reply> {
  const { principal, context } = call;
  const now = face.deps.clock.now();
  const query = (name: string): string | undefined => context.req.query(name) || undefined;
  const by = dimensionOf(query("by") ?? "day");
  const fromDay = dayAt("from", query("from") ?? `${monthOf(now)}-01`);
  const toDay = dayAt("to", query("to") ?? dayOf(now));
  if (fromDay > toDay) throw new FieldError("from", `from is ${fromDay}, after to, which is ${toDay}.`);
  const limit = limitOf(query("limit"));
  const report = await face.deps.stores.ledger.usage(
    {
      spaceId: principal.spaceId,
      ...(isOperator(principal) ? {} : { ownerId: principal.id }),
      ...{ by, fromDay, toDay },
      ...(limit === undefined ? {} : { limit }),
    },
    face.lifetime,
  );
  return jsonReply({ by, from: fromDay, to: toDay, ...report });
}

function dimensionOf(name: string): UsageDimension {
  const known = DIMENSIONS.find((one) => one === name);
  if (known !== undefined) return known;
  throw new FieldError("by", `by is "${name.slice(0, 40)}"; known are ${DIMENSIONS.join(", ")}.`);
}

/** A day that exists: 30 February is none. */
function dayAt(name: string, text: string): string {
  const ms = DAY.test(text) ? Date.parse(`${text}T00:00:00Z`) : Number.NaN;
  if (!Number.isNaN(ms) && dayOf(ms) === text) return text;
  throw new FieldError(name, `${name} is "${text.slice(0, 40)}"; write a day as 2026-11-21.`);
}

function limitOf(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const limit = Number(text);
  if (Number.isInteger(limit) && limit >= 1 && limit <= MOST_LINES) return limit;
  throw new FieldError("limit", `limit must be a whole number from 1 to ${MOST_LINES}.`);
}
