// Somebody with a key reads all that they can, by every route that there is.
import { DEFAULT_SPACE_ID, type Stores } from "@troupe/contracts";
import { loadOpenApi } from "../../server/src/gateway/index.ts";
import type { Random } from "../../testing/src/simulator/index.ts";
import { ask, type Faces } from "./faces.ts";
import type { KeyHolder } from "./people.ts";
import type { Truth } from "./truth.ts";
import { FOREIGN, type Kind, OPERATORS, type Plan, READS } from "./walk-routes.ts";

const options = { signal: new AbortController().signal };
const SPACE = { spaceId: DEFAULT_SPACE_ID };
const MOST_OWN = 12;
const MOST_FOREIGN = 6;
const MOST_PAGES = 20;
const FOREIGN_STATUS = [400, 403, 404];

/** Something with an id, and whose it is. */
export interface Thing {
  readonly id: string;
  readonly ownerId: string;
}

export type Things = Readonly<Record<Kind, readonly Thing[]>>;

export interface Walk {
  readonly faces: Faces;
  readonly holder: KeyHolder;
  readonly things: Things;
  readonly words: readonly string[];
  readonly truth: Truth;
  readonly random: Random;
  readonly at: number;
  /** What must not be, beside secrets: something of others that was answered. */
  readonly troubles: string[];
  readonly count: (what: string) => void;
}

/** Every operation that the API describes: `GET /api/turns/{id}`. */
export async function describedRoutes(): Promise<readonly string[]> {
  const { openApiDocument } = await loadOpenApi();
  const { paths } = openApiDocument("leaks") as { readonly paths: Readonly<Record<string, object>> };
  return Object.entries(paths).flatMap(([path, methods]) =>
    Object.keys(methods).map((method) => `${method.toUpperCase()} ${path}`),
  );
}

/** All that there is, in an order that does not follow from ids: the same talk has others. */
export async function thingsIn(
  stores: Stores,
  holders: readonly KeyHolder[],
  blobs: readonly Thing[],
): Promise<Things> {
  const sessions = await all((page) =>
    stores.sessions.list({ ...SPACE, ...page, includeStateless: true }, options),
  );
  const owners = new Map(sessions.map(({ id, ownerId }) => [id, ownerId]));
  const placeOf = new Map(
    sessions.map(({ id, agentId, channel, ownerId, peerId, key }) => [
      id,
      [agentId, channel, ownerId, peerId, key].join(" "),
    ]),
  );
  const turns = await all((page) => stores.turns.list({ ...SPACE, ...page }, options));
  const jobs = await all((page) => stores.jobs.list({ ...SPACE, ...page }, options));
  const ownerIds = holders.map(({ keyId }) => keyId);
  const items = await all((page) =>
    stores.inboxItems.list({ ...SPACE, ...page, ownerIds, unreadOnly: false }, options),
  );
  const orderOf = (sessionId: string | undefined, n: number): string =>
    `${placeOf.get(sessionId ?? "") ?? ""} ${String(n).padStart(16, "0")}`;
  const turn = inOrder(
    turns.map(({ id, sessionId, turnSeq }) => ({
      ...{ id, ownerId: owners.get(sessionId) ?? "", order: orderOf(sessionId, turnSeq) },
    })),
  );
  return {
    session: inOrder(sessions.map(({ id, ownerId }) => ({ id, ownerId, order: placeOf.get(id) ?? "" }))),
    turn,
    response: turn.map(({ id, ownerId }) => ({ id: `resp_${id}`, ownerId })),
    job: inOrder(
      jobs.map(({ id, ownerId, origin, createdAt, spec }) => ({
        ...{ id, ownerId, order: `${orderOf(origin.sessionId, createdAt)} ${spec.title}` },
      })),
    ),
    item: inOrder(
      items.map(({ id, ownerId, createdAt, title }) => ({ id, ownerId, order: `${createdAt} ${title}` })),
    ),
    blob: blobs,
    agent: ["ana", "bob"].map((id) => ({ id, ownerId: "" })),
  };
}

function inOrder(things: readonly (Thing & { readonly order: string })[]): readonly Thing[] {
  return things.toSorted((a, b) => (a.order < b.order ? -1 : a.order > b.order ? 1 : 0));
}

async function all<Item>(
  read: (page: {
    limit: number;
    cursor?: string;
  }) => Promise<{ readonly items: readonly Item[]; readonly next?: string }>,
): Promise<readonly Item[]> {
  const found: Item[] = [];
  for (let cursor: string | undefined; ; ) {
    const { items, next } = await read({ limit: 200, ...(cursor === undefined ? {} : { cursor }) });
    found.push(...items);
    if (next === undefined) return found;
    cursor = next;
  }
}

/** Reads what one key may, and tries what it may not. */
export async function walkRoutes(walk: Walk): Promise<void> {
  for (const [route, plan] of Object.entries(READS)) await readRoute(walk, route, plan);
  for (const [route, { of, body }] of Object.entries(FOREIGN))
    for (const { id } of some(walk, foreignOf(walk, of), MOST_FOREIGN))
      await mustRefuse(walk, route, id, body);
  const operators = walk.faces.adminRoutes.map(
    ({ method, path }) => `${method} ${path.replace(/:(\w+)/g, "{$1}")}`,
  );
  for (const route of [...Object.keys(OPERATORS), ...operators])
    await mustRefuse(walk, route, "x", route.startsWith("GET") ? undefined : {}, [403]);
}

export function ownOf({ things, holder }: Walk, kind: Kind): readonly Thing[] {
  return things[kind].filter(({ ownerId }) => ownerId === holder.keyId || ownerId === "");
}

export function foreignOf({ things, holder }: Walk, kind: Kind): readonly Thing[] {
  return things[kind].filter(({ ownerId }) => ownerId !== holder.keyId && ownerId !== "");
}

/** The newest, and some of the others. */
export function some({ random }: Walk, things: readonly Thing[], most: number): readonly Thing[] {
  if (things.length <= most) return things;
  return Array.from({ length: most }, () => random.pick(things));
}

async function readRoute(walk: Walk, route: string, plan: Plan): Promise<void> {
  const [method = "", path = ""] = route.split(" ");
  const foreign = plan.of === undefined ? [] : some(walk, foreignOf(walk, plan.of), MOST_FOREIGN);
  for (const query of plan.queries?.(
    walk.words,
    foreign.map(({ id }) => id),
  ) ?? [""]) {
    if (plan.of === undefined || !path.includes("{")) {
      await readPages(walk, method, path, query);
      continue;
    }
    const own = some(walk, ownOf(walk, plan.of), MOST_OWN);
    for (const { id } of own) {
      const [other = id] = some(walk, own, 1).map((one) => one.id);
      await readPages(walk, method, path.replace("{id}", id).replace("{other}", other), query);
    }
    for (const { id } of foreign) {
      await mustRefuse(walk, `${method} ${path.replace("{other}", own[0]?.id ?? id)}${query}`, id, undefined);
      if (path.includes("{other}") && own[0] !== undefined)
        await mustRefuse(
          walk,
          `${method} ${path.replace("{id}", own[0].id).replace("{other}", "{id}")}`,
          id,
          undefined,
        );
    }
  }
}

async function readPages(walk: Walk, method: string, path: string, query: string): Promise<void> {
  let cursor: string | undefined;
  for (let page = 0; page < MOST_PAGES; page++) {
    const more =
      cursor === undefined ? "" : `${query === "" ? "?" : "&"}cursor=${encodeURIComponent(cursor)}`;
    const response = await ask(walk.faces, walk.holder.keyId, method, `${path}${query}${more}`);
    const text = await response.text();
    walk.count(response.ok ? "pages read over HTTP" : "pages refused over HTTP");
    walk.truth.lookAsOne(
      text,
      walk.holder.people,
      `${method} ${path}${query} of ${walk.holder.keyId}`,
      walk.at,
    );
    cursor = nextOf(response, text);
    if (cursor === undefined) return;
  }
}

function nextOf(response: Response, text: string): string | undefined {
  if (!response.ok || response.headers.get("content-type")?.includes("json") !== true) return undefined;
  const { next } = JSON.parse(text) as { readonly next?: unknown };
  return typeof next === "string" ? next : undefined;
}

async function mustRefuse(
  walk: Walk,
  route: string,
  id: string,
  body: unknown,
  statuses: readonly number[] = FOREIGN_STATUS,
): Promise<void> {
  const [method = "", pattern = ""] = route.split(" ");
  const path = pattern.replace(/\{\w+\}/g, encodeURIComponent(id));
  const response = await ask(walk.faces, walk.holder.keyId, method, path, body === undefined ? {} : { body });
  const text = await response.text();
  walk.count("asked of others' over HTTP");
  walk.truth.lookAsOne(text, walk.holder.people, `${method} ${path} of ${walk.holder.keyId}`, walk.at);
  if (!statuses.includes(response.status))
    walk.troubles.push(`${walk.holder.keyId} was answered ${response.status} to ${method} ${path}.`);
}
