/**
 * The four capital letters a person types for a destructive act. They follow from what is confirmed, so a code read off
 * one dialog does not fit the next. Letters that look alike are left out. No secret: it keeps hands from slipping.
 */
export function codeOf(parts: readonly string[]): string {
  const letters = 'ABCDEFGHJKLMNPRSTUVWXYZ';
  let state = 0x811c9dc5;
  for (const character of parts.join('\u0000')) {
    state = Math.imul(state ^ (character.codePointAt(0) ?? 0), 0x01000193) >>> 0;
  }
  let code = '';
  for (let index = 0; index < 4; index += 1) {
    state = Math.imul(state ^ (state >>> 15), 0x2c1b3c6d) >>> 0;
    code += letters[state % letters.length];
  }
  return code;
}
