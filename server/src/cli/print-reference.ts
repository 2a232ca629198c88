// Prints the generated pages of the documentation as JSON, for scripts/generate-reference.mjs.
import { allReferenceFiles } from "./reference.ts";

process.stdout.write(JSON.stringify(await allReferenceFiles()));
