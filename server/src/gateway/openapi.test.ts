import { expect, test } from "vitest";
import { ERROR_STATUS } from "./error-status.ts";
import { createFace } from "./face.ts";
import { createStage } from "./fixtures.ts";
import { createGateway, routesOf } from "./gateway.ts";
import { openApiDocument } from "./openapi.ts";

type Operations = Record<string, Record<string, { readonly security?: unknown[] }>>;

test("every route is described, and nothing else", () => {
  const routes = routesOf(createFace(createStage().deps, "api"));
  const served = routes.map(({ method, path }) => `${method} ${path.replace(/:(\w+)/g, "{$1}")}`);
  const paths = openApiDocument("1").paths as Operations;
  const described = Object.entries(paths).flatMap(([path, operations]) =>
    Object.keys(operations).map((method) => `${method.toUpperCase()} ${path}`),
  );

  expect(described.sort()).toEqual([...served].sort());
});

test("the description and the routes agree on who needs no key", () => {
  const routes = routesOf(createFace(createStage().deps, "api"));
  const paths = openApiDocument("1").paths as Operations;
  for (const { method, path, access } of routes) {
    const operation = paths[path.replace(/:(\w+)/g, "{$1}")]?.[method.toLowerCase()];
    expect(operation?.security?.length === 0, path).toBe(access === "public");
  }
});

test("every reference of the description leads somewhere", () => {
  const document = openApiDocument("1");
  const schemas = (document.components as { schemas: Record<string, unknown> }).schemas;
  const names = [...JSON.stringify(document).matchAll(/#\/components\/schemas\/(\w+)/g)].map(
    ([, name]) => name,
  );

  expect(names.length).toBeGreaterThan(10);
  for (const name of names) expect(schemas).toHaveProperty(name as string);
});

test("the description is served", async () => {
  const stage = createStage();
  const gateway = createGateway({ ...stage.deps, config: { host: "127.0.0.1", port: 8080 } });
  const response = await gateway.fetch(
    new Request("http://localhost/api/openapi.json", { headers: { host: "localhost" } }),
  );

  expect(await response.json()).toMatchObject({ openapi: "3.1.1", info: { version: "1.2.3-test" } });
});

test("every error code has a status that says error", () => {
  for (const [code, status] of Object.entries(ERROR_STATUS)) {
    expect(status, code).toBeGreaterThanOrEqual(400);
    expect(status, code).toBeLessThan(600);
  }
});
