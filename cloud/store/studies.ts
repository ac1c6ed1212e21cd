/** Studies: what each was asked for, how far it is, its curves, its log and its result. */
import type { Network } from '@bespoke/shared/network/network.js';
import type {
  SearchPoint,
  SlotView,
  StudyDetail,
  StudyPhase,
  StudyResult,
  StudyStatus,
  StudyView,
  TrainPoint,
} from '@bespoke/shared/protocol/api.js';
import type { Database } from './database.js';
import type { Predictors } from './predictors.js';

export interface NewStudy {
  readonly id: string;
  readonly name: string;
  readonly deviceId: string;
  /** All defaults filled in. */
  readonly specYaml: string;
}

/** What may change of a study; what is left out stays. */
export type StudyChange = Partial<
  Pick<StudyView, 'status' | 'phase' | 'progress' | 'remainingMs' | 'engine' | 'budgetMs' | 'error' | 'result'>
>;

interface Row {
  id: string;
  name: string;
  device_id: string;
  spec_yaml: string;
  created: string;
  status: StudyStatus;
  phase: StudyPhase;
  progress: number;
  remaining_ms: number | null;
  engine: string | null;
  budget_ms: number | null;
  error: string | null;
  result: string | null;
  slots: string;
  probabilities: string;
  network: string | null;
  model_sha256: string | null;
}

type PointKind = 'search' | 'train';

/** How much of a study's log is read: its last lines. */
export const maxLogLines = 2000;

function prepare(database: Database) {
  return {
    add: database.prepare<[string, string, string, string, string]>(
      "INSERT INTO studies (id, name, device_id, spec_yaml, created, status, phase, progress) VALUES (?, ?, ?, ?, ?, 'running', 'measure', 0)",
    ),
    get: database.prepare<[string], Row>('SELECT * FROM studies WHERE id = ?'),
    all: database.prepare<[], Row>('SELECT * FROM studies ORDER BY rowid DESC'),
    update: database.prepare(
      `UPDATE studies SET status = @status, phase = @phase, progress = @progress, remaining_ms = @remainingMs, engine = @engine,
       budget_ms = @budgetMs, error = @error, result = @result WHERE id = @id`,
    ),
    setSlots: database.prepare<[string, string]>('UPDATE studies SET slots = ? WHERE id = ?'),
    setProbabilities: database.prepare<[string, string]>('UPDATE studies SET probabilities = ? WHERE id = ?'),
    setNetwork: database.prepare<[string, string]>('UPDATE studies SET network = ? WHERE id = ?'),
    setModel: database.prepare<[string, string]>('UPDATE studies SET model_sha256 = ? WHERE id = ?'),
    addPoint: database.prepare<[string, PointKind, number, string]>(
      'INSERT INTO study_points (study_id, kind, step, point) VALUES (?, ?, ?, ?) ON CONFLICT DO UPDATE SET point = excluded.point',
    ),
    points: database.prepare<[string, PointKind], { point: string }>(
      'SELECT point FROM study_points WHERE study_id = ? AND kind = ? ORDER BY step',
    ),
    addLine: database.prepare<[string, string]>('INSERT INTO study_lines (study_id, line) VALUES (?, ?)'),
    lines: database.prepare<[string, number], { line: string }>(
      'SELECT line FROM (SELECT id, line FROM study_lines WHERE study_id = ? ORDER BY id DESC LIMIT ?) ORDER BY id',
    ),
  };
}

export class Studies {
  readonly #sql: ReturnType<typeof prepare>;

  constructor(
    private readonly database: Database,
    private readonly predictors: Predictors,
    private readonly now: () => Date,
  ) {
    this.#sql = prepare(database);
  }

  /** Adds a study that runs, at the start of its first phase. */
  add(study: NewStudy): StudyView {
    this.#sql.add.run(study.id, study.name, study.deviceId, study.specYaml, this.now().toISOString());
    return this.get(study.id)!;
  }

  get(id: string): StudyView | undefined {
    const row = this.#sql.get.get(id);
    return row && toView(row);
  }

  /** Latest first. */
  all(): StudyView[] {
    return this.#sql.all.all().map(toView);
  }

  /** The study with its curves, its probabilities and the last `maxLogLines` of its log. */
  detail(id: string): StudyDetail | undefined {
    const row = this.#sql.get.get(id);
    if (!row) return undefined;
    const points = <P>(kind: PointKind) => this.#sql.points.all(id, kind).map(({ point }) => JSON.parse(point) as P);
    return {
      ...toView(row),
      specYaml: row.spec_yaml,
      slots: JSON.parse(row.slots) as SlotView[],
      probabilities: JSON.parse(row.probabilities) as number[][],
      searchPoints: points<SearchPoint>('search'),
      trainPoints: points<TrainPoint>('train'),
      evolution: null,
      network: row.network === null ? null : (JSON.parse(row.network) as Network),
      predictionError: this.predictors.ofStudy(id)?.holdOut ?? null,
      log: this.#sql.lines.all(id, maxLogLines).map(({ line }) => line),
    };
  }

  /** Applies the change and returns the study as it is then. */
  update(id: string, change: StudyChange): StudyView {
    const after = { ...this.get(id)!, ...change };
    const { status, phase, progress, remainingMs, engine, budgetMs, error } = after;
    const result = after.result && JSON.stringify(after.result);
    this.#sql.update.run({ id, status, phase, progress, remainingMs, engine, budgetMs, error, result });
    return after;
  }

  setSlots(id: string, slots: readonly SlotView[]): void {
    this.#sql.setSlots.run(JSON.stringify(slots), id);
  }

  setNetwork(id: string, network: Network): void {
    this.#sql.setNetwork.run(JSON.stringify(network), id);
  }

  /** `sha256` of an artifact: what the user downloads. */
  setModel(id: string, sha256: string): void {
    this.#sql.setModel.run(sha256, id);
  }

  /** The artifact that the user downloads; null before the export. */
  model(id: string): string | null {
    return this.#sql.get.get(id)?.model_sha256 ?? null;
  }

  addSearchPoint(id: string, point: SearchPoint, probabilities: readonly (readonly number[])[]): void {
    this.database.transaction(() => {
      this.#sql.addPoint.run(id, 'search', point.step, JSON.stringify(point));
      this.#sql.setProbabilities.run(JSON.stringify(probabilities), id);
    })();
  }

  addTrainPoint(id: string, point: TrainPoint): void {
    this.#sql.addPoint.run(id, 'train', point.step, JSON.stringify(point));
  }

  addLine(id: string, line: string): void {
    this.#sql.addLine.run(id, line);
  }
}

function toView(row: Row): StudyView {
  return {
    id: row.id,
    name: row.name,
    deviceId: row.device_id,
    createdAt: row.created,
    status: row.status,
    phase: row.phase,
    progress: row.progress,
    remainingMs: row.remaining_ms,
    engine: row.engine,
    budgetMs: row.budget_ms,
    error: row.error,
    result: row.result === null ? null : (JSON.parse(row.result) as StudyResult),
  };
}
