/** Size of the sheet that dialogs, menus and pages are shown on, so that what is scrolled and what is drawn agree. */
export interface SheetSize {
  readonly columns: number;
  /** Rows below the sheet's title line. */
  readonly rows: number;
}

/** Rows of the first lines of the screen: two where there is room, one on a small one. */
export function headerRows(columns: number, rows: number): number {
  return isSmall(columns, rows) ? Math.min(1, rows) : 2;
}

/** A screen so small that only the most needed is shown. */
export function isSmall(columns: number, rows: number): boolean {
  return rows < 20 || columns < 70;
}

/** Rows the queue keeps, title included, while a sheet is open: on a tall screen one still sees what else burns. */
export function queueRowsBesideSheet(columns: number, rows: number): number {
  return rows >= 34 && columns >= 70 ? 6 : 0;
}

/** The sheet of a screen of that size. */
export function sheetSize(columns: number, rows: number): SheetSize {
  const footer = rows > 2 ? 1 : 0;
  const body = rows - headerRows(columns, rows) - footer - queueRowsBesideSheet(columns, rows);
  return { columns, rows: Math.max(0, body - 1) };
}

/** From this size up approvals and fatal issues have boxes of their own beside the queue. */
export function hasOwnBox(columns: number, rows: number): boolean {
  return columns >= 160 && rows >= 50;
}
