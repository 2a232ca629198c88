import { isIPv6 } from "node:net";

/** Groups of an IPv6 address that name its network; the rest is the host's own to choose. Source: RFC 4291 §2.5.4. */
const NETWORK_GROUPS = 4;

/** IPv4 addresses arrive as `::ffff:10.0.0.1` on a listener for both families. */
export function plainAddress(address: string): string {
  return address.startsWith("::ffff:") ? address.slice("::ffff:".length) : address;
}

/** What counts as one client: an IPv4 address, or an IPv6 network of 64 bits, of which one machine has all addresses. */
export function networkOf(address: string): string {
  const plain = plainAddress(address);
  if (!isIPv6(plain)) return plain;
  const [before = "", after] = plain.split("::");
  const first = before.split(":").filter(Boolean);
  const last = (after ?? "").split(":").filter(Boolean);
  const left = Array.from({ length: after === undefined ? 0 : 8 - first.length - last.length }, () => "0");
  return `${[...first, ...left, ...last].slice(0, NETWORK_GROUPS).join(":")}::/64`;
}
