import { parseInstant } from '../../domain/instant.ts';
import { type LogRecord, parseLevel } from '../../domain/log.ts';
import type { BadRecord } from '../../domain/source.ts';
import { getNumber, getString, type Json, readJson } from '../../lib/json.ts';
import type { Folded, Parser } from '../system.ts';
import { cut, FactDraft, linesOf, scriptLogParser, taskIdsIn } from './parse-line.ts';

/** Logs of the same format that carry no facts: `commit_progress.log`, `overnight_orchestrator.log`. */
export const plainLogParser: Parser = scriptLogParser<Record<string, never>>(1, {}, (line, draft, own) => {
  draft.set('last', { at: line.at, offset: line.offset });
  return own;
});

const UVICORN = /^(DEBUG|INFO|WARNING|ERROR|CRITICAL):\s+(.*)$/;
const ACCESS = /"[A-Z]+ \S+ HTTP\/[\d.]+" (\d{3})/;

/**
 * `api/logs/autonomous_api.log`: what uvicorn prints, without times, appended by each server that the watchdog or
 * run_autonomous.sh starts. Facts: `started` (newest server process), `bindFailed` (how often since then a server
 * found the port taken). Requests that went well count as debug: the pollers' would bury everything else.
 */
export const apiLogParser: Parser = {
  version: 1,
  start: { trace: false },
  showsWritten: true,
  fold(carry, chunk, context): Folded {
    const draft = new FactDraft(context);
    const records: LogRecord[] = [];
    let trace = (carry as { trace?: boolean }).trace === true;
    for (const line of linesOf(chunk)) {
      if (line.text.trim() === '') continue;
      const match = UVICORN.exec(line.text);
      const message = match?.[2] ?? line.text;
      if (match) trace = false;
      if (line.text.startsWith('Traceback (most recent call last)')) trace = true;
      const access = match ? ACCESS.exec(message)?.[1] : undefined;
      const level = access
        ? access >= '500'
          ? 'error'
          : access >= '400'
            ? 'info'
            : 'debug'
        : (parseLevel(match?.[1]) ?? (trace ? 'error' : undefined));
      const keys = taskIdsIn(message);
      records.push({
        offset: line.offset,
        text: line.text,
        ...(level ? { level } : {}),
        ...(keys.length > 0 ? { keys } : {}),
      });
      if (access) continue;
      const server = /^Started server process \[(\d+)\]/.exec(message)?.[1];
      if (server) draft.set('started', { pid: Number(server), offset: line.offset });
      else if (/^Application startup complete/.test(message)) draft.set('ready', { offset: line.offset });
      else if (/^Uvicorn running on /.test(message)) draft.set('bindFailed', null);
      else if (/\[Errno 98\]|address already in use/i.test(message)) {
        const count = (getNumber(draft.get('bindFailed'), 'count') ?? 0) + 1;
        draft.set('bindFailed', { count, offset: line.offset, text: cut(message, 200) ?? '' });
      }
    }
    const facts = draft.done();
    return { carry: { trace }, records, ...(facts ? { facts } : {}) };
  },
};

const TASK_FILE = /(?:^|\/)task_([^/]{1,80})\.log$/;

/**
 * `api/logs/task_task_<hex>.log`, written by scripts/agent_runner.py: opened anew at each run, header, output line by
 * line, footer when the run ended. No footer: still running, or the runner died. A line that looks like the footer but
 * is followed by more output was output. Facts: `task`, `end`.
 */
export const taskLogParser: Parser = {
  version: 1,
  start: { id: null },
  showsWritten: true,
  fold(carry, chunk, context): Folded {
    const draft = new FactDraft(context);
    const records: LogRecord[] = [];
    let id = getString(carry, 'id') ?? TASK_FILE.exec(context.path)?.[1];
    for (const line of linesOf(chunk)) {
      const header = line.offset === 0 ? /^# task_id=(\S{1,80}) status=/.exec(line.text) : null;
      const end = /^# duration_seconds=([\d.]+) exit=(-?\d+) status=(\w+)\s*$/.exec(line.text);
      if (header) {
        id = header[1] ?? id;
        draft.set('task', { id: id ?? '' });
        draft.set('end', null);
      }
      if (end) {
        const [, seconds, exit, status = ''] = end;
        draft.set('end', { seconds: Number(seconds), exit: Number(exit), status, offset: line.offset });
      } else if (line.text.trim() !== '') {
        if (draft.get('end') !== undefined) draft.set('end', null);
        const command = draft.get('command') === undefined && line.text.startsWith('# command=');
        if (command) draft.set('command', cut(line.text.slice('# command='.length), 160) ?? '');
      }
      if (line.text.trim() === '') continue;
      const isFailure = end !== null && end[3] !== 'completed';
      records.push({
        offset: line.offset,
        text: line.text,
        ...(id === undefined ? {} : { keys: [id], origin: id.slice(0, 13) }),
        ...(isFailure ? { level: 'error' as const } : {}),
      });
    }
    const facts = draft.done();
    return { carry: { id: id ?? null }, records, ...(facts ? { facts } : {}) };
  },
};

const MAX_CONDITIONS = 200;

/** `api/logs/monitor_resolutions.jsonl`, appended by scripts/monitor_pipeline.py. Facts: `resolved/<condition>`. */
export const resolutionsParser: Parser = {
  version: 1,
  start: { known: 0 },
  fold(carry, chunk, context): Folded {
    const draft = new FactDraft(context);
    const records: LogRecord[] = [];
    const bad: BadRecord[] = [];
    let known = getNumber(carry, 'known') ?? 0;
    for (const line of linesOf(chunk)) {
      if (line.text.trim() === '') continue;
      const read = readJson(line.text);
      const condition = read.ok ? cut(getString(read.value, 'condition'), 80) : undefined;
      const at = read.ok ? parseInstant(getString(read.value, 'resolved_at')) : undefined;
      if (!read.ok || condition === undefined || at === undefined) {
        const reason = read.ok ? 'no condition or time in it' : read.error;
        bad.push({ path: context.path, offset: line.offset, reason, excerpt: line.text.slice(0, 200) });
        records.push({ offset: line.offset, text: line.text.slice(0, 2000) });
        continue;
      }
      const heal = cut(getString(read.value, 'heal_task_id'), 80);
      const key = `resolved/${condition}`;
      if (draft.get(key) === undefined) known += 1;
      if (known <= MAX_CONDITIONS) {
        const fact: Record<string, Json> = { at, offset: line.offset };
        if (heal) fact['heal'] = heal;
        draft.set(key, fact);
      }
      records.push({
        offset: line.offset,
        at,
        level: 'info',
        text: `resolved ${condition}${heal ? ` (heal task ${heal})` : ''}`,
        keys: heal ? [condition, heal] : [condition],
      });
    }
    const facts = draft.done();
    return {
      carry: { known },
      records,
      ...(facts ? { facts } : {}),
      ...(bad.length > 0 ? { bad } : {}),
    };
  },
};
