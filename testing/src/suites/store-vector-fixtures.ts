import type { NewVector, StoredVector, VectorOwnerKind } from "@troupe/contracts";
import { message, options, SPACE, type StoreHarness, session } from "./store-fixtures.ts";

export const MODEL = "embedded/words-128";

export function vector(
  ownerId: string,
  numbers: readonly number[],
  change: Partial<NewVector> = {},
): NewVector {
  const base = { spaceId: SPACE, ownerKind: "message" as VectorOwnerKind, model: MODEL, createdAt: 100 };
  const place = placeOf(Number(ownerId.split("-")[1] ?? 1));
  return { ...base, ownerId, place, vector: Float32Array.from(numbers), ...change };
}

export const placeOf = (seq: number): { readonly sessionId: string; readonly seq: number } => ({
  sessionId: "session-1",
  seq,
});

/** A session with so many messages, `message-1` and on. */
export async function withMessages({ stores }: StoreHarness, count: number): Promise<void> {
  const touch = stores.sessions.touch(session({ count, audience: ["peer-1", "peer-2"] }));
  const messages = Array.from({ length: count }, (_, n) =>
    stores.sessions.append(
      message({ id: `message-${n + 1}`, audience: ["peer-1", "peer-2"], fromLast: count - 1 - n }),
    ),
  );
  await stores.unit.commit([touch, ...messages], options);
}

export async function withMemory({ stores }: StoreHarness, id: string): Promise<void> {
  const memory = { id, spaceId: SPACE, agentId: "ana", audience: ["peer-2"], text: `Text of ${id}` };
  await stores.unit.commit([stores.memories.put({ ...memory, turnId: "turn-1", recordedAt: 100 })], options);
}

export async function all({ stores }: StoreHarness, dimensions = 2): Promise<readonly StoredVector[]> {
  return stores.vectors.after({ model: MODEL, dimensions, afterRow: 0, limit: 100 }, options);
}

export const idsOf = (vectors: readonly StoredVector[]): readonly string[] =>
  vectors.map(({ ownerId }) => ownerId);
