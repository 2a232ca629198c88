import type { FlowDefinition, FlowProgram, FlowRun, FlowState, FlowStep } from "@troupe/contracts";
import { TroupeError } from "@troupe/contracts";

/** A flow's code, and what the flow is under it. */
export interface FlowCode {
  readonly definition: FlowDefinition;
  readonly state: FlowState;
  readonly step: string;
  /** The version it comes from, where a mapping moved it. */
  readonly movedFrom: number | undefined;
}

/** The flows that this process knows how to run. */
export interface FlowDefinitions {
  /** `name@version` of all that it can run, moved ones included. */
  readonly programs: readonly string[];
  readonly names: readonly string[];
  readonly all: readonly FlowProgram[];
  newest(name: string): FlowDefinition | undefined;
  knows(flow: Pick<FlowRun, "definition" | "version">): boolean;
  /** Its own version, else the newest that says how to go on from it. Throws what the mapping throws. */
  codeOf(flow: FlowRun): FlowCode | undefined;
}

const NAME = /^[a-z][a-z0-9-]{0,47}$/;

/** Throws `config.invalid`, naming what is wrong with which definition. */
export function createFlowDefinitions(definitions: readonly FlowDefinition[]): FlowDefinitions {
  const byName = new Map<string, FlowDefinition[]>();
  for (const definition of definitions) {
    const problem = problemOf(definition, byName.get(definition.name) ?? []);
    if (problem !== undefined) {
      throw new TroupeError(`The flow "${definition.name}" version ${definition.version} ${problem}`, {
        code: "config.invalid",
      });
    }
    const versions = [...(byName.get(definition.name) ?? []), definition];
    byName.set(
      definition.name,
      versions.toSorted((a, b) => b.version - a.version),
    );
  }
  const versionsOf = (name: string): readonly FlowDefinition[] => byName.get(name) ?? [];
  const programs = definitions.flatMap(({ name, version, migrate }) => [
    `${name}@${version}`,
    ...Object.keys(migrate?.from ?? {}).map((from) => `${name}@${from}`),
  ]);
  return {
    programs: [...new Set(programs)],
    names: [...byName.keys()],
    all: [...byName.values()].flat().map(({ name, version, first, steps, migrate }) => ({
      ...{ name, version, first, steps: Object.keys(steps) },
      from: Object.keys(migrate?.from ?? {}).map(Number),
    })),
    newest: (name) => versionsOf(name)[0],
    knows: ({ definition, version }) => programs.includes(`${definition}@${version}`),
    codeOf(flow) {
      const { state, step, version } = flow;
      const own = versionsOf(flow.definition).find((one) => one.version === version);
      if (own !== undefined) return { definition: own, state, step, movedFrom: undefined };
      const next = versionsOf(flow.definition).find((one) => one.migrate?.from[version] !== undefined);
      const move = next?.migrate?.from[version];
      if (next === undefined || move === undefined) return undefined;
      return { definition: next, ...move(state, step), movedFrom: version };
    },
  };
}

export function stepOf(definition: FlowDefinition, name: string): FlowStep | undefined {
  return Object.hasOwn(definition.steps, name) ? definition.steps[name] : definition.anyStep;
}

function problemOf(definition: FlowDefinition, others: readonly FlowDefinition[]): string | undefined {
  const { name, version, first } = definition;
  if (!NAME.test(name))
    return "has a name that is none: small letters, digits and hyphens, at most 48, a letter first.";
  if (!Number.isSafeInteger(version) || version < 1) return "has no version: give a whole number from 1.";
  if (others.some((one) => one.version === version))
    return "is given twice. Leave one out, or raise its version.";
  if (stepOf(definition, first) === undefined)
    return `begins with the step "${first}", which it does not have.`;
  const later = Object.keys(definition.migrate?.from ?? {}).find((from) => !(Number(from) < version));
  return later === undefined ? undefined : `says how to go on from version ${later}, which is not older.`;
}
