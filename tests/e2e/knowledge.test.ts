// An operator gives an agent files and pages from the command line, and the agent answers from them.
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import type { KnowledgeDocument, Page } from "@troupe/contracts";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import type { KeptDocument, ShownDocument } from "../../server/src/app/index.ts";
import { createCliHome } from "./cli-home.ts";

// A process for each command, on machines that may be busy.
vi.setConfig({ testTimeout: 180_000 });

const cli = createCliHome();
const { run, json, write, folder } = cli;
const page = createServer((request, response) => {
  if (request.url === "/moved") response.writeHead(302, { location: "/hours.html" }).end();
  else if (request.url === "/picture") response.writeHead(200, { "content-type": "image/png" }).end("x");
  else
    response
      .writeHead(200, { "content-type": "text/html; charset=utf-8" })
      .end(
        "<title>Library</title><nav>menu</nav><main><h2>Hours</h2><p>The library closes at seven.</p></main>",
      );
});
let address = "";

beforeAll(async () => {
  await new Promise<void>((resolve) => page.listen(0, "127.0.0.1", resolve));
  address = `http://127.0.0.1:${(page.address() as AddressInfo).port}`;
  write(
    "troupe.yaml",
    "version: 1\nserver: { port: 0, metricsPort: 0, adminPort: 0 }\nknowledge: { privateHosts: [127.0.0.1] }\n",
  );
  write("agents/ana.yaml", "id: ana\nname: Ana\ndescription: Helps.\ninstructions: Be kind.\n");
});
afterAll(async () => {
  page.closeAllConnections();
  page.close();
  await cli[Symbol.asyncDispose]();
});

test("files and pages are added, listed, shown, answered from and removed, with Troupe running", async () => {
  const up = await cli.up();
  const file = join(folder, "house.md");
  write("../house.md", "# House\n\n## Laundry\n\nThe washing machine runs until ten.\n");

  const added = await run(["knowledge", "add", file, "--agent", "ana"]);
  expect(added).toMatchObject({ code: 0, err: "" });
  expect(added.out).toMatch(/^ana knows House: 1 piece, for whoever talks with it \(\w+\)\.\n$/);
  const again = await json<KeptDocument>("knowledge", "add", file, "--agent", "ana");
  expect(again).toMatchObject({ kind: "known", document: { source: file, title: "House" } });

  const fetched = await json<KeptDocument>("knowledge", "add", `${address}/moved#top`, "--agent", "ana");
  expect(fetched).toMatchObject({
    kind: "new",
    document: { title: "Library", source: `${address}/moved`, mediaType: "text/html", chunkCount: 1 },
  });
  const listed = await json<Page<KnowledgeDocument>>("knowledge", "list", "--agent", "ana");
  expect(listed.items.map(({ title }) => title)).toEqual(["Library", "House"]);
  const shown = await json<ShownDocument>("knowledge", "show", fetched.document.id);
  expect(shown.pieces.map(({ text }) => text)).toEqual(["Library › Hours\nThe library closes at seven."]);
  expect((await run(["knowledge", "show", fetched.document.id])).out).toContain(
    "The library closes at seven.",
  );

  const recalled = await run(["chat", "/recall washing machine", "--agent", "ana"]);
  expect(recalled.out).toMatch(/document "House › Laundry": The washing machine runs until ten/);
  // What a person asks to see is what they told, not the library.
  expect((await run(["chat", "/memory", "--agent", "ana"])).out).not.toContain("washing");

  const removed = await run(["knowledge", "remove", again.document.id]);
  expect(removed.out).toBe("Removed: House. Nothing of it is recalled any more.\n");
  // What was answered from it was said, and stays in the conversation.
  const left = await run(["chat", "/recall washing machine", "--agent", "ana"]);
  expect(left.out).not.toMatch(/^[\d-]+, document:/m);
  await up.stop();
});

test("what cannot be given is refused with what to do", async () => {
  write("../paper.pdf", "%PDF-1.7");
  const refused = async (...words: readonly string[]): Promise<string> => {
    const { code, err } = await run(["knowledge", ...words]);
    expect([words, code]).not.toEqual([words, 0]);
    return err;
  };

  expect(await refused("add", join(folder, "paper.pdf"), "--agent", "ana")).toContain("is a PDF");
  expect(await refused("add", join(folder, "none.md"), "--agent", "ana")).toContain(
    "cannot be read (ENOENT)",
  );
  expect(await refused("add", join(folder, "house.md"), "--agent", "nobody")).toContain('no agent "nobody"');
  expect(await refused("add", `${address}/picture`, "--agent", "ana")).toContain('The page is "image/png"');
  expect(await refused("add", "http://10.0.0.1/", "--agent", "ana")).toContain("is in a private network");
  expect(await refused("show", "none")).toContain("There is no document none");
  expect(await refused("remove", "none")).toContain("There is no document none");
});
