// Writes every tsconfig.json of the repository but the base, as tests/projects.ts says they should be.
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { expectedProject, expectedSolution, projectsOf } from "./projects.ts";
import { readTree, repositoryRoot } from "./repository.ts";

const projects = projectsOf(readTree());

function write(path: string, content: object): void {
  writeFileSync(join(repositoryRoot, path), `${JSON.stringify(content, null, 2)}\n`);
}

write("tsconfig.json", expectedSolution(projects));
for (const project of projects) write(`${project}/tsconfig.json`, expectedProject(project, projects));
console.log(`Wrote ${projects.length + 1} projects. \`npm run fix\` formats them.`);
