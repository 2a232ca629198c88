// People over HTTP: what they say by any of the ways in, and what they read by all of the ways out.
import type { MessagePart, Stores } from "@troupe/contracts";
import type { Random } from "../../testing/src/simulator/index.ts";
import type { SentFile } from "./deeds.ts";
import { ask, DOORS, sayOnFace } from "./faces.ts";
import type { House } from "./house.ts";
import { type Crowd, type FaceId, type KeyHolder, keyIdOf, type Place, type Words } from "./people.ts";
import type { Truth } from "./truth.ts";
import { type Thing, thingsIn, walkRoutes } from "./walk.ts";
import { walkSocket, walkTasks } from "./walk-socket.ts";

export type FacePlace = Place & { readonly platform: FaceId };

export interface OnFaces {
  /** Resolves with the answer. */
  say(place: FacePlace, text: string, files: readonly SentFile[]): Promise<string>;
  /** Somebody reads all that they can, and tries what they must not. */
  walk(holder: KeyHolder, files: readonly Thing[]): Promise<void>;
}

export function isOnFace(place: Place): place is FacePlace {
  return place.platform === "web" || place.platform === "app";
}

/** Whose a place is: the holder of a key, or a channel as a whole. */
export function ownerOf(place: Place): string {
  return isOnFace(place) ? keyIdOf(place.platform, place.peerId) : place.platform;
}

interface Shown {
  readonly turn: { readonly sessionId: string };
  readonly reply: { readonly parts: readonly MessagePart[] } | null;
}

export function createOnFaces(deps: {
  readonly house: () => House;
  readonly stores: Stores;
  readonly crowd: Crowd;
  readonly words: Words;
  readonly truth: Truth;
  readonly random: Random;
  /** Number of the deed under way. */
  readonly at: () => number;
  readonly troubles: string[];
  readonly count: (what: string) => void;
  readonly settle: () => Promise<void>;
}): OnFaces {
  const { house, stores, crowd, words, truth, troubles, count, settle } = deps;
  const doors = deps.random.fork("doors");
  const random = deps.random.fork("walks");
  return {
    async say(place, text, files) {
      // Over A2A whoever holds a key speaks for themselves.
      const door = doors.pick(place.platform === "app" ? DOORS.filter((one) => one !== "a2a") : DOORS);
      const agentId = place.platform === "app" ? "bob" : "ana";
      const { faces } = house();
      count(`said by ${door}`);
      const saying = sayOnFace(faces, place, { agentId, door }, { text, files });
      let isSaid = false;
      saying.finally(() => (isSaid = true)).catch(() => {});
      while (!isSaid) await settle();
      const { turnId, heard } = await saying;
      await settle();
      const shown = (await (await ask(faces, ownerOf(place), "GET", `/api/turns/${turnId}`)).json()) as Shown;
      place.sessionId = shown.turn.sessionId;
      const parts = shown.reply?.parts ?? [];
      const answer = parts.map((part) => (part.type === "text" ? part.text : "")).join("\n");
      count("replies");
      truth.look(`${heard}\n${answer}`, crowd.readersOf(place), `an answer by ${door}`, deps.at());
      return answer;
    },
    async walk(holder, files) {
      const secrets = truth.knownTo([]);
      const asked = [1, 2].map(() => (secrets.length === 0 ? "" : random.pick(secrets)));
      const walk = {
        ...{ faces: house().faces, holder, truth, troubles, count, random, at: deps.at() },
        things: await thingsIn(stores, crowd.keyHolders, files),
        words: [words.subject(), words.subject(), ...asked],
      };
      await walkRoutes(walk);
      await walkTasks(walk);
      await walkSocket(walk);
      await settle();
    },
  };
}
