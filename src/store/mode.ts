import type { ActMenu, ActOccasion, ActOffer, ActPreview, Params, StepAnswer } from '../domain/act.ts';
import type { ActList } from '../domain/act-list.ts';
import type { AttentionItem } from '../domain/attention.ts';
import type { Approval, Ref, SystemId } from '../domain/entity.ts';
import type { Instant } from '../domain/instant.ts';
import type { LogRow } from '../domain/log.ts';
import type { StepPlace } from '../domain/steps.ts';
import type { SourceBadRecord } from '../engine/protocol.ts';

/** What stands between the person and the start of an act, in this order. */
export type ConfirmStage = 'choose' | 'reason' | 'code' | 'starting';

/** An act shown before it is started. */
export interface DialogMode {
  readonly type: 'dialog';
  readonly preview: ActPreview;
  readonly stage: ConfirmStage;
  /** Which of `no, back` and `yes` is highlighted. */
  readonly choice: 'no' | 'yes';
  readonly reason: string;
  readonly code: string;
  readonly scroll: number;
  /** What the engine refused last. */
  readonly refused?: string;
}

/** A marked row that acts can be done to. */
export interface MarkedRow {
  readonly ref: Ref;
  readonly title: string;
}

/** One act on all marked rows it can be done to, shown before it is started: one confirmation for the whole list. */
export interface ListMode {
  readonly type: 'list';
  readonly title: string;
  readonly list: ActList;
  /** Marked rows that are not in the list, and why. */
  readonly left: readonly { readonly title: string; readonly why: string }[];
  readonly stage: ConfirmStage;
  readonly choice: 'no' | 'yes';
  readonly reason: string;
  readonly code: string;
  readonly scroll: number;
}

/** Marked rows an act is for, and those it is not for. */
export interface ListTargets {
  readonly rows: readonly MarkedRow[];
  readonly left: ListMode['left'];
}

/** What came of starting an act on one row of a list. */
export interface ListResult extends MarkedRow {
  /** Undefined while it is being handed over, and where it was refused. */
  readonly order?: string;
  readonly refused?: string;
  /** Of an act that only reads. */
  readonly answer?: StepAnswer;
}

/** Log rows around a moment, oldest first. */
export interface LogAround {
  readonly rows: readonly LogRow[];
  /** None names the item itself: these are of its system. */
  readonly widened: boolean;
}

/** The card of an approval. It holds the approval as it was when it was opened: that is what gets decided. */
export interface ApprovalMode {
  readonly type: 'approval';
  readonly target: Ref;
  readonly shown: Approval;
  /** Undefined while asked for. */
  readonly offers?: readonly ActOffer[];
  readonly error?: string;
  readonly scroll: number;
  /** The end of the payload has been on the screen. */
  readonly endSeen: boolean;
  /** Log rows around the time it was asked at; undefined while asked for. */
  readonly around?: LogAround;
  readonly stage: 'card' | 'text' | 'asking' | 'preview' | 'reason' | 'code' | 'starting';
  /** What is being decided. */
  readonly offer?: ActOffer;
  readonly params: Params;
  readonly text: string;
  readonly preview?: ActPreview;
  readonly reason: string;
  readonly code: string;
  readonly refused?: string;
  /** What the decision is made for. */
  readonly occasion?: ActOccasion;
}

/** What can be done to one service. */
export interface ServiceOffers {
  readonly target: Ref;
  readonly title: string;
  readonly offers: readonly ActOffer[];
}

/** What can be done to marked rows: each act once, and which of them it can be done to now. */
export interface MarkedOffers {
  readonly offers: readonly ActOffer[];
  readonly lists: { readonly [act: string]: ListTargets };
}

/** What has the keyboard. One union, so that two prompts can never be open at once. */
export type Mode =
  | { readonly type: 'browse' }
  | { readonly type: 'search'; readonly text: string }
  | { readonly type: 'filter'; readonly text: string }
  | {
      readonly type: 'palette';
      readonly text: string;
      readonly index: number;
      /** What can be done to the services of the systems; undefined while asked for. */
      readonly services?: readonly ServiceOffers[];
      /** What can be done to the marked rows, where rows are marked; undefined while asked for. */
      readonly marked?: MarkedOffers;
    }
  | { readonly type: 'help'; readonly text: string; readonly typing: boolean; readonly scroll: number }
  | {
      readonly type: 'menu';
      readonly menu: ActMenu | 'all' | 'undo';
      readonly target: Ref;
      readonly targetTitle: string;
      /** Undefined while asked for. */
      readonly offers?: readonly ActOffer[];
      readonly error?: string;
      readonly index: number;
      /** The marked rows it is for, where rows are marked; `lists`: which of them each act can be done to now. */
      readonly marked?: readonly MarkedRow[];
      readonly lists?: { readonly [act: string]: ListTargets };
    }
  | {
      readonly type: 'params';
      readonly offer: ActOffer;
      readonly target: Ref;
      readonly targetTitle: string;
      readonly values: Params;
      readonly index: number;
      readonly busy: boolean;
      readonly error?: string;
      /** All rows it is for, where it is for marked ones. */
      readonly list?: ListTargets;
      readonly occasion?: ActOccasion;
    }
  | DialogMode
  | ListMode
  | ApprovalMode
  | {
      readonly type: 'aside';
      readonly item: AttentionItem;
      readonly index: number;
      /** `reason` is asked when it goes for good. */
      readonly stage: 'choose' | 'reason';
      readonly text: string;
    }
  | {
      readonly type: 'details';
      readonly subject: DetailSubject;
      readonly scroll: number;
      /** The end stays in view while more comes. */
      readonly follow?: true;
    }
  /** What is set aside, to be looked through and brought back one by one. */
  | { readonly type: 'asides'; readonly index: number }
  | { readonly type: 'settle'; readonly order: string; readonly title: string; readonly text: string }
  /** A word to a step that is checked off or skipped. */
  | {
      readonly type: 'remark';
      readonly place: StepPlace;
      readonly as: 'done' | 'skipped';
      readonly text: string;
    }
  | { readonly type: 'copy' }
  | LogSheetMode
  /** The name a search is kept under is being typed. */
  | { readonly type: 'name'; readonly search: string; readonly text: string }
  /** The keys are with the strip above the log: a span of time is chosen. */
  | {
      readonly type: 'strip';
      /** The moment under its cursor. */
      readonly at: Instant;
      /** Where the span began, once it was begun. */
      readonly from?: Instant;
    };

/** A list that belongs to the log: its filters, remembered lines, searches with a name, fields of a row. */
export interface LogSheetMode {
  readonly type: 'logSheet';
  readonly of: 'stack' | 'bookmarks' | 'searches' | 'fields';
  readonly index: number;
  /** The row that was under the cursor when it was opened: what filters and fields are taken from. */
  readonly row?: LogRow;
  /** Its lines as they stand in their file, once they were read: that is what filters look at. */
  readonly written?: string;
}

/** What a details page is about. */
export type DetailSubject =
  | { readonly of: 'entity'; readonly ref: Ref }
  | { readonly of: 'source'; readonly key: string }
  | { readonly of: 'sources' }
  | { readonly of: 'watches' }
  /** What the first row says in few words, in full. */
  | { readonly of: 'notices' }
  /** What could not be understood, of one source, one system or all; undefined `records` while asked for. */
  | {
      readonly of: 'bad';
      readonly system?: SystemId;
      readonly source?: string;
      readonly records?: readonly SourceBadRecord[];
    }
  | { readonly of: 'act'; readonly order: string; readonly output?: string }
  | { readonly of: 'acts' }
  /** An act on marked rows, one by one. */
  | {
      readonly of: 'batch';
      readonly title: string;
      readonly items: readonly ListResult[];
      readonly left: ListMode['left'];
    }
  | { readonly of: 'answer'; readonly title: string; readonly answer: StepAnswer }
  /** `written`: the lines as they stand in their file; undefined while asked for, `unread` why they are not there. */
  | {
      readonly of: 'row';
      readonly row: LogRow;
      readonly pretty: boolean;
      readonly written?: string;
      readonly unread?: string;
    };

/** True when letters typed are text and no keys. */
export function isTyping(mode: Mode): boolean {
  switch (mode.type) {
    case 'search':
    case 'filter':
    case 'palette':
    case 'params':
    case 'settle':
    case 'remark':
    case 'name':
      return true;
    case 'help':
      return mode.typing;
    case 'dialog':
    case 'list':
      return mode.stage === 'reason' || mode.stage === 'code';
    case 'approval':
      return mode.stage === 'text' || mode.stage === 'reason' || mode.stage === 'code';
    case 'aside':
      return mode.stage === 'reason';
    case 'browse':
    case 'menu':
    case 'asides':
    case 'details':
    case 'copy':
    case 'logSheet':
    case 'strip':
      return false;
  }
}

/** The text being typed, or undefined when nothing is. */
export function typedText(mode: Mode): string | undefined {
  switch (mode.type) {
    case 'search':
    case 'filter':
    case 'palette':
    case 'settle':
    case 'remark':
    case 'name':
      return mode.text;
    case 'help':
      return mode.typing ? mode.text : undefined;
    case 'params':
      return mode.values[mode.offer.params[mode.index]?.name ?? ''] ?? '';
    case 'dialog':
    case 'list':
      return mode.stage === 'reason' ? mode.reason : mode.stage === 'code' ? mode.code : undefined;
    case 'approval':
      if (mode.stage === 'text') return mode.text;
      return mode.stage === 'reason' ? mode.reason : mode.stage === 'code' ? mode.code : undefined;
    case 'aside':
      return mode.stage === 'reason' ? mode.text : undefined;
    case 'browse':
    case 'menu':
    case 'asides':
    case 'details':
    case 'copy':
    case 'logSheet':
    case 'strip':
      return undefined;
  }
}

/** The mode with another typed text. A mode in which nothing is typed stays as it is. */
export function withTypedText(mode: Mode, text: string): Mode {
  switch (mode.type) {
    case 'search':
    case 'filter':
    case 'settle':
    case 'remark':
    case 'name':
      return { ...mode, text };
    case 'palette':
      return { ...mode, text, index: 0 };
    case 'help':
      return mode.typing ? { ...mode, text, scroll: 0 } : mode;
    case 'params': {
      const spec = mode.offer.params[mode.index];
      if (!spec) return mode;
      return { ...mode, values: { ...mode.values, [spec.name]: text } };
    }
    case 'dialog':
    case 'list':
      if (mode.stage === 'reason') return { ...mode, reason: text };
      return mode.stage === 'code' ? { ...mode, code: text } : mode;
    case 'approval':
      if (mode.stage === 'text') return { ...mode, text };
      if (mode.stage === 'reason') return { ...mode, reason: text };
      return mode.stage === 'code' ? { ...mode, code: text } : mode;
    case 'aside':
      return mode.stage === 'reason' ? { ...mode, text } : mode;
    case 'browse':
    case 'menu':
    case 'asides':
    case 'details':
    case 'copy':
    case 'logSheet':
    case 'strip':
      return mode;
  }
}
