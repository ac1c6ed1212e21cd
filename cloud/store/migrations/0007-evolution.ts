/** Migration 7: what an evolution has come to: its frame on the study, its individuals one by one; and studies that are paused, or that are asked to end their search. */
export const evolution = `
ALTER TABLE studies ADD COLUMN evolution TEXT;             -- JSON: EvolutionFrame; null where the study evolves nothing
ALTER TABLE studies ADD COLUMN refused_counts TEXT NOT NULL DEFAULT '{}'; -- JSON: networks refused, by early exit
ALTER TABLE studies ADD COLUMN paused_at TEXT;             -- of a running study that rests now
ALTER TABLE studies ADD COLUMN paused_ms REAL NOT NULL DEFAULT 0;         -- of the pauses before
ALTER TABLE studies ADD COLUMN stopping INTEGER NOT NULL DEFAULT 0;       -- 1: its search is to go on with what it has found

CREATE TABLE study_individuals (
  study_id   TEXT NOT NULL REFERENCES studies (id),
  position   INTEGER NOT NULL,
  individual TEXT NOT NULL,                                -- JSON: IndividualView
  PRIMARY KEY (study_id, position)
) WITHOUT ROWID;
`;
