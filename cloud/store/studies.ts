/** Studies: what each was asked for, how far it is, its curves, its log and its result. */
import type { Network } from '@bespoke/shared/network/network.js';
import type {
  EvolutionFrame,
  EvolutionView,
  IndividualView,
  SearchPoint,
  SlotView,
  StoppablePhase,
  StudyDetail,
  StudyView,
  TrainPoint,
} from '@bespoke/shared/protocol/api.js';
import type { PipelinePlanView, PipelineStepView } from '@bespoke/shared/protocol/pipeline.js';
import type { Database } from './database.js';
import type { Predictors } from './predictors.js';
import { type PointKind, pipelineOf, type StudyRow, toView } from './study-rows.js';

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

/** How much of a study's log is read: its last lines. */
export const maxLogLines = 2000;

function prepare(database: Database) {
  return {
    add: database.prepare<[string, string, string, string, string]>(
      "INSERT INTO studies (id, name, device_id, spec_yaml, created, status, phase, progress) VALUES (?, ?, ?, ?, ?, 'running', 'measure', 0)",
    ),
    get: database.prepare<[string], StudyRow>('SELECT * FROM studies WHERE id = ?'),
    all: database.prepare<[], StudyRow>('SELECT * FROM studies ORDER BY rowid DESC'),
    update: database.prepare(
      `UPDATE studies SET status = @status, phase = @phase, progress = @progress, remaining_ms = @remainingMs, engine = @engine,
       budget_ms = @budgetMs, error = @error, result = @result WHERE id = @id`,
    ),
    setSlots: database.prepare<[string, string]>('UPDATE studies SET slots = ? WHERE id = ?'),
    setProbabilities: database.prepare<[string, string]>('UPDATE studies SET probabilities = ? WHERE id = ?'),
    setNetwork: database.prepare<[string, string]>('UPDATE studies SET network = ? WHERE id = ?'),
    setEvolution: database.prepare<[string, string]>('UPDATE studies SET evolution = ? WHERE id = ?'),
    setRefusedCounts: database.prepare<[string, string]>('UPDATE studies SET refused_counts = ? WHERE id = ?'),
    addIndividual: database.prepare<[string, number, string]>(
      'INSERT INTO study_individuals (study_id, position, individual) VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET individual = excluded.individual',
    ),
    individuals: database.prepare<[string], { individual: string }>(
      'SELECT individual FROM study_individuals WHERE study_id = ? ORDER BY position',
    ),
    pause: database.prepare<[string, string]>(
      "UPDATE studies SET paused_at = ? WHERE id = ? AND status = 'running' AND paused_at IS NULL",
    ),
    resume: database.prepare<[number, string]>(
      'UPDATE studies SET paused_ms = paused_ms + ?, paused_at = NULL WHERE id = ?',
    ),
    stop: database.prepare<[StoppablePhase, string]>('UPDATE studies SET stopping_phase = ? WHERE id = ?'),
    setPlan: database.prepare<[string, string]>(
      'UPDATE studies SET pipeline_plan = ?, pipeline_step = NULL WHERE id = ?',
    ),
    setStep: database.prepare<[string, string]>('UPDATE studies SET pipeline_step = ? WHERE id = ?'),
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
      evolution: this.#evolution(row),
      pipeline: pipelineOf(row),
      network: row.network === null ? null : (JSON.parse(row.network) as Network),
      predictionError: this.predictors.ofStudy(id)?.holdOut ?? null,
      log: this.#sql.lines.all(id, maxLogLines).map(({ line }) => line),
    };
  }

  /** Applies the change and returns the study as it is then. */
  update(id: string, change: StudyChange): StudyView {
    const after = { ...this.get(id)!, ...change };
    const { phase, progress, remainingMs, engine, budgetMs, error } = after;
    const status = after.status === 'paused' ? 'running' : after.status;
    const result = after.result && JSON.stringify(after.result);
    this.#sql.update.run({ id, status, phase, progress, remainingMs, engine, budgetMs, error, result });
    return after;
  }

  /** A running study rests from now on. */
  pause(id: string): StudyView {
    this.#sql.pause.run(this.now().toISOString(), id);
    return this.get(id)!;
  }

  /** A paused study goes on; the time that it rested is none of its minutes. */
  resume(id: string): StudyView {
    const pausedAt = this.#sql.get.get(id)?.paused_at ?? null;
    if (pausedAt !== null) this.#sql.resume.run(this.now().getTime() - Date.parse(pausedAt), id);
    return this.get(id)!;
  }

  /** The study is to end this phase with what it has. */
  stop(id: string, phase: StoppablePhase): void {
    this.#sql.stop.run(phase, id);
  }

  /** What a process of the study has to know beside its specification: when it began, its pauses left out, and which phase is to end with what it has. */
  clock(id: string): { startMs: number; stoppingPhase: StoppablePhase | null } {
    const { created, paused_ms, stopping_phase } = this.#sql.get.get(id)!;
    return { startMs: Date.parse(created) + paused_ms, stoppingPhase: stopping_phase };
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

  setEvolution(id: string, frame: EvolutionFrame): void {
    this.#sql.setEvolution.run(JSON.stringify(frame), id);
  }

  addIndividual(id: string, individual: IndividualView, refusedCounts: EvolutionView['refusedCounts']): void {
    this.database.transaction(() => {
      this.#sql.addIndividual.run(id, individual.index, JSON.stringify(individual));
      this.#sql.setRefusedCounts.run(JSON.stringify(refusedCounts), id);
    })();
  }

  /** The step of an earlier plan goes with it. */
  setPipelinePlan(id: string, plan: PipelinePlanView): void {
    this.#sql.setPlan.run(JSON.stringify(plan), id);
  }

  /** Only the last is kept. */
  setPipelineStep(id: string, step: PipelineStepView): void {
    this.#sql.setStep.run(JSON.stringify(step), id);
  }

  addTrainPoint(id: string, point: TrainPoint): void {
    this.#sql.addPoint.run(id, 'train', point.step, JSON.stringify(point));
  }

  addLine(id: string, line: string): void {
    this.#sql.addLine.run(id, line);
  }

  #evolution({ id, evolution, refused_counts }: StudyRow): EvolutionView | null {
    if (evolution === null) return null;
    const individuals = this.#sql.individuals.all(id).map(({ individual }) => JSON.parse(individual) as IndividualView);
    return { ...(JSON.parse(evolution) as EvolutionFrame), individuals, refusedCounts: JSON.parse(refused_counts) };
  }
}
