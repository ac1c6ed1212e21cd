/** Migration 7: what an evolution has come to: its frame on the study, its individuals one by one. */
export const evolution = `
ALTER TABLE studies ADD COLUMN evolution TEXT;             -- JSON: EvolutionFrame; null where the study evolves nothing
ALTER TABLE studies ADD COLUMN refused_counts TEXT NOT NULL DEFAULT '{}'; -- JSON: networks refused, by early exit

CREATE TABLE study_individuals (
  study_id   TEXT NOT NULL REFERENCES studies (id),
  position   INTEGER NOT NULL,
  individual TEXT NOT NULL,                                -- JSON: IndividualView
  PRIMARY KEY (study_id, position)
) WITHOUT ROWID;
`;
