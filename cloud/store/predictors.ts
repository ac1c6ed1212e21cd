/** Predictors: how sums of blocks relate to whole networks, by device, runtime and space, with the points of each fit. */
import type { RuntimeKey } from '@bespoke/shared/latency/table.js';
import type { PredictorView } from '@bespoke/shared/protocol/api.js';
import type { Database } from './database.js';
import { runtimeOf, runtimeText } from './runtime-text.js';

/** What a study fitted. */
export type FittedPredictor = Pick<PredictorView, 'space' | 'holdOut' | 'points'>;

interface Row {
  runtime: string;
  space: string;
  fitted: string;
  hold_out: string;
  points: string;
}

const select = 'SELECT runtime, space, fitted, hold_out, points FROM predictors';

export class Predictors {
  readonly #add;
  readonly #list;
  readonly #ofStudy;

  constructor(
    database: Database,
    private readonly now: () => Date,
  ) {
    this.#add = database.prepare(
      `INSERT INTO predictors (device_id, study_id, runtime, space, fitted, hold_out, points)
       VALUES (@deviceId, @studyId, @runtime, @space, @fitted, @holdOut, @points) ON CONFLICT (study_id) DO NOTHING`,
    );
    this.#list = database.prepare<[string], Row>(
      `${select} WHERE id IN (SELECT MAX(id) FROM predictors WHERE device_id = ? GROUP BY runtime, space) ORDER BY id DESC`,
    );
    this.#ofStudy = database.prepare<[string], Row>(`${select} WHERE study_id = ?`);
  }

  /** A study that goes on after a kill tells its predictor again: the first stands, for it is the same. */
  add(owner: { deviceId: string; studyId: string; runtime: RuntimeKey }, fitted: FittedPredictor): void {
    this.#add.run({
      deviceId: owner.deviceId,
      studyId: owner.studyId,
      runtime: runtimeText(owner.runtime),
      space: fitted.space,
      fitted: this.now().toISOString(),
      holdOut: JSON.stringify(fitted.holdOut),
      points: JSON.stringify(fitted.points),
    });
  }

  /** The latest of each runtime and space, latest first. */
  list(deviceId: string): PredictorView[] {
    return this.#list.all(deviceId).map(fromRow);
  }

  /** What a study searched with; undefined before it was fitted. */
  ofStudy(studyId: string): PredictorView | undefined {
    const row = this.#ofStudy.get(studyId);
    return row && fromRow(row);
  }
}

function fromRow(row: Row): PredictorView {
  return {
    runtime: runtimeOf(row.runtime),
    space: row.space,
    fittedAt: row.fitted,
    holdOut: JSON.parse(row.hold_out) as PredictorView['holdOut'],
    points: JSON.parse(row.points) as PredictorView['points'],
  };
}
