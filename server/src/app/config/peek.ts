import { isMap, parseDocument } from "yaml";
import type { Environment } from "./environment.ts";
import { interpolate } from "./interpolate.ts";
import type { SecretLookup } from "./secret-lookup.ts";

/** The store cannot say where it is itself. */
export const BEFORE_THE_STORE: SecretLookup = {
  find: () => ({
    kind: "missing",
    hint: "Secrets lie in the store, so its own address cannot hold one: write ${VAR} or ${file:path}.",
  }),
};

const PLACEHOLDER = /(?<!\$)\$\{secret:([^}]*)\}/g;
const DEFAULT_STORE_URL = "sqlite:data/troupe.db";

/**
 * What has to be known before the settings can be read as a whole: which secrets they name, and where the store is. The
 * address is undefined where the file does not tell it; then the check of the whole says why. `isCircular`: the address
 * holds a secret itself.
 */
export function peekSecrets(
  text: string,
  environment: Pick<Environment, "home" | "variables">,
): {
  readonly names: readonly string[];
  readonly storeUrl: string | undefined;
  readonly isCircular: boolean;
} {
  const uncommented = text.replace(/^\s*#.*$/gm, "");
  const names = [...new Set([...uncommented.matchAll(PLACEHOLDER)].map((found) => (found[1] ?? "").trim()))];
  if (names.length === 0) return { names, storeUrl: undefined, isCircular: false };
  const { url, isCircular } = peekStore(text, environment);
  return { names, storeUrl: url, isCircular };
}

export function peekStoreUrl(
  text: string,
  environment: Pick<Environment, "home" | "variables">,
): string | undefined {
  return peekStore(text, environment).url;
}

function peekStore(
  text: string,
  environment: Pick<Environment, "home" | "variables">,
): { readonly url: string | undefined; readonly isCircular: boolean } {
  const document = parseDocument(text, { prettyErrors: false });
  if (document.errors.length > 0 || !isMap(document.contents)) return { url: undefined, isCircular: false };
  // The store's own block alone, so that nothing else of the file is touched or complained of.
  const store = document.contents.get("store", true);
  if (store === undefined) return { url: DEFAULT_STORE_URL, isCircular: false };
  document.contents = store as never;
  let isCircular = false;
  const find: SecretLookup["find"] = (name) => {
    isCircular = true;
    return BEFORE_THE_STORE.find(name);
  };
  const { faults } = interpolate(document, { ...environment, secrets: { find } });
  if (faults.length > 0) return { url: undefined, isCircular };
  const url: unknown = (document.toJS() as { url?: unknown } | null)?.url;
  return {
    url: url === undefined ? DEFAULT_STORE_URL : typeof url === "string" ? url : undefined,
    isCircular,
  };
}
