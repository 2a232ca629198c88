import type {
  DecisionView,
  InstanceAction,
  Module,
  ModuleDecision,
  ModuleInstance,
  ModuleTasks,
  Stores,
  Tool,
  UnsureDecision,
} from "@troupe/contracts";
import { textOf } from "@troupe/contracts";

interface Parts {
  readonly stores: Stores;
  readonly tasks: ModuleTasks;
}

/** Keeps what has to be done, one thing after the other: "plan: pack > call the mover", then "done: pack". */
export function checklist(parts: Parts): Module {
  return {
    id: "checklist",
    budgetTokens: 300,
    decide,
    tools: [finishTool(parts)],
    effects: [
      {
        kind: "checklist.changed",
        versions: [1],
        // Idempotent: the memory has the effect's id, and it is kept together with the effect's end.
        async handle({ id, payload, turnId }, options) {
          const task = await parts.stores.moduleInstances.get(String(payload.instanceId), options);
          if (task === undefined) return [];
          const { spaceId, agentId, audience, updatedAt } = task;
          const text = `${task.title}: ${payload.outcome ?? "can begin"}`;
          return [
            parts.stores.memories.put({
              id,
              spaceId,
              agentId,
              audience,
              text,
              turnId,
              recordedAt: updatedAt,
            }),
          ];
        },
      },
    ],
  };
}

function decide({ inbound, instances }: DecisionView): ModuleDecision | UnsureDecision | undefined {
  const said = inbound.map(({ parts }) => textOf(parts)).join("\n");
  const plan = /^plan: (.+)$/im.exec(said)?.[1];
  if (plan !== undefined) return added(plan.split(">").map((title) => title.trim()));
  const [first] = instances;
  if (first === undefined) return undefined;
  const named = /^done: (.+)$/im.exec(said)?.[1]?.trim();
  if (named !== undefined) return ended(instances, (title) => title === named);
  const nothing = ended(instances, () => false);
  if (!/\b(done|finished|ready)\b/i.test(said)) return nothing;
  const choices = instances
    .slice(0, 7)
    .map(({ title }) => [title, ended(instances, (one) => one === title)] as const);
  return {
    question: "Which task is finished?",
    choices: { ...Object.fromEntries(choices), "none of them": nothing },
    otherwise: nothing,
  };
}

/** Each waits for the one before it, and fails with it. */
function added(titles: readonly string[]): ModuleDecision {
  const changed = { kind: "checklist.changed", v: 1, payload: {} };
  const actions = titles.map(
    (title, n): InstanceAction => ({
      ...{ kind: "add", key: `task-${n}`, title, v: 1, payload: {} },
      dependsOn: n === 0 ? [] : [{ on: `task-${n - 1}`, ifFails: "fail" }],
      callbacks: { whenActive: changed, whenEnded: changed },
    }),
  );
  return { actions, text: listed(titles.map((title) => `${title}: open`)) };
}

function ended(instances: readonly ModuleInstance[], isEnded: (title: string) => boolean): ModuleDecision {
  return {
    actions: instances
      .filter(({ title }) => isEnded(title))
      .map(({ id }) => ({ kind: "remove", id, outcome: "done", reason: "It was said." })),
    text: listed(instances.map(({ title }) => `${title}: ${isEnded(title) ? "done" : "open"}`)),
  };
}

function listed(lines: readonly string[]): string {
  return ["Tasks of this conversation:", ...lines.map((line) => `- ${line}`)].join("\n");
}

/** For the model: what it ends joins the commit of the turn, as what was decided does. */
function finishTool({ stores, tasks }: Parts): Tool {
  return {
    spec: {
      name: "finish_task",
      description: "Marks a task of the checklist as done. Use it when the user says that something is done.",
      kind: "transactional",
      inputSchema: { type: "object", properties: { title: { type: "string" } }, required: ["title"] },
    },
    async run(input, { sessionId, turnId, audience }, options) {
      const { title } = input as { readonly title: string };
      const storyline = await stores.storylines.ofSession(sessionId, options);
      const query = { storylineId: storyline?.id ?? "", moduleId: "checklist", readers: audience };
      const open = await stores.moduleInstances.open(query, options);
      const task = open.find((one) => one.title.toLowerCase() === title.toLowerCase());
      if (task === undefined) return { text: `There is no open task "${title}".`, isError: true };
      const end = { outcome: "done", reason: "The agent marked it.", turnId } as const;
      return { text: `${task.title} is done.`, writes: tasks.end(task, end) };
    },
  };
}
