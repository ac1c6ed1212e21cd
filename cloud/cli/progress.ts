/**
 * A progress bar with the time left, on stderr. Where stderr is no terminal it writes a plain line at each tenth instead.
 */
import type { PackProgress } from '../train/data/source.js';

const barWidth = 24;

export interface Progress {
  /** `share` in 0..1 of the work named `title`; `remainingMs` where known. */
  update(title: string, share: number, remainingMs?: number | null, note?: string): void;
  /** Writes a line above the bar. */
  log(line: string): void;
  /** Ends the bar's line. */
  end(): void;
}

export function createProgress(stream: NodeJS.WriteStream = process.stderr): Progress {
  let last = '';
  const clear = () => stream.isTTY && last && stream.write('\r\u001b[K');
  return {
    update(title, share, remainingMs, note = '') {
      const percent = Math.floor(Math.min(Math.max(share, 0), 1) * 100);
      const left = remainingMs == null ? '' : ` ${formatDuration(remainingMs)} left`;
      if (stream.isTTY) {
        const filled = Math.round((percent / 100) * barWidth);
        const line = `${title.padEnd(10)} ${'█'.repeat(filled)}${'░'.repeat(barWidth - filled)} ${String(percent).padStart(3)}%${left} ${note}`;
        clear();
        last = line.slice(0, (stream.columns || 100) - 1);
        stream.write(last);
      } else {
        const mark = `${title} ${Math.floor(percent / 10) * 10}%`;
        if (mark !== last) stream.write(`${mark}${left} ${note}\n`);
        last = mark;
      }
    },
    log(line) {
      clear();
      stream.write(`${line}\n`);
      if (stream.isTTY && last) stream.write(last);
    },
    end() {
      if (stream.isTTY && last) stream.write('\n');
      last = '';
    },
  };
}

/** What shows the packing of a data set on `bar`. */
export function packingShown(bar: Progress): (progress: PackProgress) => void {
  const startMs = performance.now();
  return ({ what, done, total }) => {
    const remainingMs = total > 0 ? ((performance.now() - startMs) * (total - done)) / done : null;
    bar.update('packing', total > 0 ? done / total : 0, remainingMs, `${done} ${what}`);
  };
}

/** `2 min 05 s`, `14 s` */
export function formatDuration(ms: number): string {
  const seconds = Math.max(Math.round(ms / 1000), 0);
  return seconds < 60 ? `${seconds} s` : `${Math.floor(seconds / 60)} min ${String(seconds % 60).padStart(2, '0')} s`;
}
