/**
 * Early exit: networks that are refused before they cost anything (the paper's EE-PI, §3.3, generalised).
 *
 *   genes ─▶ known? ─▶ parameters > β? ─▶ predicted latency, its error allowed for, > τ? ─▶ zero-cost score too low? ─▶ learning curve too low? ─▶ judged
 *            breeder.ts   params                 latency, per device                        untrained                    at a third of the training
 *                         └────────────── here, drawn again ──────────────┘                 └────── evaluator.ts, counts as an individual ──────┘
 *
 * Cheapest first; the first gate that refuses counts. The paper has the second gate alone, for the first population alone, with a fixed β that most of its
 * space passes; here gates hold for offspring, too, and a limit may be given as a quantile of the space.
 */
import { randomStream } from '@bespoke/shared/base/random.js';
import { ascending } from '@bespoke/shared/latency/statistics.js';
import { drawGenes, type GeneSpace, type Genes } from './gene-space.js';

export const gateStages = ['params', 'latency'] as const;
export type GateStage = (typeof gateStages)[number];

export interface ParamsGate {
  params(genes: Genes): number;
  /** Fewer parameters than this, as in the authors' code. */
  readonly below: number;
}

export interface LatencyGate {
  predictMs(genes: Genes): number;
  readonly budgetMs: number;
  /** Of predictions, from networks that no fit saw: a network is refused only where it misses the budget by more. */
  readonly marginShare: number;
}

export interface Gates {
  readonly params: ParamsGate | null;
  /** One for each device. */
  readonly latencies: readonly LatencyGate[];
}

/** The gates of one search, and how many networks each has refused. */
export class EarlyExit {
  readonly refusedCounts: { [S in GateStage]: number } = { params: 0, latency: 0 };
  /** Of all networks whose latency was asked for, in ms; infinite where none was. */
  fastestSeenMs = Number.POSITIVE_INFINITY;

  constructor(private readonly gates: Gates) {}

  /** Whether the network may cost anything. */
  admits(genes: Genes): boolean {
    const stage = this.#refusingStage(genes);
    if (stage !== null) this.refusedCounts[stage]++;
    return stage === null;
  }

  #refusingStage(genes: Genes): GateStage | null {
    const { params, latencies } = this.gates;
    if (params !== null && params.params(genes) >= params.below) return 'params';
    for (const { predictMs, budgetMs, marginShare } of latencies) {
      const predictedMs = predictMs(genes);
      this.fastestSeenMs = Math.min(this.fastestSeenMs, predictedMs);
      if (predictedMs * (1 - marginShare) > budgetMs) return 'latency';
    }
    return null;
  }
}

/** Networks that a limit given as a quantile is taken from. */
const quantileSampleCount = 1000;

/** The cost that this share of the space's networks stays below. */
export function costQuantile(space: GeneSpace, cost: (genes: Genes) => number, share: number, seed: number): number {
  const stream = randomStream(seed, 'cost-quantile');
  const costs = ascending(Array.from({ length: quantileSampleCount }, () => cost(drawGenes(space, stream))));
  return costs[Math.min(Math.floor(share * costs.length), costs.length - 1)]!;
}
