/** Words a POSIX shell takes as they are. */
const PLAIN = /^[A-Za-z0-9_@%+=:,./-]+$/;

/** A word as a person would type it in a POSIX shell; pasted there it is exactly this word. */
export function shellQuote(word: string): string {
  if (PLAIN.test(word)) return word;
  return `'${word.replaceAll("'", `'\\''`)}'`;
}

/** A command line of these words. A first word with `=` would be an assignment, so it is quoted. */
export function shellLine(words: readonly string[]): string {
  return words
    .map((word, index) =>
      index === 0 && word.includes('=') ? `'${word.replaceAll("'", `'\\''`)}'` : shellQuote(word),
    )
    .join(' ');
}
