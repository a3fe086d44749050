import { isObject, readJson } from './json.ts';

/** `name=value`, the value bare or in quotes. */
const PAIR =
  /(?:^|[\s,;({[|])([A-Za-z_][\w.-]{0,63})=(?:"((?:[^"\\]|\\.){0,4096})"|([^\s,;)}\]|"]{0,4096}))/g;
const MOST_FIELDS = 256;
/** An object inside an object is told with its path: `error.code`. */
const DEEPEST = 3;

/** Names and values in a line, in its order: of the JSON object it holds, else its `name=value` pairs. */
export function fieldsOf(text: string): readonly (readonly [name: string, value: string])[] {
  const brace = text.indexOf('{"');
  if (brace !== -1 && text.trimEnd().endsWith('}')) {
    const read = readJson(text.slice(brace));
    if (read.ok && isObject(read.value)) {
      const fields: [string, string][] = [];
      collect(read.value, '', DEEPEST, fields);
      return fields;
    }
  }
  if (!text.includes('=')) return [];
  const fields: [string, string][] = [];
  for (const [, name = '', quoted, bare] of text.matchAll(PAIR)) {
    fields.push([name, quoted ?? bare ?? '']);
    if (fields.length === MOST_FIELDS) break;
  }
  return fields;
}

/** True for a line in which the field of this name has this value. */
export function hasField(line: string, name: string, value: string): boolean {
  return fieldsOf(line).some((field) => field[0] === name && field[1] === value);
}

function collect(object: object, prefix: string, deeper: number, fields: [string, string][]): void {
  for (const [name, value] of Object.entries(object) as [string, unknown][]) {
    if (fields.length === MOST_FIELDS) return;
    if (isObject(value) && deeper > 1) collect(value, `${prefix}${name}.`, deeper - 1, fields);
    else fields.push([prefix + name, typeof value === 'string' ? value : JSON.stringify(value)]);
  }
}
