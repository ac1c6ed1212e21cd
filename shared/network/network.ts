/**
 * Network: what people and searches think in. An input and a sequence of blocks, as versioned JSON. It does not know
 * whether or how it was searched.
 */
import { z } from 'zod';
import { AppError } from '../base/errors.js';
import { formatPath } from '../graph/graph.js';
import { type Block, blockSchema } from './block.js';

export interface Network {
  readonly version: 1;
  readonly name: string;
  readonly input: { readonly height: number; readonly width: number; readonly channels: number };
  readonly blocks: readonly Block[];
}

const size = z.number().int().min(1).max(4096);

export const networkSchema = z.strictObject({
  version: z.literal(1),
  name: z.string().min(1).max(100),
  input: z.strictObject({ height: size, width: size, channels: size }),
  blocks: z.array(blockSchema).min(1).max(500),
}) as unknown as z.ZodType<Network>;

/** Reads a Network from untrusted JSON. Throws `NETWORK_ILLEGAL` with the path of the bad field. */
export function parseNetwork(json: unknown): Network {
  const result = networkSchema.safeParse(json);
  if (!result.success) {
    const issue = result.error.issues[0]!;
    throw new AppError('NETWORK_ILLEGAL', { path: formatPath(issue.path), problem: issue.message });
  }
  const seen = new Map<string, number>();
  result.data.blocks.forEach((block, index) => {
    const earlier = seen.get(block.id);
    if (earlier !== undefined) {
      throw new AppError('NETWORK_ILLEGAL', {
        path: `$.blocks[${index}].id`,
        problem: `"${block.id}" is the id of block ${earlier} already`,
      });
    }
    seen.set(block.id, index);
  });
  return result.data;
}
