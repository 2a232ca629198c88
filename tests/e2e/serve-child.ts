// The product as a process that a test can kill: `serve` on the home of TROUPE_HOME, telling where it listens.
import { readEnvironment } from "../../server/src/app/config/index.ts";
import { serve } from "../../server/src/app/lifecycle.ts";
import { createAdjustableLogger } from "../../server/src/app/logging.ts";

const serving = await serve(readEnvironment(), {
  logger: createAdjustableLogger({ level: "silent", isTerminal: false }),
});
process.send?.({ address: serving.addresses?.gateway, key: serving.firstKey?.key });
// The test ends it, or the end of the test does.
process.once("disconnect", () => process.exit(0));
