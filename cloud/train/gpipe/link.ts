/** Link: what a stage has to a neighbour, whatever lies between them. */
import type { Frame, ReceivedFrame } from './wire.js';

/** The stage before this one, or the stage after it. */
export type Side = 'up' | 'down';

export interface Span {
  readonly startMs: number;
  readonly endMs: number;
}

export interface Link {
  /** The links of an epoch begin together, with nothing of earlier ones. */
  readonly epoch: number;
  /** Sends a copy while the caller goes on; resolves to the span of the transfer. */
  send(frame: Frame): Promise<Span>;
  /** Waits for the frame of a micro-batch, for ever where the link is lost. One at a time. */
  receive(step: number, microBatch: number): Promise<ReceivedFrame>;
  close(): void;
}

/** A neighbour is gone, or waiting for it was ended: no fault of this stage. */
export class LinkLost extends Error {}
