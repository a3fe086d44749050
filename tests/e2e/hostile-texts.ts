/**
 * What a watched system could print to take over the terminal of who looks: as log lines, ids, names, keys and errors.
 * Without an end of line, so that each can stand in any of these places.
 */
const ESC = '\x1b';
const BEL = '\x07';
const ST = `${ESC}\\`;
/** `echo owned`, as OSC 52 wants it. */
const CLIP = 'ZWNobyBvd25lZA==';

const strings: readonly string[] = [
  // Titles, icons, clipboards, links, notifications: OSC with both ends, with none, with C1 forms.
  `${ESC}]0;owned${BEL}`,
  `${ESC}]2;owned${ST}`,
  `${ESC}]1;owned${BEL}`,
  `${ESC}]52;c;${CLIP}${BEL}`,
  `${ESC}]52;p;${CLIP}${ST}`,
  `${ESC}]52;c;?${BEL}`,
  `${ESC}]8;;http://evil.example${ST}click${ESC}]8;;${ST}`,
  `${ESC}]9;owned${BEL}`,
  `${ESC}]777;notify;owned;now${BEL}`,
  `${ESC}]4;1;#000000${BEL}`,
  `${ESC}]10;?${BEL}`,
  `${ESC}]11;#ff0000${BEL}`,
  `${ESC}]50;SetProfile=owned${BEL}`,
  `${ESC}]1337;File=inline=1:${CLIP}${BEL}`,
  `${ESC}]133;A${ST}`,
  `${ESC}]0;never ended`,
  `\u009d0;owned\u009c`,
  `\u009d52;c;${CLIP}${BEL}`,
  // Device control strings, application commands, privacy messages.
  `${ESC}P$q"p${ST}`,
  `${ESC}P+q544e${ST}`,
  `${ESC}Ptmux;${ESC}${ESC}]0;owned${BEL}${ST}`,
  `${ESC}Pq#0;2;0;0;0#0~~@@vv${ST}`,
  `\u0090$q"p\u009c`,
  `${ESC}_Gi=1,a=q;AAAA${ST}`,
  `${ESC}^owned${ST}`,
  `${ESC}Xowned${ST}`,
  `${ESC}kowned${ST}`,
  // What the terminal answers by typing.
  `${ESC}[c`,
  `${ESC}[>c`,
  `${ESC}[=c`,
  `${ESC}[5n`,
  `${ESC}[6n`,
  `${ESC}[?6n`,
  `${ESC}[18t`,
  `${ESC}[21t`,
  `${ESC}[?2026$p`,
  `${ESC}[?u`,
  `${ESC}Z`,
  '\x05',
  // Screens, modes, scrolling, the cursor.
  `${ESC}[2J`,
  `${ESC}[3J`,
  `${ESC}[H`,
  `${ESC}[999;999H`,
  `${ESC}[1;3r`,
  `${ESC}[?1049h`,
  `${ESC}[?1049l`,
  `${ESC}[?47h`,
  `${ESC}[?25h`,
  `${ESC}[?25l`,
  `${ESC}[?1000h`,
  `${ESC}[?1003h${ESC}[?1006h`,
  `${ESC}[?2004l`,
  `${ESC}[?1004l`,
  `${ESC}[?7l`,
  `${ESC}[?5h`,
  `${ESC}[?2026h`,
  `${ESC}[4h`,
  `${ESC}[20h`,
  `${ESC}[>1u`,
  `${ESC}[8;1;1t`,
  `${ESC}[2t`,
  `${ESC}[5i`,
  `${ESC}[!p`,
  `${ESC}c`,
  `${ESC}7${ESC}8`,
  `${ESC}M`,
  `${ESC}D`,
  `${ESC}#8`,
  `${ESC}(0lqqk`,
  `${ESC}%@`,
  `${ESC}=`,
  `${ESC}N${ESC}O`,
  `\u009b2J`,
  `\u009b31mred`,
  '\u0085\u0084\u008d',
  `${ESC}[31;1;5mred${ESC}[0m`,
  `${ESC}[38;2;255;0;0mred`,
  // Those that are whole again once something between them was taken out.
  `${ESC}${ESC}[0m[2J`,
  `${ESC}${ESC}[0m]52;c;${CLIP}${BEL}`,
  `${ESC}${ESC}[31m]0;owned${BEL}`,
  `${ESC}\u200b[2J`,
  `${ESC}\u00ad]0;owned${BEL}`,
  `${ESC}[${ESC}[0m2J`,
  `${ESC}[?10${ESC}]8;;${ST}49l`,
  `\x1b\x7f[2J`,
  `${ESC}\x18[2J`,
  `${ESC}[3\x1a1m`,
  `${ESC}\x00[2J`,
  // Cut off in their middle.
  ESC,
  `${ESC}[`,
  `${ESC}[?`,
  `${ESC}[38;2;`,
  `${ESC}]`,
  `${ESC}P`,
  // Characters that overwrite, turn around, hide or stack.
  'good\rbad',
  'good\b\b\b\bbad',
  'a\x0bb\x0cc',
  'a\x0e\x0fb',
  '\x07\x07\x07',
  'a\x00b',
  'a\x7fb',
  'user\u202egnp.exe',
  '\u2066hidden\u2069',
  '\u200e\u200f\u061c',
  'zero\u200bwidth\ufeff',
  'a\u2028b\u2029c',
  `Z${'\u0301'.repeat(60)}algo`,
  '\u0600\u06dd\u{110bd}',
  '\u{e0041}\u{e0042}tags',
  '\ufff9a\ufffab\ufffb',
  '\ue000\u{f0000}\u{10ffff}',
  '\u{1f1e9}\u{1f1ea}\u{1f468}\u200d\u{1f469}\u200d\u{1f467}\u{1f44d}\u{1f3fd}',
  '\u115f\u1160\u3164\uffa0',
  'a\tb\t\tc',
  // What is text to a terminal and more to others.
  '#{pane_title} #(touch owned) #[fg=red]',
  '$(touch owned) `touch owned`; & | > <',
  '%n %s %d %1$s',
  '--help',
  '../../../../etc/passwd',
  '__proto__',
];

/** The strings, none twice. */
export const HOSTILE_TEXTS: readonly string[] = [...new Set(strings)];

/** Every code point that a text in UTF-8 can hold but the end of a line, so many to a piece and each before what would make it a sequence. */
export function* codePoints(size: number, step = 1): Generator<string> {
  let text = '';
  let count = 0;
  for (let code = 0; code <= 0x10ffff; code += code < 0x300 ? 1 : step) {
    if (code === 0x0a || (code >= 0xd800 && code <= 0xdfff)) continue;
    text += `${String.fromCodePoint(code)}[2J`;
    count += 1;
    if (count % size !== 0) continue;
    yield text;
    text = '';
  }
  if (text !== '') yield text;
}
