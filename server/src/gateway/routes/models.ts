import type { ModelPrice } from "@troupe/contracts";
import { redactText } from "../../kit/index.ts";
import type { Face } from "../face.ts";
import { jsonReply } from "../reply.ts";
import type { Route } from "../route.ts";

/** The models that the configured providers have. The operator's: a list costs a call to each of them. */
export function modelRoutes(face: Face): readonly Route[] {
  return [
    {
      method: "GET",
      path: "/api/models",
      access: "operator",
      handle: async ({ context }) => {
        const provider = context.req.query("provider");
        const query = provider === undefined ? {} : { provider };
        const { models, failures } = await face.deps.catalogue.list(query, face.lifetime);
        return jsonReply({
          items: models.map(({ price, ...model }) =>
            price === undefined ? model : { ...model, price: shown(price) },
          ),
          failures: failures.map(({ provider: name, error }) => ({
            provider: name,
            code: error.code,
            message: redactText(error.message),
          })),
        });
      },
    },
  ];
}

/** Of a price with tiers the first: the others are for calls longer than most. */
function shown(price: ModelPrice): Readonly<Record<string, unknown>> {
  const { inputUsdPerMillion, cachedInputUsdPerMillion, outputUsdPerMillion } = price;
  return { inputUsdPerMillion, cachedInputUsdPerMillion, outputUsdPerMillion };
}
