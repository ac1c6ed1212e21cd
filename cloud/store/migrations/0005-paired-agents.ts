/** Migration 5: agents are known by their public keys instead of one shared token; pairing codes; the cloud's own id. */
export const pairedAgents = `
-- Agents that were paired. Revoked ones stay, so that they can be told so.
CREATE TABLE agents (
  id           TEXT PRIMARY KEY,           -- the device's id
  public_key   TEXT NOT NULL,              -- Ed25519, 32 bytes in base64url
  paired       TEXT NOT NULL,
  revoked      TEXT
) STRICT;

-- One row: which cloud this is. Agents sign for it by name.
CREATE TABLE cloud (id TEXT NOT NULL) STRICT;
INSERT INTO cloud VALUES (lower(hex(randomblob(16))));

-- Secrets that were given out, hashed: browsers' sessions by SHA-256, pairing codes by scrypt. Agents' tokens are no more.
CREATE TABLE newer_secrets (
  hash         TEXT PRIMARY KEY,
  kind         TEXT NOT NULL CHECK (kind IN ('session', 'pairing')),
  created      TEXT NOT NULL,
  expires_ms   INTEGER NOT NULL            -- Unix time
) STRICT;
INSERT INTO newer_secrets SELECT * FROM secrets WHERE kind = 'session' AND expires_ms IS NOT NULL;
DROP TABLE secrets;
ALTER TABLE newer_secrets RENAME TO secrets;
`;
