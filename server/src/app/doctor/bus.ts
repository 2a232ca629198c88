import { TroupeError } from "@troupe/contracts";
import { loadNats } from "../../bus/index.ts";
import type { Config } from "../config/index.ts";
import { hostsOf } from "../open-bus.ts";
import { isPostgres } from "../open-store.ts";
import type { Finding } from "./finding.ts";

const LOOPBACK = /^(127\.|localhost|\[::1\])/;

/** What can be wrong with the bus. The one inside the process has nothing to look at. */
export async function checkBus({ bus: { url }, store }: Config): Promise<readonly Finding[]> {
  if (url === "local:") return [];
  const findings: Finding[] = [];
  if (!isPostgres(store.url)) {
    findings.push({
      name: "Bus",
      verdict: "warning",
      what: "NATS connects processes, but the store is a file, which one process alone can use",
      how: "compared store.url with bus.url",
      remedy: "Set store.url to a PostgreSQL server, or bus.url to local:.",
    });
  }
  try {
    const { examineNats } = await loadNats();
    const { version, roundTripMs, isEncrypted } = await examineNats(url);
    const what = `NATS ${version} at ${hostsOf(url)}, ${roundTripMs.toFixed(1)} ms away`;
    const isOpen =
      !isEncrypted &&
      hostsOf(url)
        .split(", ")
        .some((host) => !LOOPBACK.test(host));
    findings.push(
      isOpen
        ? {
            ...{ name: "Bus", verdict: "warning", how: "connected to it" },
            what: `${what}, not encrypted: what agents say as they say it can be read on the way`,
            remedy: "Use tls:// in bus.url, or a private network.",
          }
        : { name: "Bus", verdict: "good", what, how: "connected to it" },
    );
  } catch (error) {
    if (!TroupeError.is(error)) throw error;
    const remedy =
      "Start the server, or correct bus.url. Until then processes hear of each other's work late.";
    findings.push({ name: "Bus", verdict: "warning", what: error.message, how: "connected to it", remedy });
  }
  return findings;
}
