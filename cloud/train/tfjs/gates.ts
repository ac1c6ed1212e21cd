/**
 * Gate gradients: dL/dg_j = sum(o_j(x) * dL/dm) over batch, height, width and channels (ProxylessNAS §1.2, `full_v2`), exact for every asked candidate.
 *
 *   fixed slots ─▶ m_1 ─▶ slot 2 ─▶ m_2 ─▶ … ─▶ logits ─▶ L      forward, one path; slot inputs are kept
 *                  dL/dm_1 ◀─────── dL/dm_2 ◀── … ◀─────── L      one backward, with respect to slot outputs, not weights
 *   x_s ─▶ o_j, then sum(o_j * dL/dm_s)                           each inactive candidate alone, forward only
 *
 * What flows back through each m is caught by an identity whose gradient looks at it.
 */
import type { Tensor, Tf } from '@bespoke/shared/tfjs/tf.js';
import { type Candidate, runCandidate } from './candidates.js';
import { crossEntropy } from './loss.js';
import type { StepContext } from './step.js';

export interface SlotGates {
  readonly active: Candidate;
  /** Whose gate gradients are wanted; none for a fixed slot. */
  readonly asked: readonly Candidate[];
}

/** What the forward and backward runs leave of a slot. */
interface SlotRecord {
  readonly inputs: readonly Tensor[];
  /** m, the active candidate's last output. */
  readonly output: Tensor;
  /** dL/dm; set by the backward run. */
  gradient?: Tensor;
}

/**
 * The numbers [logits..., gate gradients...] in one tensor, slots in order, candidates as asked: one read-back. Call it inside tf.tidy.
 * x [N, H, W, C], targets as `crossEntropy` takes them.
 */
export function measureGates(context: StepContext, slots: readonly SlotGates[], x: Tensor, targets: Tensor): Tensor {
  const { tf } = context;
  const recorder = new PathRecorder(context, slots);
  const logits = recorder.run(x, targets);
  const gradients = slots.flatMap(({ active, asked }, slot) =>
    asked.map((candidate) => gateGradient(context, recorder.records[slot]!, candidate, candidate === active)),
  );
  const numbers = tf.concat([tf.reshape(logits, [-1]), ...gradients.map((gradient) => tf.reshape(gradient, [1]))]);
  recorder.dispose();
  return numbers;
}

function gateGradient(context: StepContext, record: SlotRecord, candidate: Candidate, isActive: boolean): Tensor {
  const { tf } = context;
  return tf.tidy(() => {
    const output = isActive ? record.output : runCandidate(context, candidate, record.inputs).at(-1)!;
    return tf.sum(tf.mul(output, record.gradient!));
  });
}

/** Runs the active path forward and back, and keeps what the gate gradients need of every searched slot. */
class PathRecorder {
  readonly records: SlotRecord[] = [];
  private readonly kept: Tensor[] = [];

  constructor(
    private readonly context: StepContext,
    private readonly slots: readonly SlotGates[],
  ) {}

  /** Logits [N, classes]; afterwards every searched slot has its record, gradient included. */
  run(x: Tensor, targets: Tensor): Tensor {
    const { tf } = this.context;
    const first = this.slots.findIndex(({ asked }) => asked.length > 0);
    if (first === -1) return this.runSlots([x], 0, this.slots.length).at(-1)!;

    // Up to the first searched slot, itself included, nothing needs a gradient.
    const inputs = this.runSlots([x], 0, first);
    const outputs = runCandidate(this.context, this.slots[first]!.active, inputs);
    let logits: Tensor | undefined;
    const { grads } = tf.valueAndGrads((leaf) => {
      const last = this.runSlots([...outputs.slice(0, -1), leaf as Tensor], first + 1, this.slots.length).at(-1)!;
      logits = this.keep(last);
      return crossEntropy(tf, last, targets);
    })([outputs.at(-1)!]);
    this.records[first] = { inputs, output: outputs.at(-1)!, gradient: grads[0]! };
    return logits!;
  }

  dispose(): void {
    for (const tensor of this.kept) tensor.dispose();
  }

  /** Runs slots [from, to) and records the searched ones. */
  private runSlots(inputs: readonly Tensor[], from: number, to: number): readonly Tensor[] {
    let tensors = inputs;
    for (let slot = from; slot < to; slot++) {
      const { active, asked } = this.slots[slot]!;
      const outputs = runCandidate(this.context, active, tensors);
      tensors = asked.length === 0 ? outputs : this.record(slot, tensors, outputs);
    }
    return tensors;
  }

  private record(slot: number, inputs: readonly Tensor[], outputs: readonly Tensor[]): readonly Tensor[] {
    const output = watchGradient(this.context.tf, outputs.at(-1)!, (dy) => {
      record.gradient = this.keep(dy);
    });
    const record: SlotRecord = { inputs: inputs.map((tensor) => this.keep(tensor)), output: this.keep(output) };
    this.records[slot] = record;
    return [...outputs.slice(0, -1), output];
  }

  /** Another handle on the same numbers, which outlives the gradient's own tidy. */
  private keep(tensor: Tensor): Tensor {
    const handle = this.context.tf.keep(tensor.clone());
    this.kept.push(handle);
    return handle;
  }
}

/** x, through an identity that shows the gradient that comes back. */
function watchGradient(tf: Tf, x: Tensor, see: (dy: Tensor) => void): Tensor {
  return tf.customGrad((input) => ({
    value: (input as Tensor).clone(),
    gradFunc: (dy: Tensor) => {
      see(dy);
      return dy.clone();
    },
  }))(x);
}
