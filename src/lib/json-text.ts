/**
 * A value as JSON that may be read on a terminal. JSON itself escapes C0 alone; DEL, C1 controls and the invisible or
 * direction-changing characters are written as escapes too. The value stays the same.
 */
export function jsonText(value: unknown, indent = false): string {
  const text = JSON.stringify(value, null, indent ? 2 : 0);
  return text.replace(/[\u007f-\u009f\u2028\u2029\p{Cf}\p{Cs}]/gu, (character) => {
    let escaped = '';
    for (let index = 0; index < character.length; index += 1) {
      escaped += `\\u${character.charCodeAt(index).toString(16).padStart(4, '0')}`;
    }
    return escaped;
  });
}
