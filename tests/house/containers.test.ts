/** compose.yaml and Dockerfile, as far as they can be held to account without a container engine. */
import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { parse } from "yaml";
import { readEnvironment, requireConfig } from "../../server/src/app/config/index.ts";
import { checkRole, ROLES, type Role } from "../../server/src/app/roles.ts";
import { repositoryRoot } from "../repository.ts";

interface Service {
  readonly image: string;
  readonly command?: readonly string[];
  readonly volumes?: readonly string[];
  readonly ports?: readonly string[];
  readonly configs?: readonly { readonly source: string; readonly target: string }[];
  readonly depends_on?: Readonly<Record<string, unknown>>;
}
interface Compose {
  readonly services: Readonly<Record<string, Service>>;
  readonly configs: Readonly<Record<string, { readonly content: string }>>;
  readonly volumes: Readonly<Record<string, unknown>>;
}

const textOf = (name: string): string => readFileSync(join(repositoryRoot, name), "utf8");
const compose = parse(textOf("compose.yaml"), { merge: true }) as Compose;
const services = Object.entries(compose.services);
const ours = services.filter(([, { image }]) => image === "troupe");
const dockerfile = textOf("Dockerfile");

let home: string;
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), "troupe-compose-"));
});
afterEach(() => rmSync(home, { recursive: true, force: true }));

/** As compose hands it over: a doubled dollar is one. */
function settings() {
  writeFileSync(join(home, "troupe.yaml"), compose.configs.settings?.content.replaceAll("$$", "$") ?? "");
  cpSync(join(repositoryRoot, "examples/agents"), join(home, "agents"), { recursive: true });
  return requireConfig({ environment: readEnvironment({ TROUPE_HOME: home, POSTGRES_PASSWORD: "secret" }) });
}

it("the settings of the containers are ones that Troupe takes, and may be shared by roles", () => {
  const config = settings();

  expect(config.agents.map(({ id }) => id)).toEqual(["ana"]);
  expect(config.store.url).toBe("postgres://troupe:secret@store:5432/troupe");
  const roles = ours.map(([, { command = [] }]) => command.at(-1) as Role);
  for (const role of roles) checkRole(role, config);
  expect(roles.toSorted()).toEqual(ROLES.filter((role) => role !== "all").toSorted());
  expect(ours.map(([name]) => name).toSorted()).toEqual(roles.toSorted());
});

it("everything that the services name is there", () => {
  const { server, store, bus, blobs } = settings();

  for (const host of [new URL(store.url).hostname, new URL(bus.url).hostname])
    expect(Object.keys(compose.services)).toContain(host);
  for (const [, { volumes = [], configs = [], depends_on: needs = {} }] of services) {
    for (const source of volumes.map((volume) => volume.split(":")[0] ?? ""))
      if (/^[a-z]/.test(source)) expect(Object.keys(compose.volumes)).toContain(source);
    for (const { source, target } of configs)
      expect([source in compose.configs, target]).toEqual([true, "/data/troupe.yaml"]);
    for (const name of Object.keys(needs)) expect(Object.keys(compose.services)).toContain(name);
  }
  const folder = blobs.url.replace("file:", "");
  for (const [, { volumes = [] }] of ours) expect(volumes).toContain(`blobs:${folder}`);
  expect(dockerfile).toContain(`127.0.0.1:${server.metricsPort}/ready`);
  // Nothing but the gateway is reached from outside, and that from this machine alone.
  const published = services.flatMap(([name, { ports = [] }]) => ports.map((port) => `${name} ${port}`));
  expect(published).toEqual([`gateway 127.0.0.1:${server.port}:${server.port}`]);
});

it("the image is made of files that are there and are sent along, and runs as nobody special", () => {
  const sent = textOf(".dockerignore").split("\n");
  const copied = [...dockerfile.matchAll(/^COPY (.*) \S+$/gm)].flatMap(([, sources = ""]) =>
    sources.split(" "),
  );

  expect(copied.length).toBeGreaterThan(8);
  for (const path of copied) {
    expect([path, existsSync(join(repositoryRoot, path))]).toEqual([path, true]);
    const isSent = sent.some((line) => line === `!${path}` || path.startsWith(`${line.slice(1)}/`));
    expect([path, isSent]).toEqual([path, true]);
  }
  // The page is not built without it.
  const { extends: base } = JSON.parse(textOf("console/tsconfig.json")) as { readonly extends: string };
  expect(copied).toContain(base.replace("../", ""));
  expect(dockerfile).toMatch(/^USER (?!root)\w+$/m);
  expect(dockerfile).toContain("npm ci --omit=dev");
});
