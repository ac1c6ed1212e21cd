/** `bespoke device`: the devices that joined, and their latency tables. */
import { writeFile } from 'node:fs/promises';
import { AppError } from '@bespoke/shared/base/errors.js';
import { type Command, Option } from 'commander';
import { readTable, type TableFormat, tableFormats, writeTable } from '../export/latency-table.js';
import { describeWorkload } from '../fleet/describe.js';
import type { Device } from '../store/devices.js';
import { openStore, type Store } from '../store/store.js';
import { readTextFile } from '../train/files.js';
import { dataDirectoryOption } from './data-folder.js';
import { registerPairing } from './device-pairing.js';
import { printResult } from './output.js';

interface Options {
  readonly dataDirectory: string;
  readonly json?: boolean;
}

export function registerDevice(program: Command): void {
  const device = program.command('device').description('devices and what was measured on them');
  device
    .command('ls')
    .description('all devices that ever joined')
    .option(...dataDirectoryOption)
    .option('--json', 'one line of JSON')
    .action((options: Options) => {
      const rows = withStore(options, (store) =>
        store.devices.all().map((known) => ({
          ...known,
          measuredCount: store.latencies.count(known.id),
          importedCount: store.imported.rows(known.id).length,
        })),
      );
      const text = rows.map(({ id, name, info, measuredCount, importedCount, revoked }) => {
        const imported = importedCount === 0 ? '' : `, ${importedCount} imported`;
        return `${id}  ${name.padEnd(20)} ${info.cpuModel}, ${measuredCount} workloads measured${imported}${revoked ? ', revoked' : ''}`;
      });
      printResult(
        options,
        rows,
        text.join('\n') || 'no devices yet; `npm start` adds this machine, `npx bespoke device pair` another',
      );
    });
  registerTable(device);
  registerQuarantine(device);
  registerPairing(device);
}

function registerTable(device: Command): void {
  const table = device
    .command('table')
    .description('latency tables: show one, write it to a file, read one from a file');
  table
    .command('show', { isDefault: true })
    .description("a device's latency table")
    .argument('<id-or-name>')
    .option(...dataDirectoryOption)
    .option('--json', 'one line of JSON')
    .action(showTable);
  table
    .command('export')
    .description('the table as a file that other programs can read; see docs/latency-table.md')
    .argument('<id-or-name>')
    .addOption(new Option('--format <format>', 'of the file').choices(tableFormats).default('csv'))
    .option('--out <file>', 'where to write it; stdout if absent')
    .option(...dataDirectoryOption)
    .action(exportTable);
  table
    .command('import')
    .description('reads an exported table; its device is added, offline, if it is unknown')
    .argument('<file>')
    .option(...dataDirectoryOption)
    .option('--json', 'one line of JSON')
    .action(importTable);
}

function registerQuarantine(device: Command): void {
  device
    .command('quarantine')
    .description('jobs that took down two devices, with the logs of both; nobody is given them any more')
    .option(...dataDirectoryOption)
    .option('--json', 'one line of JSON')
    .action((options: Options) => {
      const store = openStore(options.dataDirectory);
      const rows = store.jobs.quarantined().map(({ id, workload, runtime }) => {
        return { id, workload, runtime, deaths: store.leases.deaths(id) };
      });
      store.close();
      const text = rows.flatMap(({ id, workload, runtime, deaths }) => [
        `${id}  ${describeWorkload(workload)}  (${runtime.runtime}, ${runtime.threads} thread(s))`,
        ...deaths.map(({ deviceName, log }) => `  ${deviceName}: ${log}`),
      ]);
      printResult(options, rows, text.join('\n') || 'no job is in quarantine');
    });
  device
    .command('release')
    .description('let a job out of quarantine: whoever asks for it next has it measured again')
    .argument('<job-id>')
    .option(...dataDirectoryOption)
    .option('--json', 'one line of JSON')
    .action((id: string, options: Options) => {
      const store = openStore(options.dataDirectory);
      const released = store.jobs.release(id);
      store.close();
      if (!released) throw new AppError('NOT_FOUND', { what: 'job in quarantine', id });
      printResult(options, { id }, `${id} is released`);
    });
}

function showTable(wanted: string, options: Options): void {
  const rows = withStore(options, (store) => {
    const { id } = findDevice(store, wanted);
    return [...store.latencies.list(id), ...store.imported.list(id)];
  });
  const text = rows.map(({ medianMs, lowMs, highMs, count, workload, runtime, doubt }) => {
    const mark = doubt ? `  in doubt: ${doubt}` : '';
    return `${medianMs.toFixed(4)} ms [${lowMs.toFixed(4)}, ${highMs.toFixed(4)}] n=${count}  ${describeWorkload(workload)}  (${runtime.runtime}, ${runtime.threads} thread(s))${mark}`;
  });
  printResult(options, rows, text.join('\n') || 'nothing measured yet');
}

async function exportTable(wanted: string, options: Options & { format: TableFormat; out?: string }): Promise<void> {
  const file = withStore(options, (store) => {
    const device = findDevice(store, wanted);
    return { device, rows: store.tables.rows(device.id) };
  });
  const text = writeTable(file, options.format);
  if (options.out === undefined) process.stdout.write(text);
  else await writeFile(options.out, text);
}

async function importTable(path: string, options: Options): Promise<void> {
  const text = await readTextFile(path);
  const { device, rows } = readTable(text, path);
  withStore(options, (store) => store.tables.import(device, rows));
  const result = { id: device.id, name: device.name, imported: rows.length };
  printResult(options, result, `${rows.length} latencies of ${device.name} imported`);
}

function withStore<T>({ dataDirectory }: Options, read: (store: Store) => T): T {
  const store = openStore(dataDirectory);
  try {
    return read(store);
  } finally {
    store.close();
  }
}

function findDevice(store: Store, wanted: string): Device {
  const device = store.devices.all().find(({ id, name }) => id === wanted || name === wanted);
  if (!device) throw new AppError('NOT_FOUND', { what: 'device', id: wanted });
  return device;
}
