/**
 * Pricing of a gene space: what every piece of its networks costs on the device, and how the sums of pieces become networks there. Then a
 * predicted latency is a few table lookups, for any of the space's networks.
 */
import { AppError } from '@bespoke/shared/base/errors.js';
import { hashJson } from '@bespoke/shared/base/json.js';
import { randomStream } from '@bespoke/shared/base/random.js';
import { predictMs } from '@bespoke/shared/latency/calibration.js';
import { ascending } from '@bespoke/shared/latency/statistics.js';
import type { LatencyEntry } from '@bespoke/shared/latency/table.js';
import { type BlockWorkload, piecesOf, workloadKey } from '@bespoke/shared/latency/workload.js';
import { endsOf, fitPredictor, type NetworkCounts, networkWorkload, type Predictor } from '../predictor.js';
import type { Budget, MeasureOnAll } from '../pricing.js';
import { drawGenes, type GeneSpace, type Genes } from './gene-space.js';

export interface GenePrices {
  /** Milliseconds of every piece alone, by its workload's key. */
  readonly pieceMs: { readonly [key: string]: number };
  readonly predictor: Predictor;
  /** Of random networks of the space, predicted. */
  readonly fastestMs: number;
  readonly slowestMs: number;
  readonly budgetMs: number;
  /** Hash of what all this stands on: tells two tables apart. */
  readonly table: string;
  /** Of the measurements that all this stands on, those in doubt: each why, in words. */
  readonly doubts: readonly string[];
  readonly measurementCount: number;
}

/** Random networks that say how latencies of the space are spread. */
const sampleCount = 1000;
/** And a few to take a typical one from. */
const medianOf = 15;

/**
 * Prices the space on every device, each with a budget of its own, in the order of `budgets`. A budget's `fraction` is the share of the space's networks within it.
 * Throws `BUDGET_TOO_SMALL` naming the fastest network seen.
 */
export async function priceGenes(
  space: GeneSpace,
  measure: MeasureOnAll,
  {
    budgets,
    seed,
    counts,
  }: { readonly budgets: readonly Budget[]; readonly seed: number; readonly counts: NetworkCounts },
): Promise<GenePrices[]> {
  const pieces = piecesOfSpace(space);
  const ofPieces = await measure(pieces);
  const stream = randomStream(seed, 'latency-sample');
  const sample = Array.from({ length: sampleCount }, () => drawGenes(space, stream));
  const sumOf = space.additive((piece) => ofPieces[0]!.get(workloadKey(piece))!.medianMs);
  const networks = spread(sample, sumOf, counts).map((genes) => {
    const network = space.decode(genes);
    return { network, pieces: piecesOf(network) };
  });
  const ofNetworks = await measure(networks.map(({ network }) => networkWorkload(network)));
  return budgets.map((budget, device) => {
    const [piecesTable, networksTable] = [ofPieces[device]!, ofNetworks[device]!];
    const table = new Map([...piecesTable, ...networksTable]);
    const predictor = fitPredictor(space.name, networks, counts.heldOut, table);
    const pieceMs = Object.fromEntries(pieces.map(workloadKey).map((key) => [key, piecesTable.get(key)!.medianMs]));
    return pricesOf(space, sample, budget, { pieceMs, predictor }, [...table.values()]);
  });
}

function pricesOf(
  space: GeneSpace,
  sample: readonly Genes[],
  budget: Budget,
  fitted: Pick<GenePrices, 'pieceMs' | 'predictor'>,
  entries: readonly LatencyEntry[],
): GenePrices {
  const sorted = ascending(sample.map(geneLatency(space, fitted)));
  const budgetMs = 'ms' in budget ? budget.ms : sorted[Math.round(budget.fraction * (sorted.length - 1))]!;
  const fastestMs = sorted[0]!;
  if (budgetMs < fastestMs) throw new AppError('BUDGET_TOO_SMALL', { budgetMs, fastestMs });
  return {
    ...fitted,
    fastestMs,
    slowestMs: sorted.at(-1)!,
    budgetMs,
    table: hashJson({ pieceMs: fitted.pieceMs, calibration: fitted.predictor.calibration }),
    doubts: entries.flatMap(({ doubt }) => doubt ?? []),
    measurementCount: entries.length,
  };
}

/** Predicted latency of any network of the space, in ms. */
export function geneLatency(
  space: GeneSpace,
  { pieceMs, predictor }: Pick<GenePrices, 'pieceMs' | 'predictor'>,
): (genes: Genes) => number {
  const { calibration } = predictor;
  return space.additive((piece) => predictMs(calibration, { sumMs: pieceMs[workloadKey(piece)]!, ...endsOf([piece]) }));
}

/** Every piece that some network of the space has. */
export function piecesOfSpace(space: GeneSpace): BlockWorkload[] {
  const pieces = new Map<string, BlockWorkload>();
  space.additive((piece) => {
    pieces.set(workloadKey(piece), piece);
    return 0;
  });
  return [...pieces.values()];
}

/**
 * Networks to measure whole: those to fit on in equal steps of predicted latency, from the fastest to the slowest of the sample, since most random networks
 * lie close together; those to hold out as they were drawn.
 */
function spread(sample: readonly Genes[], sumOf: (genes: Genes) => number, { fit, heldOut }: NetworkCounts): Genes[] {
  const byCost = [...sample].sort((a, b) => sumOf(a) - sumOf(b));
  const [least, most] = [sumOf(byCost[0]!), sumOf(byCost.at(-1)!)];
  const rest = new Set(byCost);
  const fitted = Array.from({ length: fit }, (_, index) => {
    const wanted = least + ((most - least) * index) / Math.max(fit - 1, 1);
    const distance = (genes: Genes) => Math.abs(sumOf(genes) - wanted);
    const nearest = [...rest].reduce((a, b) => (distance(b) < distance(a) ? b : a));
    rest.delete(nearest);
    return nearest;
  });
  return [...fitted, ...sample.filter((genes) => rest.has(genes)).slice(0, heldOut)];
}

/** Of a few random networks, the one in the middle by predicted latency. */
export function medianGenes(space: GeneSpace, prices: GenePrices, seed: number): Genes {
  const stream = randomStream(seed, 'median-network');
  const latencyOf = geneLatency(space, prices);
  const drawn = Array.from({ length: medianOf }, () => drawGenes(space, stream));
  return drawn.sort((a, b) => latencyOf(a) - latencyOf(b))[Math.floor(medianOf / 2)]!;
}
