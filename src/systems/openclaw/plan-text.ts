import type { Payload } from '../../domain/entity.ts';
import type { JobFact, PlanFact, PlanTaskFact, TaskFact } from './facts.ts';

/** The plan as a reviewer reads it: every task with who does it, why that agent, what it waits for and what it runs. */
export function planPayload(goal: string, plan: PlanFact): Payload {
  const numbers = new Map(plan.tasks.map((task, index) => [task.id, index + 1]));
  const blocks = plan.tasks.map((task, index) => taskBlock(task, index + 1, numbers));
  return { form: 'plan', text: [`Goal: ${goal.trim()}`, ...blocks].join('\n\n') };
}

function taskBlock(task: PlanTaskFact, number: number, numbers: ReadonlyMap<string, number>): string {
  const agent = task.agent ?? 'no agent';
  const lines = [`${number}. ${task.title || task.id}  [${agent}${task.routing ? `, ${task.routing}` : ''}]`];
  const add = (name: string, values: readonly string[]): void => {
    if (values.length > 0) lines.push(`   ${name}: ${values.join('; ')}`);
  };
  add('about', task.description === null || task.description === '' ? [] : [task.description]);
  add(
    'after',
    task.after.map((id) => (numbers.has(id) ? `${numbers.get(id)}` : id)),
  );
  add('runs', task.commands);
  add('gives', task.outputs);
  add('done when', task.doneWhen);
  return lines.join('\n');
}

/** The same from the tasks a result lists, where the plan's own file can't be read: less is known of each task. */
export function resultPayload(job: JobFact): Payload | undefined {
  const tasks = job.result?.tasks ?? [];
  if (tasks.length === 0) return undefined;
  const lines = tasks.map(
    (task: TaskFact, index) => `${index + 1}. ${task.title || task.id}  [${task.agent ?? 'no agent'}]`,
  );
  return { form: 'plan', text: [`Goal: ${job.goal.trim()}`, lines.join('\n')].join('\n\n') };
}

/** Tasks whose agent nobody chose: the router fell back to a default. */
export function unrouted(plan: PlanFact): number {
  return plan.tasks.filter((task) => task.routing?.startsWith('fallback:') === true).length;
}
