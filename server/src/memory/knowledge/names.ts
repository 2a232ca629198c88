const BY_ENDING: Readonly<Record<string, string>> = {
  md: "text/markdown",
  markdown: "text/markdown",
  mdx: "text/markdown",
  html: "text/html",
  htm: "text/html",
  xhtml: "application/xhtml+xml",
  json: "application/json",
  jsonl: "application/jsonl+json",
  ndjson: "application/jsonl+json",
  csv: "text/csv",
  tsv: "text/tab-separated-values",
};

/** The type of a file by its name; whatever it is, it is read as text. */
export function mediaTypeOf(name: string): string {
  const ending = /\.([a-z0-9]+)$/i.exec(name)?.[1]?.toLowerCase() ?? "";
  return BY_ENDING[ending] ?? "text/plain";
}

/** The last part of a path or address. */
export function nameOf(source: string): string {
  const url = /^https?:/i.test(source) ? URL.parse(source) : null;
  const path = url === null ? source : decoded(url.pathname);
  return path.split(/[\\/]/).findLast((part) => part !== "") ?? url?.hostname ?? source;
}

function decoded(path: string): string {
  try {
    return decodeURIComponent(path);
  } catch {
    return path;
  }
}
