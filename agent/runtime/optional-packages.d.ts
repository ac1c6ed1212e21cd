/**
 * What the agent uses of packages that it can do without: it must compile where they are not installed, and an agent alone
 * has none of them.
 */
declare module 'onnxruntime-node' {
  /** Values of one input or output, by reference. */
  export class Tensor {
    constructor(values: Float32Array, shape: readonly number[]);
  }
  export interface ValueMetadata {
    readonly name: string;
    /** A size that the file leaves open is a string. */
    readonly shape: readonly (number | string)[];
  }
  export interface InferenceSession {
    readonly inputMetadata: readonly ValueMetadata[];
    readonly outputMetadata: readonly ValueMetadata[];
    run(feeds: Record<string, Tensor>, fetches: Record<string, Tensor>): Promise<unknown>;
    release(): Promise<void>;
  }
  export const InferenceSession: {
    create(
      model: Uint8Array,
      options: {
        readonly executionProviders: readonly string[];
        readonly intraOpNumThreads: number;
        readonly executionMode: 'sequential' | 'parallel';
        readonly graphOptimizationLevel: 'all';
      },
    ): Promise<InferenceSession>;
  };
  export const env: { logLevel: string; readonly versions: { readonly node?: string } };
}

declare module 'webgpu' {
  export interface Adapter {
    readonly info: { readonly isFallbackAdapter: boolean };
    readonly limits: Readonly<Record<string, number>>;
    requestDevice(options: { readonly requiredLimits: Readonly<Record<string, number | undefined>> }): Promise<unknown>;
  }
  export interface Gpu {
    requestAdapter(options: {
      readonly powerPreference: 'high-performance';
      readonly forceFallbackAdapter: boolean;
    }): Promise<Adapter | null>;
  }
  export function create(flags: readonly string[]): Gpu;
  /** WebGPU's constants, as browsers have them. */
  export const globals: object;
}
