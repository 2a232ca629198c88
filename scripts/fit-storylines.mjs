// Makes the numbers of server/src/memory/storylines/coefficients anew, the same ones from the same data:
//   node scripts/fit-storylines.mjs --tiage train.json --irc train/ [PART...]
// Data: TIAGE (MIT) and the Ubuntu IRC set of Kummerfeld et al. 2019 (CC BY 4.0), training parts; docs/sources.md names them.
// Features come from the product's own code, through bench/harness/storyline-fit.ts. Takes about five minutes.
import { execFileSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const folder = join(root, "server/src/memory/storylines/coefficients");
// Rarity first: the others' features weigh words by it.
const parts = ["rarity", "shift", "reply", "place"];

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { tiage: { type: "string" }, irc: { type: "string" } },
});
if (values.tiage === undefined || values.irc === undefined) {
  console.error(
    "usage: node scripts/fit-storylines.mjs --tiage FILE --irc FOLDER [rarity|shift|reply|place]",
  );
  process.exit(2);
}
for (const part of positionals.length > 0 ? positionals : parts) {
  const fit = join(root, "bench/harness/storyline-fit.ts");
  const numbers = execFileSync(
    process.execPath,
    ["--max-old-space-size=4000", fit, part, "--tiage", values.tiage, "--irc", values.irc],
    { encoding: "utf8", maxBuffer: 2 ** 26, stdio: ["ignore", "pipe", "inherit"] },
  );
  const path = join(folder, `${part}.ts`);
  writeFileSync(
    path,
    `// Made by scripts/fit-storylines.mjs from TIAGE and IRC training data (docs/sources.md); not written by hand.\n${numbers}`,
  );
  execFileSync(process.execPath, [
    join(root, "node_modules/@biomejs/biome/bin/biome"),
    "format",
    "--write",
    path,
  ]);
  console.log(`Wrote ${path}.`);
}
