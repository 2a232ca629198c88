import type { JsonSchema } from "@troupe/contracts";

/** JSON Schema of a closed object with these properties. */
export function objectOf(
  properties: Readonly<Record<string, JsonSchema & { readonly description: string }>>,
  required: readonly string[] = [],
): JsonSchema {
  return {
    type: "object",
    properties,
    ...(required.length > 0 ? { required } : {}),
    additionalProperties: false,
  };
}
