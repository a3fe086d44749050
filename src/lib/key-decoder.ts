/**
 * Turns the bytes of a terminal into keys. On a slow link a sequence arrives in pieces: a Down arrow that ends in `B`
 * must not become the letter `B`, which may be bound to an act. So a piece is held until it is complete, for as long as
 * its kind allows, and what can't be understood is swallowed whole.
 */
import type { KeyEvent, KeyPress, NamedKey } from './key-event.ts';
import {
  characterKey,
  controlKey,
  meaningOfConsoleKey,
  meaningOfCsi,
  meaningOfSs3,
  meaningOfX10Mouse,
  type SequenceMeaning,
  withAlt,
} from './key-sequences.ts';

import {
  BEL,
  BODY_LIMIT,
  BURST_MS,
  ESC,
  GROUND,
  holdMs,
  PASTE_END,
  PASTE_GAP_MS,
  PASTE_LIMIT_BYTES,
  pasteOf,
  SEQUENCE_GAP_MS,
  type State,
} from './key-state.ts';

export type { KeyEvent } from './key-event.ts';

/** Decodes one terminal's input. Times are milliseconds of any clock that only grows. */
export interface KeyDecoder {
  /** The bytes of one read. Never throws, whatever they are. */
  push(bytes: Uint8Array, atMs: number): KeyEvent[];
  /** Gives up what was held too long: a lone ESC becomes `escape`. Does nothing when called early. */
  flush(atMs: number): KeyEvent[];
  /** Milliseconds after the last call at which `flush` has something to do; undefined when nothing is held. */
  waiting(): number | undefined;
}

/** A decoder with nothing held. */
export function createKeyDecoder(): KeyDecoder {
  return new Decoder();
}

interface Draft {
  readonly event: KeyEvent;
  /** A key that came in this very read, and whether it is a character rather than a function key. */
  readonly key?: 'character' | 'function';
}

class Decoder implements KeyDecoder {
  private state: State = GROUND;
  private drafts: Draft[] = [];
  /** Time of the call being served. */
  private now = 0;
  private lastByteAt = 0;
  private escapeByteAt = 0;
  private openEscapeAt = Number.NEGATIVE_INFINITY;
  private lastCharacterAt = Number.NEGATIVE_INFINITY;
  private brokenPasteAt = Number.NEGATIVE_INFINITY;

  push(bytes: Uint8Array, atMs: number): KeyEvent[] {
    this.now = atMs;
    const expired = this.expire();
    if (bytes.length === 0) return expired;
    for (const byte of bytes) {
      this.take(byte);
      this.lastByteAt = atMs;
    }
    return [...expired, ...this.settle()];
  }

  flush(atMs: number): KeyEvent[] {
    this.now = atMs;
    return this.expire();
  }

  waiting(): number | undefined {
    const hold = holdMs(this.state);
    return hold === undefined ? undefined : Math.max(0, this.lastByteAt + hold + 1 - this.now);
  }

  private expire(): KeyEvent[] {
    const hold = holdMs(this.state);
    if (hold === undefined || this.now - this.lastByteAt <= hold) return [];
    const state = this.state;
    this.state = GROUND;
    this.giveUp(state);
    const events = this.drafts.map((draft) => draft.event);
    this.drafts = [];
    return events;
  }

  /** What was held is not going to be completed. */
  private giveUp(state: State): void {
    switch (state.at) {
      case 'ground':
      case 'utf8':
        return;
      case 'paste':
        this.brokenPasteAt = this.now;
        this.report(pasteOf(state.bytes, state.cut));
        return;
      case 'escape':
        if (state.alt) this.emit({ name: 'escape' });
        this.emit({ name: 'escape' });
        break;
      case 'csi':
        if (state.body === '') this.emitAlt('[');
        break;
      case 'ss3':
        if (state.digits === '') this.emitAlt('O');
        break;
      case 'string':
        if (!state.opened) this.emitAlt(state.introducer);
        break;
      case 'console':
      case 'x10':
        break;
    }
    this.openEscapeAt = this.now;
  }

  private take(byte: number): void {
    const state = this.state;
    switch (state.at) {
      case 'ground':
        this.takeGround(byte, false);
        break;
      case 'escape':
        this.takeAfterEscape(byte, state.alt);
        break;
      case 'csi':
        this.takeCsi(byte, state);
        break;
      case 'console':
        if (this.breaksOff(byte)) break;
        this.state = GROUND;
        this.mean(meaningOfConsoleKey(String.fromCharCode(byte)), state.alt);
        break;
      case 'ss3':
        this.takeSs3(byte, state);
        break;
      case 'x10':
        this.takeX10(byte, state);
        break;
      case 'string':
        this.takeString(byte, state);
        break;
      case 'utf8':
        this.takeUtf8(byte, state);
        break;
      case 'paste':
        this.takePaste(byte, state);
        break;
    }
  }

  private takeGround(byte: number, alt: boolean): void {
    if (byte === ESC) {
      this.escapeByteAt = this.now;
      this.state = { at: 'escape', alt };
    } else if (byte < 0x20 || byte === 0x7f) this.type(controlKey(byte), alt);
    else if (byte < 0x80) this.type(characterKey(String.fromCharCode(byte)), alt);
    else {
      const length = byte >= 0xf0 && byte < 0xf5 ? 4 : byte >= 0xe0 ? 3 : byte >= 0xc2 ? 2 : 0;
      // A byte that no character begins with is line noise.
      if (length > 0 && byte < 0xf5) this.state = { at: 'utf8', alt, bytes: [byte], length };
    }
  }

  private takeAfterEscape(byte: number, alt: boolean): void {
    this.state = GROUND;
    if (byte === ESC) {
      // The third of three: the first was a key of its own.
      if (alt) this.emit({ name: 'escape' });
      this.escapeByteAt = this.now;
      this.state = { at: 'escape', alt: true };
      return;
    }
    const character = String.fromCharCode(byte);
    if (character === '[') this.state = { at: 'csi', alt, body: '' };
    else if (character === 'O') this.state = { at: 'ss3', alt, digits: '' };
    else if (character === ']' || character === 'P' || character === '_')
      this.state = { at: 'string', introducer: character, opened: false, escaped: false };
    else this.takeGround(byte, true);
  }

  private takeCsi(byte: number, state: State & { at: 'csi' }): void {
    if (this.breaksOff(byte)) return;
    const character = String.fromCharCode(byte);
    if (state.body === '' && character === '[') {
      this.state = { at: 'console', alt: state.alt };
      return;
    }
    const isShiftedRxvt = character === '$' && /^\d{1,2}$/.test(state.body);
    if (byte < 0x40 && !isShiftedRxvt) {
      if (state.body.length <= BODY_LIMIT) state.body += character;
      return;
    }
    this.state = GROUND;
    if (character === 'M' && state.body === '') this.state = { at: 'x10', bytes: [] };
    else if (character === '~' && state.body === '200')
      this.state = { at: 'paste', bytes: [], matched: 0, cut: false };
    else if (state.body.length <= BODY_LIMIT) this.mean(meaningOfCsi(state.body, character), state.alt);
  }

  private takeSs3(byte: number, state: State & { at: 'ss3' }): void {
    if (this.breaksOff(byte)) return;
    const character = String.fromCharCode(byte);
    if (/[0-9;]/.test(character) && state.digits.length < 4) {
      state.digits += character;
      return;
    }
    this.state = GROUND;
    this.mean(meaningOfSs3(state.digits.replace(/^.*;/, '') + character), state.alt);
  }

  private takeX10(byte: number, state: State & { at: 'x10' }): void {
    if (byte < 0x20 && this.breaksOff(byte)) return;
    state.bytes.push(byte);
    if (state.bytes.length < 3) return;
    this.state = GROUND;
    this.mean(meaningOfX10Mouse(state.bytes), false);
  }

  /**
   * A terminal's answer: `ESC ]`, `ESC P` or `ESC _` up to BEL or `ESC \`. Alt with the same character is told apart by
   * what follows: an answer goes on with a digit or a sign.
   */
  private takeString(byte: number, state: State & { at: 'string' }): void {
    const character = String.fromCharCode(byte);
    // No answer holds a control byte; were its end lost, it must not swallow what is typed for long.
    if (byte < 0x20 && byte !== ESC && byte !== BEL && this.breaksOff(byte)) return;
    if (!state.opened) {
      const begins = state.introducer === '_' ? /[G]/ : /[0-9;:<=>?!$+]/;
      if (!begins.test(character)) {
        this.state = GROUND;
        this.emitAlt(state.introducer);
        this.take(byte);
        return;
      }
      state.opened = true;
    } else if (byte === BEL || (state.escaped && character === '\\')) this.state = GROUND;
    else if (state.escaped) {
      // Broken off by another sequence, whose ESC has been read already.
      this.escapeByteAt = this.lastByteAt;
      this.takeAfterEscape(byte, false);
    } else state.escaped = byte === ESC;
  }

  private takeUtf8(byte: number, state: State & { at: 'utf8' }): void {
    if ((byte & 0xc0) !== 0x80) {
      this.state = GROUND;
      this.take(byte);
      return;
    }
    state.bytes.push(byte);
    if (state.bytes.length < state.length) return;
    this.state = GROUND;
    const text = new TextDecoder().decode(Uint8Array.from(state.bytes));
    if (!text.includes('\ufffd') && text !== '') this.type(characterKey(text), state.alt);
  }

  private takePaste(byte: number, state: State & { at: 'paste' }): void {
    if (byte === PASTE_END[state.matched]) {
      state.matched += 1;
      if (state.matched < PASTE_END.length) return;
      this.state = GROUND;
      this.report(pasteOf(state.bytes, state.cut));
      return;
    }
    const held = PASTE_END.slice(0, state.matched);
    state.matched = byte === ESC ? 1 : 0;
    for (const kept of byte === ESC ? held : [...held, byte]) {
      if (state.bytes.length < PASTE_LIMIT_BYTES) state.bytes.push(kept);
      else state.cut = true;
    }
  }

  /** A control byte or a byte above ASCII can't stand inside a sequence: the sequence was broken off, the byte counts. */
  private breaksOff(byte: number): boolean {
    if (byte >= 0x20 && byte < 0x7f) return false;
    this.state = GROUND;
    this.openEscapeAt = this.now;
    this.takeGround(byte, false);
    return true;
  }

  private mean(meaning: SequenceMeaning, alt: boolean): void {
    if (meaning === undefined) return;
    if (meaning.type !== 'named') this.report(meaning);
    else if (meaning.key.name === 'escape') {
      this.emit(meaning.key);
      this.openEscapeAt = this.now;
    } else this.emit(alt ? withAlt(meaning.key) : meaning.key, meaning.character ? 'character' : 'function');
  }

  /** A key that came as a character, after ESC with Alt. */
  private type(key: NamedKey | undefined, alt: boolean): void {
    this.state = GROUND;
    if (key === undefined) return;
    if (alt) this.openEscapeAt = this.escapeByteAt;
    this.emit(alt ? withAlt(key) : key, 'character');
  }

  /** The beginning of a sequence that turned out to be a character typed with Alt. */
  private emitAlt(character: string): void {
    this.openEscapeAt = this.escapeByteAt;
    this.emit({ name: `alt-${character}` }, 'character');
  }

  private emit(key: NamedKey, came: 'character' | 'function' = 'function'): void {
    const since = this.now - this.openEscapeAt;
    const press: KeyPress = {
      type: 'key',
      ...key,
      typed: 'alone',
      ...(since <= SEQUENCE_GAP_MS ? { sinceEscapeMs: Math.max(0, since) } : {}),
    };
    this.drafts.push({ event: press, key: came });
  }

  private report(event: KeyEvent): void {
    this.drafts.push({ event });
  }

  /** Marks the characters of this read that can't have been typed one by one. */
  private settle(): KeyEvent[] {
    const drafts = this.drafts;
    this.drafts = [];
    const keys = drafts.filter((draft) => draft.key !== undefined).length;
    const hasCharacter = drafts.some((draft) => draft.key === 'character');
    const hasPaste = drafts.some((draft) => draft.event.type === 'paste');
    const hurried =
      keys > 1 ||
      this.now - this.lastCharacterAt < BURST_MS ||
      this.now - this.brokenPasteAt < PASTE_GAP_MS ||
      hasPaste;
    if (hasCharacter || hasPaste) this.lastCharacterAt = this.now;
    return drafts.map(({ event, key }) =>
      key === 'character' && hurried && event.type === 'key' ? { ...event, typed: 'burst' } : event,
    );
  }
}
