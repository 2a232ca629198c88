import type { Agent } from "@troupe/contracts";

type Json = Readonly<Record<string, unknown>>;

const VERSIONS = ["1.0", "0.3"] as const;
const INPUT = ["text/plain", "application/json", "image/png", "image/jpeg", "image/webp", "application/pdf"];
const OUTPUT = ["text/plain"];

/**
 * What an agent tells about itself to other programs. One document for both versions of the protocol: 1.0 reads
 * `supportedInterfaces`, 0.3 `url`. Source: a2a-protocol.org/v1.0.0/specification, §4.4 (AgentCard); v0.3.0, §5.5.
 */
export function agentCard(agent: Agent, base: string, version: string): Json {
  const { id, name, description } = agent.spec;
  const url = `${base}/a2a/${id}`;
  const about = description ?? `${name}, an agent of Troupe.`;
  const bearer = { scheme: "bearer", description: "A key of Troupe: ./troupe key create makes one." };
  return {
    name,
    description: about,
    version: `${version}+${agent.revision}`,
    supportedInterfaces: VERSIONS.map((protocolVersion) => ({
      url,
      protocolBinding: "JSONRPC",
      protocolVersion,
    })),
    protocolVersion: "0.3.0",
    url,
    preferredTransport: "JSONRPC",
    capabilities: { streaming: true, pushNotifications: false, extendedAgentCard: false },
    securitySchemes: { bearer: { httpAuthSecurityScheme: bearer, type: "http", ...bearer } },
    securityRequirements: [{ schemes: { bearer: { list: [] } } }],
    security: [{ bearer: [] }],
    defaultInputModes: INPUT,
    defaultOutputModes: OUTPUT,
    skills: [{ id: "chat", name: "Conversation", description: about, tags: ["chat"], examples: [] }],
  };
}
