/**
 * A device's latency table as a file, for other programs and other clouds; docs/latency-table.md says what stands where.
 * Two forms with the same content, both of which can be read back: JSON, one object per line, and CSV.
 */
import { AppError } from '@bespoke/shared/base/errors.js';
import { canonicalJson } from '@bespoke/shared/base/json.js';
import { formatPath } from '@bespoke/shared/graph/graph.js';
import { type TableRow, tableRowSchema } from '@bespoke/shared/latency/table-row.js';
import { deviceIdentitySchema } from '@bespoke/shared/protocol/agent.js';
import type { DeviceInfo } from '@bespoke/shared/protocol/api.js';
import { z } from 'zod';
import { type CsvRecord, csvLine, readCsv } from './csv.js';

export interface TableDevice {
  readonly id: string;
  readonly name: string;
  readonly info: DeviceInfo;
}

export interface TableFile {
  readonly device: TableDevice;
  readonly rows: readonly TableRow[];
}

const format = 'bespoke-latency-table';
export const tableVersion = 1;

const headerSchema = z.strictObject({
  format: z.literal(format),
  version: z.literal(tableVersion),
  device: deviceIdentitySchema,
});

type Cell = string | number;

interface Column {
  readonly name: string;
  readonly write: (row: TableRow) => Cell;
  /** From the cell's text to what the row's schema judges; may throw. */
  readonly read: (text: string) => unknown;
}

const text = (name: 'key' | 'measuredAt'): Column => ({ name, write: (row) => row[name], read: (cell) => cell });
const number = (name: keyof TableRow): Column => ({ name, write: (row) => row[name] as number, read: toNumber });
const json = (name: 'host' | 'workload'): Column => ({
  name,
  write: (row) => canonicalJson(row[name]),
  read: (cell) => JSON.parse(cell) as unknown,
});
const runtimePart = (name: keyof TableRow['runtime'], read: Column['read']): Column => ({
  name: `runtime.${name}`,
  write: (row) => row.runtime[name],
  read,
});

const columns: readonly Column[] = [
  text('key'),
  runtimePart('runtime', String),
  runtimePart('version', String),
  runtimePart('threads', toNumber),
  runtimePart('delegate', String),
  ...(['count', 'medianMs', 'lowMs', 'highMs', 'minMs', 'p5Ms', 'p95Ms', 'madMs'] as const).map(number),
  ...(['mildOutlierCount', 'severeOutlierCount', 'overheadMs', 'batchSize'] as const).map(number),
  text('measuredAt'),
  { name: 'doubt', write: (row) => row.doubt ?? '', read: (cell) => (cell === '' ? null : cell) },
  json('host'),
  json('workload'),
];

function toNumber(cell: string): number {
  return cell.trim() === '' ? Number.NaN : Number(cell);
}

export const tableFormats = ['csv', 'json'] as const;
export type TableFormat = (typeof tableFormats)[number];

const writers: { readonly [F in TableFormat]: (header: object, rows: readonly TableRow[]) => string[] } = {
  json: (header, rows) => [JSON.stringify(header), ...rows.map((row) => canonicalJson(row))],
  csv: (header, rows) => [
    `# ${JSON.stringify(header)}`,
    csvLine(columns.map(({ name }) => name)),
    ...rows.map((row) => csvLine(columns.map(({ write }) => String(write(row))))),
  ],
};

/** The text of the file; readTable gives back the same device and rows. */
export function writeTable({ device, rows }: TableFile, form: TableFormat): string {
  const { id, name, info } = device;
  const header = { format, version: tableVersion, device: { id, name, info } };
  return `${writers[form](header, rows).join('\n')}\n`;
}

/** Reads either form; `path` is for messages. Throws `TABLE_INVALID` naming the line and the field. */
export function readTable(content: string, path: string): TableFile {
  const isCsv = content.startsWith('#');
  const [first = ''] = content.split('\n', 1);
  const fail = failure(path);
  const { device } = parse(headerSchema, parseJson(isCsv ? first.slice(1) : first, 1, fail), 1, fail);
  const records = isCsv ? csvRecords(content, fail) : jsonRecords(content, fail);
  const seen = new Map<string, number>();
  const rows = records.map(({ line, value }) => {
    const row = parse(tableRowSchema, value, line, fail);
    const identity = JSON.stringify([row.key, Object.values(row.runtime)]);
    const earlier = seen.get(identity);
    if (earlier !== undefined) throw fail(line, 'key', `the same workload and runtime stand in line ${earlier}`);
    seen.set(identity, line);
    return row;
  });
  return { device, rows };
}

interface Record {
  readonly line: number;
  readonly value: unknown;
}

type Fail = (line: number, field: string, problem: string) => AppError<'TABLE_INVALID'>;

function failure(path: string): Fail {
  return (line, field, problem) => new AppError('TABLE_INVALID', { path, line, field, problem });
}

function jsonRecords(content: string, fail: Fail): Record[] {
  return content
    .split('\n')
    .map((text, index) => ({ text, line: index + 1 }))
    .filter(({ text, line }) => line > 1 && text.trim() !== '')
    .map(({ text, line }) => ({ line, value: parseJson(text, line, fail) }));
}

function csvRecords(content: string, fail: Fail): Record[] {
  const [names, ...records] = readCsv(content, (line, problem) => fail(line, 'the line', problem));
  const expected = columns.map(({ name }) => name);
  if (names?.cells.join() !== expected.join()) {
    throw fail(names?.line ?? 2, 'the names of the columns', `expected ${expected.join()}`);
  }
  return records.map((record) => ({ line: record.line, value: rowOf(record, fail) }));
}

function rowOf({ line, cells }: CsvRecord, fail: Fail): unknown {
  if (cells.length !== columns.length) {
    throw fail(line, 'the line', `expected ${columns.length} cells, but got ${cells.length}`);
  }
  const row: { [name: string]: unknown } = {};
  const runtime: { [name: string]: unknown } = {};
  columns.forEach(({ name, read }, index) => {
    const [group, part] = name.split('.') as [string, string | undefined];
    const target = part === undefined ? row : runtime;
    try {
      target[part ?? group] = read(cells[index]!);
    } catch (error) {
      throw fail(line, name, (error as Error).message);
    }
  });
  return { ...row, runtime };
}

function parseJson(text: string, line: number, fail: Fail): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw fail(line, 'the line', `expected JSON: ${(error as Error).message}`);
  }
}

function parse<T>(schema: z.ZodType<T>, value: unknown, line: number, fail: Fail): T {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const issue = result.error.issues[0]!;
  throw fail(line, formatPath(issue.path), issue.message);
}
