import { readTable, type TableFile, tableFormats, writeTable } from '@bespoke/cloud/export/latency-table.js';
import type { TableRow } from '@bespoke/shared/latency/table-row.js';
import { workloadKey } from '@bespoke/shared/latency/workload.js';
import { describe, expect, it } from 'vitest';
import { device, runtime, success, workload } from '../../support/fleet.js';

const row = (index: number): TableRow => ({
  key: workloadKey(workload(index)),
  runtime,
  workload: workload(index),
  count: 30,
  medianMs: 1.5,
  lowMs: 1.4,
  highMs: 1.6,
  minMs: 1.2,
  p5Ms: 1.3,
  p95Ms: 1.9,
  madMs: 0.1,
  mildOutlierCount: 2,
  severeOutlierCount: 1,
  overheadMs: 0.01,
  batchSize: 3,
  host: success(1).host,
  doubt: index === 1 ? 'the device, it is said, was "hot",\nand busy' : null,
  measuredAt: '2026-01-02T03:04:05.000Z',
});
const { runtimes: _, ...identity } = device;
const file: TableFile = { device: identity, rows: [row(0), row(1)] };

describe('writeTable and readTable', () => {
  it.each(tableFormats)('give back what was written, as %s', (format) => {
    expect(readTable(writeTable(file, format), 'a-file')).toEqual(file);
  });

  it('write the same text again', () => {
    for (const format of tableFormats) {
      const text = writeTable(file, format);
      expect(writeTable(readTable(text, 'a-file'), format)).toBe(text);
    }
  });

  it('write a row a line, under the names of the columns', () => {
    const lines = writeTable({ ...file, rows: [row(0)] }, 'csv').split('\n');
    expect(lines[1]).toBe(
      'key,runtime.runtime,runtime.version,runtime.threads,runtime.delegate,count,medianMs,lowMs,highMs,minMs,p5Ms,p95Ms,madMs,mildOutlierCount,severeOutlierCount,overheadMs,batchSize,measuredAt,doubt,host,workload',
    );
    expect(lines[2]).toMatch(
      /^[0-9a-f]{32},tflite,2\.9\.0,1,xnnpack,30,1\.5,1\.4,1\.6,1\.2,1\.3,1\.9,0\.1,2,1,0\.01,3,2026-01-02T03:04:05\.000Z,,"\{/,
    );
  });
});

describe('readTable', () => {
  const changed = (from: string, to: string) => writeTable(file, 'json').replace(from, to);
  const refusal = (text: string) => {
    try {
      readTable(text, 'bad-file');
    } catch (error) {
      return (error as Error).message;
    }
    return 'it was read';
  };

  it('names line and field of a value that is no latency', () => {
    expect(refusal(changed('"medianMs":1.5', '"medianMs":"fast"'))).toMatch(/bad-file, line 2, \$\.medianMs: .*number/);
    expect(refusal(writeTable(file, 'csv').replace(',1.5,', ',quick,'))).toMatch(/bad-file, line 3, \$\.medianMs: /);
    expect(refusal(changed('"lowMs":1.4', '"lowMs":2'))).toMatch(
      /line 2, \$\.lowMs: expected at most medianMs, 1\.5, but got 2/,
    );
  });

  it('refuses a workload that is not what its key says', () => {
    expect(refusal(changed('"outChannels":1,', '"outChannels":99,'))).toMatch(
      /line 2, \$\.key: expected [0-9a-f]{32}, the key of the row's workload/,
    );
  });

  it('refuses the same workload twice', () => {
    expect(refusal(writeTable({ ...file, rows: [row(0), row(0)] }, 'json'))).toMatch(
      /line 3, key: the same workload and runtime stand in line 2/,
    );
  });

  it('refuses other formats and other versions', () => {
    expect(refusal('medianMs,key\n1,2\n')).toMatch(/line 1, the line: expected JSON/);
    expect(refusal(changed('"version":1,"device"', '"version":2,"device"'))).toMatch(/line 1, \$\.version: /);
    expect(refusal('')).toMatch(/line 1, the line: expected JSON/);
  });

  it('refuses a CSV with other columns, fewer cells or an open quote', () => {
    const csv = writeTable(file, 'csv');
    expect(refusal(csv.replace('key,', 'name,'))).toMatch(/line 2, the names of the columns: expected key,/);
    expect(refusal(csv.replace(',1.5,1.4,', ',1.5,'))).toMatch(/line 3, the line: expected 21 cells, but got 20/);
    expect(refusal(`${csv}"open`)).toMatch(/line 6, the line: a quote is not closed/);
  });
});
