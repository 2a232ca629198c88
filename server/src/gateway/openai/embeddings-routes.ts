import { TroupeError } from "@troupe/contracts";
import { linkSignal } from "../../kit/index.ts";
import { type Call, onDisconnect, parseJson, readBody } from "../call.ts";
import type { Face } from "../face.ts";
import { countAt, is, objectAt, oneOf, optional } from "../fields.ts";
import { FieldError, jsonReply, type Reply } from "../reply.ts";
import type { Route } from "../route.ts";
import { nameAt } from "./completion-request.ts";

const MOST_TEXTS = 2_048;
const LONGEST_WAIT_MS = 120_000;
const formatAt = oneOf<"float" | "base64">(["float", "base64"]);

/** Vectors from the configured embedding models. Source: platform.openai.com/docs/api-reference/embeddings/create. */
export function embeddingRoutes(face: Face): readonly Route[] {
  return [
    {
      method: "POST",
      path: "/v1/embeddings",
      access: "key",
      dialect: "openai",
      acceptsWork: true,
      handle: (call) => embed(face, call),
    },
  ];
}

async function embed(face: Face, call: Call): Promise<Reply> {
  const { embedder, clock } = face.deps;
  const fields = objectAt(parseJson(await readBody(call, face.limits.mediaBodyBytes)), "body");
  const name = nameAt(fields.model, "model");
  const texts = textsAt(fields.input);
  const format = optional(fields.encoding_format, "encoding_format", formatAt) ?? "float";
  const dimensions = optional(fields.dimensions, "dimensions", countAt);
  const user = optional(fields.user, "user", nameAt);
  if (embedder === undefined) throw new TroupeError("Embeddings are not served here.", { code: "not_ready" });
  // Nobody keeps the vectors, so a client that leaves wants none.
  using wanted = linkSignal(face.lifetime.signal, { clock, afterMs: LONGEST_WAIT_MS, reason: tooLate });
  using _gone = onDisconnect(call, () => wanted.abort(new Error("The client left.")));
  const { vectors, model, usage } = await embedder.embed(
    {
      principal: call.principal,
      peerId: user ?? call.principal.id,
      name,
      texts,
      ...(dimensions === undefined ? {} : { dimensions }),
    },
    { signal: wanted.signal },
  );
  const tokens = usage.inputTokens;
  return jsonReply({
    object: "list",
    data: vectors.map((vector, index) => ({
      object: "embedding",
      index,
      embedding: format === "base64" ? base64Of(vector) : [...vector],
    })),
    model,
    usage: { prompt_tokens: tokens, total_tokens: tokens },
  });
}

function tooLate(): TroupeError {
  return new TroupeError(`The embedding model did not answer within ${LONGEST_WAIT_MS / 1_000} s.`, {
    code: "model.timeout",
  });
}

function textsAt(input: unknown): readonly string[] {
  const list = typeof input === "string" ? [input] : input;
  if (!Array.isArray(list) || list.length === 0) {
    throw new FieldError("input", `input ${is(input)}; it must be text, or a list of texts.`);
  }
  if (list.length > MOST_TEXTS) {
    throw new FieldError("input", `input holds ${list.length} texts; ${MOST_TEXTS} are the most.`);
  }
  return list.map((text, index) => {
    if (typeof text === "string" && text !== "") return text;
    const field = typeof input === "string" ? "input" : `input[${index}]`;
    throw new FieldError(field, `${field} ${is(text)}; it must be text. Lists of tokens are not read.`);
  });
}

/** Little-endian floats of 32 bits, as the dialect packs them. */
function base64Of(vector: Float32Array): string {
  const bytes = Buffer.alloc(vector.length * 4);
  for (const [at, value] of vector.entries()) bytes.writeFloatLE(value, at * 4);
  return bytes.toString("base64");
}
