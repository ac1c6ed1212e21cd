/**
 * Predictor: latencies of whole networks from the measured latencies of their pieces, calibrated on some networks and judged
 * on others that the fit never saw.
 */
import { countMacs } from '@bespoke/shared/cost/macs.js';
import { bytesPerElement, elementCount } from '@bespoke/shared/graph/tensor.js';
import {
  type Calibration,
  fitCalibration,
  judge,
  type PieceEnds,
  type PieceSum,
  predictMs,
} from '@bespoke/shared/latency/calibration.js';
import type { LatencyEntry, LatencyTable } from '@bespoke/shared/latency/table.js';
import { type BlockWorkload, type NetworkWorkload, workloadKey } from '@bespoke/shared/latency/workload.js';
import { lower } from '@bespoke/shared/network/lower.js';
import type { Network } from '@bespoke/shared/network/network.js';
import type { PredictorView } from '@bespoke/shared/protocol/api.js';

export interface Predictor extends Pick<PredictorView, 'space' | 'holdOut' | 'points'> {
  readonly calibration: Calibration;
}

/** A network and the pieces whose latencies its own is predicted from; what runs nothing is no piece. */
export interface PiecedNetwork {
  readonly network: Network;
  readonly pieces: readonly BlockWorkload[];
}

export interface NetworkCounts {
  readonly fit: number;
  readonly heldOut: number;
}

/** Networks that a study of no given time, or of enough, measures for its predictor. */
const fullCounts: NetworkCounts = { fit: 30, heldOut: 10 };
/** From so many minutes on. */
const fullMinutes = 10;

/** How many networks to measure in a study of so many minutes (null: as long as it takes): a like share of them, about 40 s of 10 minutes. */
export function networkCounts(minutes: number | null): NetworkCounts {
  const share = Math.min((minutes ?? fullMinutes) / fullMinutes, 1);
  return {
    fit: Math.max(Math.round(share * fullCounts.fit), 6),
    heldOut: Math.max(Math.round(share * fullCounts.heldOut), 3),
  };
}

/** The sum of what the pieces take alone, from a table that holds them all. */
export function pieceSum(pieces: readonly BlockWorkload[], table: LatencyTable): PieceSum {
  const sumMs = pieces.reduce((sum, piece) => sum + table.get(workloadKey(piece))!.medianMs, 0);
  return { sumMs, ...endsOf(pieces) };
}

/** Where pieces begin and end. */
export function endsOf(pieces: readonly BlockWorkload[]): PieceEnds {
  const bytesOf = ({ inputShapes, batch, dtype }: BlockWorkload) =>
    inputShapes.reduce((sum, shape) => sum + bytesPerElement[dtype] * batch * elementCount(shape), 0);
  return { count: pieces.length, inputMiB: pieces.reduce((sum, piece) => sum + bytesOf(piece), 0) / 2 ** 20 };
}

export function networkWorkload(network: Network): NetworkWorkload {
  return { kind: 'network', network, dtype: 'float32', batch: 1 };
}

/** Fits on the first networks, and judges on the last `heldOutCount` (at most half of them), from a table that holds all networks and pieces. */
export function fitPredictor(
  space: string,
  networks: readonly PiecedNetwork[],
  heldOutCount: number,
  table: LatencyTable,
): Predictor {
  const samples = networks.map(({ network, pieces }) => {
    const entry: LatencyEntry = table.get(workloadKey(networkWorkload(network)))!;
    const { medianMs: measuredMs, lowMs, highMs } = entry;
    return { ...pieceSum(pieces, table), measuredMs, lowMs, highMs, macs: countMacs(lower(network)) };
  });
  const fitCount = samples.length - Math.min(heldOutCount, Math.floor(samples.length / 2));
  const calibration = fitCalibration(samples.slice(0, fitCount));
  const points = samples.map(({ count, inputMiB, ...sample }, index) => ({
    ...sample,
    heldOut: index >= fitCount,
    predictedMs: predictMs(calibration, { sumMs: sample.sumMs, count, inputMiB }),
  }));
  return { space, calibration, holdOut: judge(points.filter(({ heldOut }) => heldOut)), points };
}

/** `± 1.2% (mean of 10 held-out networks)` */
export function formatError({ meanError, count }: Predictor['holdOut']): string {
  return `± ${(100 * meanError).toFixed(1)}% (mean of ${count} held-out networks)`;
}
