// A service that speaks the protocol of episode memories as docs/guide/episodes.md has it, on a free port of 127.0.0.1.
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

/** An episode as it was written. */
export interface KeptEpisode {
  readonly id: string;
  readonly space: string;
  readonly agent: string;
  readonly audience: readonly string[];
  readonly session: string;
  readonly turn: number;
  readonly messages: readonly { readonly role: string; readonly text: string; readonly at: string }[];
}

export interface EpisodeServer extends AsyncDisposable {
  /** Below it lie the paths of the protocol. */
  readonly url: string;
  readonly kept: ReadonlyMap<string, KeptEpisode>;
  /** Bodies of searches, in their order. */
  readonly searches: readonly Readonly<Record<string, unknown>>[];
  /** How often each id was written. */
  readonly writes: ReadonlyMap<string, number>;
  /** What the next calls are answered with instead; undefined: as usual. `silent`: with nothing at all. */
  fail(how: number | "silent" | "nonsense" | undefined): void;
}

const WORD = /[\p{L}\p{N}]{3,}/gu;
const PROTOCOL = { protocol: "troupe-episodes", v: 1 };

/** `key`: asked for as a bearer token. `keepsAudiences`: tells who may be told of each episode. */
export async function startEpisodeServer(
  options: { readonly key?: string; readonly keepsAudiences?: boolean } = {},
): Promise<EpisodeServer> {
  const { key, keepsAudiences = false } = options;
  const kept = new Map<string, KeptEpisode>();
  const writes = new Map<string, number>();
  const searches: Readonly<Record<string, unknown>>[] = [];
  let failing: Parameters<EpisodeServer["fail"]>[0];

  const handle = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const body = await bodyOf(request);
    const answer = (status: number, value?: unknown): void => {
      response.writeHead(status, { "content-type": "application/json" });
      response.end(value === undefined ? undefined : JSON.stringify(value));
    };
    if (failing === "silent") return;
    if (failing === "nonsense") return void response.writeHead(200).end("<html>");
    if (failing !== undefined) return answer(failing);
    if (key !== undefined && request.headers.authorization !== `Bearer ${key}`) return answer(401);
    const { pathname, searchParams } = new URL(request.url ?? "", "http://localhost");
    const [, , name = "", id = ""] = pathname.split("/");
    if (request.method === "GET" && name === "") {
      return answer(200, { ...PROTOCOL, name: "memory of tests", keepsAudiences });
    }
    if (request.method === "POST" && name === "search") {
      searches.push(body);
      return answer(200, { episodes: find(kept, body, keepsAudiences) });
    }
    if (request.method === "PUT" && name === "episodes" && id !== "") {
      const known = decodeURIComponent(id);
      writes.set(known, (writes.get(known) ?? 0) + 1);
      if (!kept.has(known)) kept.set(known, { ...(body as unknown as KeptEpisode), id: known });
      return answer(204);
    }
    if (request.method === "DELETE" && name === "episodes") {
      forget(kept, searchParams.get("space"), searchParams.get("reader"));
      return answer(204);
    }
    answer(404);
  };
  const server = createServer((request, response) => {
    handle(request, response).catch(() => response.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`,
    ...{ kept, searches, writes },
    fail(how) {
      failing = how;
    },
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

async function bodyOf(request: IncomingMessage): Promise<Readonly<Record<string, unknown>>> {
  const text = Buffer.concat(await Array.fromAsync(request as AsyncIterable<Buffer>)).toString();
  return text === "" ? {} : (JSON.parse(text) as Readonly<Record<string, unknown>>);
}

/** Those with most words of the question, of what all readers may be told. */
function find(
  kept: ReadonlyMap<string, KeptEpisode>,
  { space, agent, readers, text, limit }: Readonly<Record<string, unknown>>,
  keepsAudiences: boolean,
): readonly unknown[] {
  const asked = new Set(String(text).toLowerCase().match(WORD));
  const ranked = [...kept.values()].flatMap((episode) => {
    const isOwn = episode.space === space && episode.agent === agent;
    if (!isOwn || !(readers as string[]).every((one) => episode.audience.includes(one))) return [];
    const said = new Set(
      episode.messages
        .map((one) => one.text)
        .join(" ")
        .toLowerCase()
        .match(WORD),
    );
    const score = [...asked].filter((word) => said.has(word)).length;
    return score === 0 ? [] : [{ episode, score }];
  });
  return ranked
    .toSorted((a, b) => b.score - a.score)
    .slice(0, Number(limit))
    .map(({ episode: { id, audience, session, turn, messages } }) => ({
      ...{ id, session, turn, source: "diary", at: messages[0]?.at },
      text: messages.map(({ role, text: said }) => `${role}: ${said}`).join("\n"),
      ...(keepsAudiences ? { audience } : {}),
    }));
}

function forget(kept: Map<string, KeptEpisode>, space: string | null, reader: string | null): void {
  for (const [id, episode] of kept)
    if (episode.space === space && episode.audience.length === 1 && episode.audience[0] === reader)
      kept.delete(id);
}
