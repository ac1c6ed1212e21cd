/** `bespoke device`: the devices that joined, and their latency tables. */
import { AppError } from '@bespoke/shared/base/errors.js';
import type { Command } from 'commander';
import { describeWorkload } from '../fleet/describe.js';
import { openStore } from '../store/store.js';
import { dataDirectoryOption } from './data-folder.js';
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
      const store = openStore(options.dataDirectory);
      const rows = store.devices.all().map((known) => ({ ...known, measuredCount: store.latencies.count(known.id) }));
      store.close();
      const text = rows.map(
        ({ id, name, info, measuredCount }) =>
          `${id}  ${name.padEnd(20)} ${info.cpuModel}, ${measuredCount} workloads measured`,
      );
      printResult(options, rows, text.join('\n') || 'no devices yet; `npm start` adds this machine');
    });
  device
    .command('table')
    .description("a device's latency table")
    .argument('<id-or-name>')
    .option(...dataDirectoryOption)
    .option('--json', 'one line of JSON')
    .action((wanted: string, options: Options) => {
      const store = openStore(options.dataDirectory);
      const known = store.devices.all().find(({ id, name }) => id === wanted || name === wanted);
      const rows = known && store.latencies.list(known.id);
      store.close();
      if (!rows) throw new AppError('NOT_FOUND', { what: 'device', id: wanted });
      const text = rows.map(
        ({ medianMs, lowMs, highMs, count, workload, runtime }) =>
          `${medianMs.toFixed(4)} ms [${lowMs.toFixed(4)}, ${highMs.toFixed(4)}] n=${count}  ${describeWorkload(workload)}  (${runtime.runtime}, ${runtime.threads} thread(s))`,
      );
      printResult(options, rows, text.join('\n') || 'nothing measured yet');
    });
}
