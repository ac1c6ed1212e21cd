/** Optimizers: what an evolution may be driven by. A row for each. */
import { type Nsga2, type Nsga2Mode, type Nsga2Settings, openNsga2 } from '../evolution/nsga2.js';
import type { GeneSpace, Genes } from './gene-space.js';
import { ReferenceAlgorithm } from './reference.js';

/** NSGA-II by generations or in steady state; `reference`: the authors' algorithm with its mistakes (reference.ts). */
export const evolutionModes = ['generational', 'steady', 'reference'] as const satisfies readonly (
  | Nsga2Mode
  | 'reference'
)[];
export type EvolutionMode = (typeof evolutionModes)[number];

export type Optimizer = Pick<Nsga2<Genes>, 'ask' | 'tell'>;
type Row = (settings: Nsga2Settings<Genes>, space: GeneSpace) => Optimizer;

const rows: { readonly [M in EvolutionMode]: Row } = {
  generational: (settings) => openNsga2('generational', settings),
  steady: (settings) => openNsga2('steady', settings),
  reference: (settings, space) => new ReferenceAlgorithm({ ...settings, space }),
};

export function openOptimizer(mode: EvolutionMode, settings: Nsga2Settings<Genes>, space: GeneSpace): Optimizer {
  return rows[mode](settings, space);
}
