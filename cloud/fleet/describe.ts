/** A workload in words for people: `mbconv k5 e6 on 16x16x32`, `network proxyless-mobile`, `model 1f0a77c2`. */
import type { Workload } from '@bespoke/shared/latency/workload.js';

export function describeWorkload(workload: Workload): string {
  if (workload.kind === 'network') return `network ${workload.network.name}`;
  if (workload.kind === 'file') return `model ${workload.sha256.slice(0, 8)}`;
  const { body, inputShapes } = workload;
  const kernel = 'kernelSize' in body ? ` k${body.kernelSize}` : '';
  const expansion = 'expandRatio' in body ? ` e${body.expandRatio}` : '';
  return `${body.kind}${kernel}${expansion} on ${inputShapes.map((shape) => shape.join('x')).join(' and ')}`;
}
