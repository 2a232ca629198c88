import { plainAddress } from "./network.ts";

/** Which Host and Origin headers are answered: the defence against DNS rebinding and against other people's web pages. */
export interface HostGuard {
  /** Undefined when all is well, else one sentence for people. `localAddress` is where the connection arrived. */
  refuse(
    host: string | undefined,
    origin: string | undefined,
    localAddress: string | undefined,
  ): string | undefined;
}

const LOOPBACK_NAMES = ["localhost", "127.0.0.1", "[::1]"];
const EVERY_ADDRESS = new Set(["0.0.0.0", "[::]"]);

export function createHostGuard(config: {
  readonly host: string;
  readonly allowedHosts?: readonly string[];
  readonly allowedOrigins?: readonly string[];
  readonly corsOrigins?: readonly string[];
}): HostGuard {
  const bound = bracketed(config.host.toLowerCase());
  const names = new Set([
    ...LOOPBACK_NAMES,
    ...(config.allowedHosts ?? []).map((name) => name.toLowerCase()),
  ]);
  if (!EVERY_ADDRESS.has(bound)) names.add(bound);
  const origins = new Set(
    [...(config.allowedOrigins ?? []), ...(config.corsOrigins ?? [])].map((origin) =>
      origin.toLowerCase().replace(/\/$/, ""),
    ),
  );

  const isOurs = (host: string, localAddress: string | undefined): boolean => {
    const name = hostnameOf(host);
    if (names.has(name) || names.has(host)) return true;
    // An address cannot be rebound as a name can; the one that the connection came to is ours beyond doubt.
    return (
      EVERY_ADDRESS.has(bound) && localAddress !== undefined && name === bracketed(plainAddress(localAddress))
    );
  };

  return {
    refuse(hostHeader, origin, localAddress) {
      const host = hostHeader?.toLowerCase() ?? "";
      if (host === "" || !isOurs(host, localAddress)) {
        return `This address is not served under the name "${shorten(host)}". Use 127.0.0.1, or add the name to server.allowedHosts.`;
      }
      if (
        origin === undefined ||
        origins.has(origin.toLowerCase()) ||
        isSameOrigin(origin.toLowerCase(), host)
      ) {
        return undefined;
      }
      return `Pages of ${shorten(origin)} may not call this address. An operator can add them to server.cors.origins.`;
    },
  };
}

/** Same name and port; the scheme may differ, because a proxy in front may speak TLS. */
export function isSameOrigin(origin: string, host: string): boolean {
  if (origin.startsWith("http://")) return withoutPort(origin.slice(7), ":80") === withoutPort(host, ":80");
  if (origin.startsWith("https://"))
    return withoutPort(origin.slice(8), ":443") === withoutPort(host, ":443");
  return false;
}

function withoutPort(host: string, port: string): string {
  return host.endsWith(port) && (!host.startsWith("[") || host.includes(`]${port}`))
    ? host.slice(0, -port.length)
    : host;
}

function hostnameOf(host: string): string {
  const end = host.startsWith("[") ? host.indexOf("]") + 1 : host.indexOf(":");
  const name = end <= 0 ? host : host.slice(0, end);
  return name.endsWith(".") ? name.slice(0, -1) : name;
}

function bracketed(host: string): string {
  return host.includes(":") && !host.startsWith("[") ? `[${host}]` : host;
}

function shorten(text: string): string {
  return text.length <= 80 ? text : `${text.slice(0, 77)}...`;
}
