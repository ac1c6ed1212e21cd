/** The search methods, by the name that a specification says. */
import type { BlockWorkload } from '@bespoke/shared/latency/workload.js';
import { piecesOfSpace } from './eeea/pricing.js';
import { findByEvolution, openGeneSpace } from './eeea/study.js';
import type { SearchMethod } from './method.js';
import { buildSpace, type DatasetShape } from './presets.js';
import { pricedBlocks } from './pricing.js';
import { findProxyless } from './proxyless/study.js';
import type { ResolvedSpec } from './spec.js';
import type { MethodName } from './spec-schema.js';

export const methods: { readonly [M in MethodName]: SearchMethod } = {
  proxyless: findProxyless,
  eeea: findByEvolution,
};

/** What each has measured first, each once; then come whole networks, which depend on it. */
export const pricedWorkloads: {
  readonly [M in MethodName]: (spec: ResolvedSpec, data: DatasetShape) => BlockWorkload[];
} = {
  proxyless: ({ space }, data) => pricedBlocks(buildSpace(space, data)),
  eeea: (spec, data) => piecesOfSpace(openGeneSpace(spec, data)),
};
