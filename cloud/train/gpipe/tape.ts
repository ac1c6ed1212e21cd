/**
 * Tape: the recorded forward of a partition, held open until its gradients arrive.
 *
 * tfjs closes its tape inside tf.grads: forward and backward cannot be parted, let alone several forwards be under way. So this takes the recording from tfjs's engine and
 * walks it back itself, by the gradients that tfjs has registered and in tfjs's order, so that the numbers are those of tf.grads. Beyond that it takes several outputs, gives
 * back what a node has saved as soon as it is passed, and gradients of tensors in between likewise.
 */
import type { Tensor, Tf } from '@bespoke/shared/tfjs/tf.js';

/** A kernel's call, as tfjs records it. */
interface TapeNode {
  readonly inputs: Readonly<Record<string, Tensor>>;
  readonly outputs: readonly Tensor[];
  /** Kept clones. */
  readonly saved: readonly Tensor[];
  /** One gradient per output, null where there is none; absent where tfjs knows no gradient. */
  readonly gradient?: (dys: readonly (Tensor | null)[]) => Readonly<Record<string, () => Tensor>>;
}

/** What of tfjs's engine records; its types call the methods private. */
interface RecordingEngine {
  readonly state: { activeTape: readonly TapeNode[] | null };
  startTape(): void;
  endTape(): void;
}

export class Tape {
  private constructor(
    private readonly tf: Tf,
    private readonly xs: readonly Tensor[],
    private readonly ys: readonly Tensor[],
    private nodes: readonly TapeNode[],
  ) {}

  /**
   * Runs `forward` and records how its results come of `xs`. The results are the caller's; they and `xs` may be disposed of at once, the tape keeps what it needs.
   * Not inside tf.grads, nor inside another recording.
   */
  static record<R extends readonly Tensor[]>(tf: Tf, xs: readonly Tensor[], forward: () => R): { tape: Tape; ys: R } {
    const engine = tf.engine() as unknown as RecordingEngine;
    engine.startTape();
    try {
      const ys = tf.tidy(() => forward() as never) as R;
      const nodes = engine.state.activeTape!;
      const between = nodesBetween(nodes, xs, ys);
      const kept = new Set(between.map(({ saved }) => saved));
      for (const { saved } of nodes) if (!kept.has(saved)) tf.dispose([...saved]);
      return { tape: new Tape(tf, xs, ys, between), ys };
    } catch (error) {
      for (const { saved } of engine.state.activeTape!) tf.dispose([...saved]);
      throw error;
    } finally {
      engine.endTape();
      engine.state.activeTape = null;
    }
  }

  /**
   * The gradients of `xs`, the caller's, from those of the first results (as many as are given), which are disposed of. The tape is spent.
   * Every x must lead to one of these results.
   */
  backward(dys: readonly Tensor[]): Tensor[] {
    const gradients = new GradientMap(this.tf);
    for (const [index, dy] of dys.entries()) gradients.add(this.ys[index]!, dy);
    for (const node of [...this.nodes].reverse()) {
      const names = Object.keys(node.inputs);
      const arrived = node.outputs.map((output) => gradients.take(output));
      const dxs = this.tf.tidy(() => {
        const byName = node.gradient!(arrived);
        return names.map((name) => byName[name]!());
      });
      for (const [index, name] of names.entries()) gradients.add(node.inputs[name]!, dxs[index]!);
      this.tf.dispose([...arrived.filter((dy) => dy !== null), ...node.saved]);
    }
    this.nodes = [];
    const taken = this.xs.map((x) => gradients.take(x)!);
    gradients.dispose();
    return taken;
  }

  /** Of what is kept, shared memory counted once, and that of `xs` not. */
  get savedBytes(): number {
    const counted = new Set(this.xs.map(({ dataId }) => dataId));
    let byteCount = 0;
    for (const { dataId, size, dtype } of this.nodes.flatMap(({ saved }) => saved)) {
      if (counted.has(dataId)) continue;
      counted.add(dataId);
      byteCount += size * this.tf.util.bytesPerElement(dtype);
    }
    return byteCount;
  }

  /** Gives back what is kept, where backward is not wanted any more. */
  dispose(): void {
    for (const { saved } of this.nodes) this.tf.dispose([...saved]);
    this.nodes = [];
  }
}

/** The nodes that lead from an x to a y, with those inputs that come of an x. */
function nodesBetween(nodes: readonly TapeNode[], xs: readonly Tensor[], ys: readonly Tensor[]): TapeNode[] {
  const fromX = new Set(xs.map(({ id }) => id));
  for (const { inputs, outputs } of nodes) {
    if (Object.values(inputs).some(({ id }) => fromX.has(id))) for (const { id } of outputs) fromX.add(id);
  }
  const toY = new Set(ys.map(({ id }) => id));
  const between: TapeNode[] = [];
  for (const node of [...nodes].reverse()) {
    if (!node.outputs.some(({ id }) => toY.has(id))) continue;
    for (const { id } of Object.values(node.inputs)) toY.add(id);
    const inputs = Object.fromEntries(Object.entries(node.inputs).filter(([, { id }]) => fromX.has(id)));
    if (Object.keys(inputs).length > 0) between.push({ ...node, inputs });
  }
  return between.reverse();
}

/** Gradients that have arrived so far, summed in the order in which they came. */
class GradientMap {
  private readonly byId = new Map<number, Tensor>();
  constructor(private readonly tf: Tf) {}

  add(of: Tensor, gradient: Tensor): void {
    const before = this.byId.get(of.id);
    this.byId.set(of.id, before ? this.tf.add(before, gradient) : gradient);
    if (before) this.tf.dispose([before, gradient]);
  }

  take(of: Tensor): Tensor | null {
    const found = this.byId.get(of.id) ?? null;
    this.byId.delete(of.id);
    return found;
  }

  dispose(): void {
    this.tf.dispose([...this.byId.values()]);
  }
}
