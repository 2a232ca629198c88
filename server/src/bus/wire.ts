import type { Envelope } from "@troupe/contracts";

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { fatal: true });

/** An envelope as it travels: JSON, with the process that said it. Others may publish without `from`. */
export function packEnvelope(envelope: Envelope, from: string): Uint8Array {
  return encoder.encode(JSON.stringify({ ...envelope, from }));
}

export interface Unpacked {
  readonly envelope: Envelope;
  /** The process that said it; undefined for others. */
  readonly from: string | undefined;
}

/** Undefined for what is none: whoever may publish on the bus may write anything. */
export function unpackEnvelope(bytes: Uint8Array): Unpacked | undefined {
  let value: unknown;
  try {
    value = JSON.parse(decoder.decode(bytes));
  } catch {
    return undefined;
  }
  if (typeof value !== "object" || value === null) return undefined;
  const { from, id, kind, v, at, payload, traceparent } = value as Readonly<Record<string, unknown>>;
  if (typeof id !== "string" || typeof kind !== "string" || typeof v !== "number" || typeof at !== "number")
    return undefined;
  if (typeof payload !== "object" || payload === null || Array.isArray(payload)) return undefined;
  return {
    envelope: {
      ...{ id, kind, v, at },
      payload: payload as Readonly<Record<string, unknown>>,
      ...(typeof traceparent === "string" ? { traceparent } : {}),
    },
    from: typeof from === "string" ? from : undefined,
  };
}
