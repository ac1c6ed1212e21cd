/**
 * Proof: the bytes that an agent signs to show that it holds its private key. They name the protocol's version, the purpose, the
 * cloud, the connection's nonce and the agent, so a signature says one thing to one cloud once, and is worth nothing elsewhere.
 */
import { protocolVersion } from './agent.js';

export interface Proof {
  readonly purpose: 'hello' | 'pair';
  readonly cloudId: string;
  readonly nonce: string;
  readonly agentId: string;
}

/** No field may hold a line break (the schemas see to that), so two proofs never have the same bytes. */
export function proofBytes({ purpose, cloudId, nonce, agentId }: Proof): Uint8Array {
  return new TextEncoder().encode(
    ['bespoke-agent', `protocol ${protocolVersion}`, purpose, cloudId, nonce, agentId].join('\n'),
  );
}
