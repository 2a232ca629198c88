import { loadOpenApi } from "../../gateway/index.ts";
import { MADE_BY, markdownTable, page } from "./table.ts";

interface Operation {
  readonly summary: string;
  readonly tags: readonly string[];
  readonly security?: readonly unknown[];
  readonly parameters?: readonly {
    readonly name: string;
    readonly in: string;
    readonly description?: string;
  }[];
}

/** Routes by what they are about, in the order of the document. */
export async function apiPage(): Promise<string> {
  const { openApiDocument } = await loadOpenApi();
  const paths = openApiDocument("").paths as Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  const byTag = new Map<string, string[][]>();
  const details: string[] = [];
  for (const [path, methods] of Object.entries(paths)) {
    for (const [method, operation] of Object.entries(methods)) {
      const name = `\`${method.toUpperCase()} ${path}\``;
      const tag = operation.tags[0] ?? "other";
      const access = operation.security?.length === 0 ? "anybody" : tag === "operator" ? "operator" : "key";
      byTag.set(tag, [...(byTag.get(tag) ?? []), [name, access, operation.summary]]);
      const asked = (operation.parameters ?? []).filter((parameter) => parameter.in !== "path");
      if (asked.length === 0) continue;
      const rows = asked.map((one) => [`\`${one.name}\``, one.in, one.description ?? ""]);
      details.push(`### ${name}`, markdownTable(["Name", "In", "Meaning"], rows));
    }
  }
  const tables = [...byTag].flatMap(([tag, rows]) => [
    `## ${tag.charAt(0).toUpperCase()}${tag.slice(1)}`,
    markdownTable(["Route", "For", "What it does"], rows),
  ]);
  return page(
    "HTTP routes",
    `Every route of the gateway. The whole description with all shapes is at \`/api/openapi.json\` of a running Troupe. A key\ngoes into \`authorization: Bearer KEY\`, or into \`x-api-key\`. ${MADE_BY}`,
    ...tables,
    "## Query and headers",
    ...details,
  );
}
