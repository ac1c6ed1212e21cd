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
