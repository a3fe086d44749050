/** `1 issue`, `2 issues`. */
export function counted(count: number, word: string): string {
  return `${count} ${word}${count === 1 ? '' : 's'}`;
}

/** The first line of a text, cut to `length` characters. */
export function firstLine(text: string, length: number): string {
  const line = text.trim().split('\n', 1)[0] ?? '';
  return line.length > length ? `${line.slice(0, length - 1)}…` : line;
}

/** The name of a field as words: `suggestedAction` is `suggested action`. */
export function spacedName(name: string): string {
  return name.replace(/(?<=[a-z0-9])[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);
}
