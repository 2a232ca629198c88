// Prints the generated pages of the documentation as JSON, for scripts/generate-reference.mjs.
import { referenceFiles } from "./reference.ts";

process.stdout.write(JSON.stringify(referenceFiles()));
