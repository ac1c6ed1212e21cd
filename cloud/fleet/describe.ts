/** A workload in words for people: `mbconv k5 e6 on 16x16x32`, `conv k3 > mbconv k3 e6 on 32x32x3`, `network proxyless-mobile`, `model 1f0a77c2`. */
import type { Shape } from '@bespoke/shared/graph/tensor.js';
import type { Workload } from '@bespoke/shared/latency/workload.js';
import type { BlockBody } from '@bespoke/shared/network/block.js';

const words: { readonly [K in Workload['kind']]: (workload: Extract<Workload, { kind: K }>) => string } = {
  block: ({ body, inputShapes }) => `${describeBody(body)} on ${describeShapes(inputShapes)}`,
  chain: ({ bodies, inputShapes }) => `${bodies.map(describeBody).join(' > ')} on ${describeShapes(inputShapes)}`,
  network: ({ network }) => `network ${network.name}`,
  file: ({ sha256 }) => `model ${sha256.slice(0, 8)}`,
};

export function describeWorkload(workload: Workload): string {
  return words[workload.kind](workload as never);
}

function describeBody(body: BlockBody): string {
  const kernel = 'kernelSize' in body ? ` k${body.kernelSize}` : '';
  const expansion = 'expandRatio' in body ? ` e${body.expandRatio}` : '';
  const part = 'part' in body ? ` ${'op' in body.part ? body.part.op : body.part.kind}` : '';
  return `${body.kind}${kernel}${expansion}${part}`;
}

function describeShapes(shapes: readonly Shape[]): string {
  return shapes.map((shape) => shape.join('x')).join(' and ');
}
