import { parseInstant } from '../../domain/instant.ts';
import { type LogRecord, parseLevel } from '../../domain/log.ts';
import type { BadRecord } from '../../domain/source.ts';
import { getArray, getBoolean, getNumber, isObject, type Json, readJson } from '../../lib/json.ts';
import type { Folded, Parser } from '../system.ts';
import { cut, FactDraft, textOrNull } from './facts.ts';

const CRASH = /^(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3}) (?:\[?(DEBUG|INFO|WARNING|ERROR|CRITICAL)\]? )?(.*)$/;

/** `.nomic/nomic_crash.log` of scripts/run_nomic_with_stream.py: `time LEVEL message`, tracebacks below. Fact: `error`. */
export const crashLogParser: Parser = {
  version: 1,
  start: { trace: false, at: null },
  fold(carry, chunk, context): Folded {
    if (chunk.type !== 'lines') return { carry };
    const draft = new FactDraft(context);
    const records: LogRecord[] = [];
    let trace = isObject(carry) && carry['trace'] === true;
    for (const line of chunk.lines) {
      if (line.text.trim() === '') continue;
      const match = CRASH.exec(line.text);
      const at = match ? parseInstant(match[1], context.located.timezone) : undefined;
      if (at !== undefined) trace = false;
      const level = at === undefined ? (trace ? 'error' : undefined) : parseLevel(match?.[2]);
      const message = at === undefined ? line.text : (match?.[3] ?? '');
      if (level === 'error') trace = true;
      if (at !== undefined && level === 'error') {
        draft.set('error', { at, offset: line.offset, text: cut(message, 300) ?? '' });
      } else if (trace && /^[A-Za-z_][\w.]*(Error|Exception|Exit|Interrupt)\b/.test(line.text)) {
        const known = draft.get('error');
        if (isObject(known)) draft.set('error', { ...known, text: cut(line.text, 300) ?? '' });
      }
      records.push({
        offset: line.offset,
        text: message,
        ...(at === undefined ? {} : { at }),
        ...(level ? { level } : {}),
      });
    }
    const facts = draft.done();
    return { carry: { trace }, records, ...(facts ? { facts } : {}) };
  },
};

const MOST_RISKS = 20;

/**
 * `.nomic/risk_register.jsonl` of `_track_debate_risks` (scripts/nomic_loop.py). Lines have no time. Fact: `risks`, the
 * newest ones. The server counts a key `severity` that no line has, and so tells zero always.
 */
export const risksParser: Parser = {
  version: 1,
  start: null,
  fold(carry, chunk, context): Folded {
    if (chunk.type !== 'lines') return { carry };
    const records: LogRecord[] = [];
    const bad: BadRecord[] = [];
    let risks: readonly Json[] = getArray(context.fact('risks'), 'newest');
    for (const line of chunk.lines) {
      if (line.text.trim() === '') continue;
      const read = readJson(line.text);
      if (!read.ok || !isObject(read.value)) {
        const reason = read.ok ? 'not a JSON object' : read.error;
        bad.push({ path: context.path, offset: line.offset, reason, excerpt: line.text.slice(0, 200) });
        records.push({ offset: line.offset, text: line.text.slice(0, 2000) });
        continue;
      }
      const risk = {
        cycle: getNumber(read.value, 'cycle') ?? null,
        task: textOrNull(read.value, 'task', 200),
        confidence: getNumber(read.value, 'confidence') ?? null,
        consensus: getBoolean(read.value, 'consensus') ?? null,
        level: textOrNull(read.value, 'level', 20),
        offset: line.offset,
      };
      risks = [...risks, risk].slice(-MOST_RISKS);
      records.push({
        offset: line.offset,
        text: `risk ${risk.level ?? '?'} cycle ${risk.cycle ?? '?'}: ${risk.task ?? ''} (confidence ${risk.confidence ?? '?'}, ${risk.consensus === true ? 'consensus' : 'no consensus'})`,
        level: risk.level === 'high' ? 'warning' : 'info',
        ...(risk.cycle === null ? {} : { keys: [`risk/${risk.cycle}`] }),
      });
    }
    return {
      carry,
      records,
      ...(records.length > 0 ? { facts: { risks: { newest: risks } } } : {}),
      ...(bad.length > 0 ? { bad } : {}),
    };
  },
};
