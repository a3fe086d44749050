/** The logs' thread: reads what their files hold beside the newest lines, as the plan's kinds read them. */
import { parentPort, workerData } from 'node:worker_threads';
import { readersOf } from '../engine/kind-lines.ts';
import { serveLogs } from '../logs/log-carrier.ts';
import { kindsOfPlan } from './engine-of.ts';
import type { EnginePlan } from './engine-plan.ts';

const plan = workerData as EnginePlan;
const kindOf = await kindsOfPlan(plan);
const systems = plan.systems.map(({ kind, located }) => ({ kind: kindOf(kind), located }));
const later = (plan.absent ?? []).map(({ summary }) => kindOf(summary.kind));
if (parentPort) serveLogs(readersOf(systems, later), parentPort);
