/** SearchMethod: a way to find a network for a study. A new one is a function like this, and a row in `methods.ts`. */
import type { Network } from '@bespoke/shared/network/network.js';
import type { ResolvedSpec } from './spec.js';
import type { StudyPorts } from './study-ports.js';

/** The network that a search ends with. */
export interface Found {
  readonly network: Network;
  readonly budgetMs: number;
  readonly predictedMs: number;
  /** On the other devices of the study, where it has some. */
  readonly others?: readonly { readonly budgetMs: number; readonly predictedMs: number }[];
  /** One step of its training, by which the training is planned. */
  readonly trainStepMs: number;
}

/**
 * Goes through the phases `measure` and `search` of a study, from wherever it stands: what is done is an outcome in the study's
 * folder. Tells what it does by the ports. Throws the AppErrors of its parts.
 */
export type SearchMethod = (spec: ResolvedSpec, ports: StudyPorts) => Promise<Found>;
