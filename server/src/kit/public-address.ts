import { BlockList, isIP } from "node:net";

/** Of IPv4, everything that is somebody's own network, one's own machine, or nobody's. */
const NOT_PUBLIC: readonly (readonly [network: string, bits: number])[] = [
  ["0.0.0.0", 8],
  ["10.0.0.0", 8],
  ["100.64.0.0", 10],
  ["127.0.0.0", 8],
  ["169.254.0.0", 16],
  ["172.16.0.0", 12],
  ["192.0.0.0", 24],
  ["192.0.2.0", 24],
  ["192.88.99.0", 24],
  ["192.168.0.0", 16],
  ["198.18.0.0", 15],
  ["198.51.100.0", 24],
  ["203.0.113.0", 24],
  ["224.0.0.0", 4],
  ["240.0.0.0", 4],
];
/** Of IPv6 only these are given to hosts; within them some lead to IPv4 addresses, or nowhere. */
const GLOBAL_V6: readonly [string, number] = ["2000::", 3];
const NOT_PUBLIC_V6: readonly (readonly [network: string, bits: number])[] = [
  ["2001::", 23],
  ["2001:db8::", 32],
  ["2002::", 16],
  ["3fff::", 20],
];

const refused = listOf(NOT_PUBLIC, "ipv4");
const refusedV6 = listOf(NOT_PUBLIC_V6, "ipv6");
const globalV6 = listOf([GLOBAL_V6], "ipv6");

/** Whether an IP address belongs to a host of the public internet. What is no address does not. */
export function isPublicAddress(address: string): boolean {
  const version = isIP(address);
  if (version === 4) return !refused.check(address, "ipv4");
  return version === 6 && globalV6.check(address, "ipv6") && !refusedV6.check(address, "ipv6");
}

function listOf(networks: readonly (readonly [string, number])[], family: "ipv4" | "ipv6"): BlockList {
  const list = new BlockList();
  for (const [network, bits] of networks) list.addSubnet(network, bits, family);
  return list;
}
