/**
 * Tape: the recorded forward of a partition, held open until its gradients arrive.
 *
 * tfjs closes its tape inside tf.grads: forward and backward cannot be parted, let alone several forwards be under way. So this takes the recording from tfjs's engine and
 * walks it back itself, by the gradients that tfjs has registered and in tfjs's order, so that the numbers are those of tf.grads. Beyond that it takes several outputs, gives
 * back what a node has saved as soon as it is passed, and gradients of tensors in between likewise; and it can be walked twice, for the gradients of some xs first:
 *
 *   x ─▶ conv ─▶ norm ─▶ relu6 ─▶ y     backward([dy], [x])        dy ─▶ relu6 ─▶ norm ─▶ conv ─▶ dx    dy of conv and what it saved stay
 *         ▲w      ▲s                    backward([], [w, s])       dy of conv ─▶ dw; ds came on the way
 */
import type { Tensor, Tf } from '@bespoke/shared/tfjs/tf.js';

/** A kernel's call, as tfjs records it. */
interface TapeNode {
  readonly kernelName: string;
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

/** Kernels of which tfjs computes the gradient of each input by itself; for the others it computes something that all of them have in common. */
const separableKernels: ReadonlySet<string> = new Set(['Conv2D', 'DepthwiseConv2dNative', 'BatchMatMul']);

export class Tape {
  /** Of what the nodes that are left give and take. */
  private readonly gradients: GradientMap;

  private constructor(
    private readonly tf: Tf,
    readonly xs: readonly Tensor[],
    private readonly ys: readonly Tensor[],
    private nodes: readonly TapeNode[],
  ) {
    this.gradients = new GradientMap(tf);
  }

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
   * The gradients of `wanted`, some of the xs, the caller's, from those of the first results (as many as are given), which are disposed of. What only the others need is put off until they are wanted:
   * by another call, without results. With the last of the xs the tape is spent. Every x must lead to one of the results.
   */
  backward(dys: readonly Tensor[], wanted = this.xs): Tensor[] {
    for (const [index, dy] of dys.entries()) this.gradients.add(this.ys[index]!, dy);
    const due = comingOf(this.nodes, wanted);
    const left: TapeNode[] = [];
    for (const node of [...this.nodes].reverse()) {
      const later = this.#pass(node, due);
      if (later) left.push(later);
    }
    this.nodes = left.reverse();
    const taken = wanted.map((x) => this.gradients.take(x)!);
    if (left.length === 0) this.gradients.dispose();
    return taken;
  }

  /** Computes the gradients of the inputs that are due; the node with the others, where they can wait. */
  #pass(node: TapeNode, due: ReadonlySet<number>): TapeNode | null {
    const names = Object.keys(node.inputs);
    const isDue = (name: string) => due.has(node.inputs[name]!.id);
    if (!names.some(isDue)) return node;
    const now = separableKernels.has(node.kernelName) ? names.filter(isDue) : names;
    const arrived = node.outputs.map((output) => this.gradients.take(output));
    const dxs = this.tf.tidy(() => {
      const byName = node.gradient!(arrived);
      return now.map((name) => byName[name]!());
    });
    for (const [index, name] of now.entries()) this.gradients.add(node.inputs[name]!, dxs[index]!);
    if (now.length === names.length) {
      this.tf.dispose([...arrived.filter((dy) => dy !== null), ...node.saved]);
      return null;
    }
    for (const [index, dy] of arrived.entries()) if (dy !== null) this.gradients.add(node.outputs[index]!, dy);
    return { ...node, inputs: Object.fromEntries(Object.entries(node.inputs).filter(([name]) => !isDue(name))) };
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
    this.gradients.dispose();
  }
}

/** The ids of the xs and of all that the nodes, in their order, make of them. */
function comingOf(nodes: readonly TapeNode[], xs: readonly Tensor[]): ReadonlySet<number> {
  const ids = new Set(xs.map(({ id }) => id));
  for (const { inputs, outputs } of nodes) {
    if (Object.values(inputs).some(({ id }) => ids.has(id))) for (const { id } of outputs) ids.add(id);
  }
  return ids;
}

/** The nodes that lead from an x to a y, with those inputs that come of an x. */
function nodesBetween(nodes: readonly TapeNode[], xs: readonly Tensor[], ys: readonly Tensor[]): TapeNode[] {
  const fromX = comingOf(nodes, xs);
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
    this.byId.clear();
  }
}
