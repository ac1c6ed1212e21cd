/** Numbers and names as people read them; every figure keeps its unit. */
import { formatShape } from '@bespoke/shared/graph/tensor.js';
import type { RuntimeKey } from '@bespoke/shared/latency/table.js';
import type { Workload } from '@bespoke/shared/latency/workload.js';
import type { BlockBody, BlockKind } from '@bespoke/shared/network/block.js';
import type { StudyView } from '@bespoke/shared/protocol/api.js';

/** Three significant digits without an exponent: 0.0123, 1.23, 123. */
export function formatSignificant(value: number): string {
  if (value === 0) return '0';
  const digits = Math.max(0, 2 - Math.floor(Math.log10(Math.abs(value))));
  return value.toFixed(Math.min(6, digits));
}

/** `1.23 ms` */
export function formatMs(ms: number): string {
  return `${formatSignificant(ms)} ms`;
}

/** `5,731,530` */
export function formatInteger(value: number): string {
  return value.toLocaleString('en-US', { maximumFractionDigits: 0 });
}

/** `5.73 M`, `312 k` */
export function formatCount(value: number): string {
  const [scale, suffix] =
    value >= 1e9 ? [1e9, ' G'] : value >= 1e6 ? [1e6, ' M'] : value >= 1e4 ? [1e3, ' k'] : [1, ''];
  return scale === 1 ? formatInteger(value) : `${formatSignificant(value / scale)}${suffix}`;
}

/** `7.75 GiB` */
export function formatBytes(bytes: number): string {
  const exponent = bytes < 1 ? 0 : Math.min(4, Math.floor(Math.log2(bytes) / 10));
  const value = bytes / 2 ** (10 * exponent);
  return `${exponent === 0 ? formatInteger(value) : formatSignificant(value)} ${['B', 'KiB', 'MiB', 'GiB', 'TiB'][exponent]}`;
}

/** `64.0 MB`, of a million bytes each: as people say what a pipeline may take. */
export function formatMB(bytes: number): string {
  return `${formatSignificant(bytes / 1e6)} MB`;
}

/** `91.3%` of a share 0..1 */
export function formatPercent(share: number): string {
  return `${(100 * share).toFixed(1)}%`;
}

/** `45 s`, `3 min 20 s`, `2 h 5 min` */
export function formatDuration(ms: number): string {
  const seconds = Math.max(0, Math.round(ms / 1000));
  if (seconds < 60) return `${seconds} s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ${seconds % 60} s`;
  return `${Math.floor(seconds / 3600)} h ${Math.floor((seconds % 3600) / 60)} min`;
}

/** `1.25×` of a ratio. */
export function formatRatio(ratio: number): string {
  return `${ratio.toFixed(2)}×`;
}

/** How long ago, roughly: `just now`, `12 min ago`, `3 h ago`, `5 days ago`. */
export function formatAge(ms: number): string {
  const minutes = Math.floor(ms / 60_000);
  if (minutes < 1) return 'just now';
  if (minutes < 60) return `${minutes} min ago`;
  if (minutes < 48 * 60) return `${Math.floor(minutes / 60)} h ago`;
  return `${Math.floor(minutes / (24 * 60))} days ago`;
}

/** `2026-05-01 12:30:05`, in the reader's time zone. */
export function formatTime(iso: string): string {
  const time = new Date(iso);
  const pad = (value: number) => String(value).padStart(2, '0');
  const day = `${time.getFullYear()}-${pad(time.getMonth() + 1)}-${pad(time.getDate())}`;
  return `${day} ${pad(time.getHours())}:${pad(time.getMinutes())}:${pad(time.getSeconds())}`;
}

/** `tflite 2.9.0, xnnpack, 2 threads` */
export function runtimeLabel({ runtime, version, delegate, threads }: RuntimeKey): string {
  const parts = [
    `${runtime} ${version}`,
    ...(delegate === 'none' ? [] : [delegate]),
    `${threads} ${threads === 1 ? 'thread' : 'threads'}`,
  ];
  return parts.join(', ');
}

/** The kinds whose label says more than the kind. */
const blockLabels: { readonly [K in BlockKind]?: (body: BlockBody<K>) => string } = {
  conv: (body) => [`conv k${body.kernelSize}`, ...unusual(body.activation)].join(' '),
  mbconv: (body) =>
    [
      `k${body.kernelSize} e${body.expandRatio}`,
      ...(body.squeezeExcite ? ['se'] : []),
      ...unusual(body.activation),
    ].join(' '),
  head: (body) => ['head', ...(body.hidden ? [body.hidden.units] : []), ...(body.norm ? ['norm'] : [])].join(' '),
  identity: () => 'skip',
};

/** Most blocks have relu6, so it goes without saying. */
function unusual(activation: string): string[] {
  return activation === 'relu6' ? [] : [activation];
}

/** `k5 e6`, `k3 e3 se`, `conv k3`, `skip`, `head` */
export function blockLabel(body: BlockBody): string {
  return (blockLabels[body.kind] as ((body: BlockBody) => string) | undefined)?.(body) ?? body.kind;
}

/** A workload's name and its shapes, e.g. `k5 e6` and `32x32x16 → 24, stride 2`. */
export function workloadLabel(workload: Workload): { name: string; shapes: string } {
  switch (workload.kind) {
    case 'block': {
      const { body } = workload;
      const input = workload.inputShapes.map(formatShape).join(' + ');
      if (body.kind === 'conv' || body.kind === 'mbconv') {
        return { name: blockLabel(body), shapes: `${input} → ${body.outChannels}, stride ${body.stride}` };
      }
      return { name: blockLabel(body), shapes: body.kind === 'head' ? `${input} → ${body.classes} classes` : input };
    }
    case 'chain':
      return {
        name: workload.bodies.map(blockLabel).join(' > '),
        shapes: workload.inputShapes.map(formatShape).join(' + '),
      };
    case 'network': {
      const { height, width, channels } = workload.network.input;
      return { name: `network ${workload.network.name}`, shapes: formatShape([height, width, channels]) };
    }
    case 'file':
      return {
        name: `file ${workload.sha256.slice(0, 8)}.${workload.format}`,
        shapes: formatBytes(workload.byteCount),
      };
  }
}

/** One line that says how a study stands. */
export function studyHeadline(study: StudyView): string {
  if (study.result) {
    const { accuracy, measuredMs, budgetMs } = study.result;
    return `${formatPercent(accuracy)} accuracy, ${formatMs(measuredMs)} measured (budget ${formatMs(budgetMs)})`;
  }
  if (study.error) return study.error;
  if (study.budgetMs !== null) return `budget ${formatMs(study.budgetMs)}`;
  return 'budget not known before the device is measured';
}
