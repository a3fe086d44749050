/**
 * Ids that may become an argument of a program, a part of a URL or a file name: a letter or digit first, so never an
 * option nor an `@file`; no slash, no control character, no white space. Units of systemd have an `@` within.
 */
const PLAIN_ID = /^[A-Za-z0-9][A-Za-z0-9._:@-]{0,127}$/;

/** True for an id that is safe as one argument, one URL segment or one file name. */
export function isPlainId(id: string): boolean {
  return PLAIN_ID.test(id) && !id.includes('..');
}
