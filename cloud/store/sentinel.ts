import { type BlockWorkload, workloadKey } from '@bespoke/shared/latency/workload.js';

/** A mobile inverted bottleneck of middling size: 0.2 ms on one core of a fast server. With a kernel of 5x5 it would be slowed by what most others are not (docs/adr/0008). */
export const sentinel: BlockWorkload = {
  kind: 'block',
  body: {
    kind: 'mbconv',
    outChannels: 32,
    expandRatio: 6,
    kernelSize: 3,
    stride: 1,
    activation: 'relu6',
    squeezeExcite: false,
  },
  inputShapes: [[28, 28, 32]],
  dtype: 'float32',
  batch: 1,
};

/** Readings of another workload, as earlier versions had, say nothing beside its own. */
export const sentinelKey = workloadKey(sentinel);
