import { readFileSync } from "node:fs";
import { isAbsolute, join, normalize } from "node:path";
import { type Document, type Scalar, visit } from "yaml";
import type { SecretLookup } from "./secret-lookup.ts";

/** Where secrets that a machine or container mounts are found; the home itself is always allowed. */
const SECRET_ROOTS = ["/run/secrets/", "/run/credentials/"];

const PLACEHOLDER = /\$\$\{|\$\{([^}]*)\}/g;
const VARIABLE = /^([A-Za-z_][A-Za-z0-9_]*)(?::-(.*))?$/s;

export interface Interpolation {
  /** What was written, by the value that took its place: `config show` prints this instead. */
  readonly written: ReadonlyMap<Scalar, string>;
  readonly faults: readonly (Fault & { readonly node: Scalar })[];
}

interface Fault {
  readonly message: string;
  readonly hint: string;
  /** Everything is written as it should be, but the secret cannot be opened here and now: a whole sentence. */
  readonly unreadable?: string;
}

export interface InterpolationSources {
  readonly home: string;
  readonly variables: Readonly<Record<string, string | undefined>>;
  readonly secrets: SecretLookup;
}

/**
 * Replaces `${VAR}`, `${VAR:-default}`, `${file:path}` and `${secret:name}` in every text value of `document`; `$${` stands for `${`
 * itself. Keys stay as they are.
 */
export function interpolate(document: Document, from: InterpolationSources): Interpolation {
  const written = new Map<Scalar, string>();
  const faults: (Fault & { node: Scalar })[] = [];
  visit(document, {
    Scalar(key, node) {
      if (key === "key" || typeof node.value !== "string" || !node.value.includes("${")) return;
      const text = node.value;
      written.set(node, text);
      node.value = text.replace(PLACEHOLDER, (whole, inside: string | undefined) => {
        if (inside === undefined) return "${";
        const answer = resolvePlaceholder(inside, from, whole);
        if (typeof answer === "string") return answer;
        faults.push({ node, ...answer });
        return whole;
      });
    },
  });
  return { written, faults };
}

function resolvePlaceholder(inside: string, from: InterpolationSources, whole: string): string | Fault {
  if (inside.startsWith("secret:")) {
    return resolveSecret(inside.slice("secret:".length).trim(), from.secrets, whole);
  }
  if (inside.startsWith("file:")) return readSecretFile(inside.slice("file:".length).trim(), from.home);
  const [, name, fallback] = VARIABLE.exec(inside) ?? [];
  if (name === undefined) {
    return {
      message: `holds "\${${inside}}", which is not a placeholder.`,
      hint: "Write ${NAME}, ${NAME:-default}, ${file:path} or ${secret:name}; $${ stands for ${ itself.",
    };
  }
  const value = from.variables[name];
  if (value !== undefined && value !== "") return value;
  if (fallback !== undefined) return fallback;
  return {
    message: `needs the environment variable ${name}, which is ${value === "" ? "empty" : "not set"}.`,
    hint: `Set it, or write \${${name}:-default}.`,
  };
}

function resolveSecret(name: string, secrets: SecretLookup, whole: string): string | Fault {
  const found = secrets.find(name);
  switch (found.kind) {
    case "value":
      return found.value;
    case "unread":
      return whole;
    case "unreadable":
      return { message: `needs the secret "${name}".`, hint: found.message, unreadable: found.message };
    case "missing":
      return {
        message: `needs the secret "${name}", which is not set.`,
        hint: found.hint ?? `Set it: ./troupe secret set ${name}.`,
      };
  }
}

function readSecretFile(path: string, home: string): string | Fault {
  const isAllowed = isAbsolute(path)
    ? [`${home}/`, ...SECRET_ROOTS].some((root) => normalize(path).startsWith(root))
    : path !== "" && !/^\.\.(?:\/|$)/.test(normalize(path));
  if (!isAllowed) {
    return {
      message: `names the file "${path}", which lies outside the home.`,
      hint: `Put it into the home, or under ${SECRET_ROOTS.join(" or ")}.`,
    };
  }
  try {
    return readFileSync(isAbsolute(path) ? path : join(home, path), "utf8").replace(/\r?\n$/, "");
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    const why = code === "ENOENT" ? "is not there" : `cannot be read (${code})`;
    return { message: `names the file "${path}", which ${why}.`, hint: "Paths are relative to the home." };
  }
}
