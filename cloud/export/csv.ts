/** CSV as RFC 4180 has it: cells with commas, quotes or line ends stand in quotes, and quotes within are doubled. */

export interface CsvRecord {
  /** Where the record begins, from 1. */
  readonly line: number;
  readonly cells: readonly string[];
}

/** One record, without the line's end. */
export function csvLine(cells: readonly string[]): string {
  return cells.map((cell) => (/[",\r\n]/.test(cell) ? `"${cell.replaceAll('"', '""')}"` : cell)).join(',');
}

/** All records but empty lines and those that begin with `#`, which are comments; `fail` makes the error for a quote that is not closed. */
export function readCsv(content: string, fail: (line: number, problem: string) => Error): CsvRecord[] {
  const records: CsvRecord[] = [];
  const lines = content.split(/\r?\n/);
  for (let index = 0; index < lines.length; index++) {
    const line = index + 1;
    if (lines[index] === '' || lines[index]!.startsWith('#')) continue;
    let record = lines[index]!;
    while (isOpen(record)) {
      index++;
      if (index >= lines.length) throw fail(line, 'a quote is not closed');
      record += `\n${lines[index]}`;
    }
    records.push({ line, cells: splitRecord(record) });
  }
  return records;
}

/** Whether a quoted cell goes on in the next line. */
function isOpen(record: string): boolean {
  return (record.match(/"/g)?.length ?? 0) % 2 === 1;
}

function splitRecord(record: string): string[] {
  const cells = record.match(/("(?:[^"]|"")*"|[^,]*)(?:,|$)/g)!.slice(0, record.endsWith(',') ? undefined : -1);
  return cells.map((cell) => {
    const text = cell.replace(/,$/, '');
    return text.startsWith('"') ? text.slice(1, -1).replaceAll('""', '"') : text;
  });
}
