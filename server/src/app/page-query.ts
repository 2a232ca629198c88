import { TroupeError } from "@troupe/contracts";

/** Longest page of any list. */
const MOST_LISTED = 200;

/** Which page of a list a request asks for. Throws `request.invalid`. */
export function pageIn(query: URLSearchParams): { readonly limit?: number; readonly cursor?: string } {
  const [limit, cursor] = [query.get("limit"), query.get("cursor")];
  return {
    ...(limit === null ? {} : { limit: limitIn(limit) }),
    ...(cursor === null ? {} : { cursor }),
  };
}

function limitIn(text: string): number {
  const limit = Number(text);
  if (Number.isInteger(limit) && limit >= 1 && limit <= MOST_LISTED) return limit;
  throw new TroupeError(`limit must be a whole number from 1 to ${MOST_LISTED}.`, {
    code: "request.invalid",
  });
}
