import { type Audience, EVERYONE } from "@troupe/contracts";
import { isKnownToAll } from "../../kit/index.ts";
import { Bitmap } from "./bitmap.ts";

/** Whose records they are, and everyone who knows them. */
interface Known {
  readonly spaceId: string;
  readonly agentId: string;
  readonly audience: Audience;
}

interface Group extends Known {
  readonly id: number;
  /** With some that left; `groupOf` says which are still in it. */
  readonly slots: number[];
}

/**
 * Which slots which readers may find. Slots of one audience are kept together, so that a search looks at audiences, of which
 * there are few, and at no record that its readers do not know.
 */
export class AudienceGroups {
  readonly #groups = new Map<string, Group>();
  /** By space, agent and peer: the groups that the peer knows. */
  readonly #byPeer = new Map<string, Group[]>();
  /** By slot: id of its group; 0 for none. */
  #groupOf = new Int32Array(1024);

  put(slot: number, known: Known): void {
    const group = this.#groupFor(known);
    if (slot >= this.#groupOf.length) {
      const grown = new Int32Array(Math.max(slot + 1, 2 * this.#groupOf.length));
      grown.set(this.#groupOf);
      this.#groupOf = grown;
    }
    if (this.#groupOf[slot] === group.id) return;
    this.#groupOf[slot] = group.id;
    group.slots.push(slot);
  }

  drop(slot: number): void {
    if (slot < this.#groupOf.length) this.#groupOf[slot] = 0;
  }

  /** Slots of which every reader knows; none for no readers. */
  allowed({ spaceId, agentId, readers }: Omit<Known, "audience"> & { readonly readers: Audience }): Bitmap {
    const allowed = new Bitmap();
    const [first] = readers;
    if (first === undefined) return allowed;
    const groupsOf = (peer: string): readonly Group[] =>
      this.#byPeer.get(keyOf(spaceId, agentId, peer)) ?? [];
    for (const group of [...groupsOf(first), ...groupsOf(EVERYONE)]) {
      if (!isKnownToAll(group.audience, readers)) continue;
      for (const slot of group.slots) if (this.#groupOf[slot] === group.id) allowed.add(slot);
    }
    return allowed;
  }

  #groupFor({ spaceId, agentId, audience }: Known): Group {
    const peers = [...new Set(audience)].sort();
    const key = keyOf(spaceId, agentId, ...peers);
    const known = this.#groups.get(key);
    if (known !== undefined) return known;
    const group: Group = { spaceId, agentId, audience: peers, id: this.#groups.size + 1, slots: [] };
    this.#groups.set(key, group);
    for (const peer of peers) {
      const of = keyOf(spaceId, agentId, peer);
      const list = this.#byPeer.get(of);
      if (list === undefined) this.#byPeer.set(of, [group]);
      else list.push(group);
    }
    return group;
  }
}

function keyOf(...names: readonly string[]): string {
  return JSON.stringify(names);
}
