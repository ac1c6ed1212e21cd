/** StudyJournal: what a running study says of itself, stored first and then pushed to the dashboards. */
import type { Network } from '@bespoke/shared/network/network.js';
import type {
  ApiEvent,
  EvolutionFrame,
  EvolutionView,
  IndividualView,
  SearchPoint,
  SlotView,
  StudyView,
  TrainPoint,
} from '@bespoke/shared/protocol/api.js';
import type { PipelinePlanView, PipelineStepView } from '@bespoke/shared/protocol/pipeline.js';
import type { Store } from '../store/store.js';
import type { NewStudy, StudyChange } from '../store/studies.js';

export class StudyJournal {
  constructor(
    private readonly store: Pick<Store, 'studies' | 'artifacts'>,
    private readonly publish: (event: ApiEvent) => void,
  ) {}

  create(study: NewStudy): StudyView {
    return this.#pushed(this.store.studies.add(study));
  }

  update(id: string, change: StudyChange): StudyView {
    return this.#pushed(this.store.studies.update(id, change));
  }

  pause(id: string): StudyView {
    return this.#pushed(this.store.studies.pause(id));
  }

  resume(id: string): StudyView {
    return this.#pushed(this.store.studies.resume(id));
  }

  slots(id: string, slots: readonly SlotView[]): void {
    this.store.studies.setSlots(id, slots);
    this.publish({ type: 'studyChanged', studyId: id });
  }

  network(id: string, network: Network): void {
    this.store.studies.setNetwork(id, network);
    this.publish({ type: 'studyChanged', studyId: id });
  }

  /** Keeps the exported file; agents and the user can fetch it from now on. Returns its SHA-256. */
  model(id: string, bytes: Uint8Array): string {
    const { sha256 } = this.store.artifacts.put(bytes);
    this.store.studies.setModel(id, sha256);
    this.publish({ type: 'studyChanged', studyId: id });
    return sha256;
  }

  searchPoint(id: string, point: SearchPoint, probabilities: readonly (readonly number[])[]): void {
    this.store.studies.addSearchPoint(id, point, probabilities);
    this.publish({ type: 'search', studyId: id, point, probabilities });
  }

  evolution(id: string, frame: EvolutionFrame): void {
    this.store.studies.setEvolution(id, frame);
    this.publish({ type: 'studyChanged', studyId: id });
  }

  individual(id: string, individual: IndividualView, refusedCounts: EvolutionView['refusedCounts']): void {
    this.store.studies.addIndividual(id, individual, refusedCounts);
    this.publish({ type: 'individual', studyId: id, individual, refusedCounts });
  }

  pipelinePlan(id: string, plan: PipelinePlanView): void {
    this.store.studies.setPipelinePlan(id, plan);
    this.publish({ type: 'studyChanged', studyId: id });
  }

  pipelineStep(id: string, step: PipelineStepView): void {
    this.store.studies.setPipelineStep(id, step);
    this.publish({ type: 'pipelineStep', studyId: id, step });
  }

  trainPoint(id: string, point: TrainPoint): void {
    this.store.studies.addTrainPoint(id, point);
    this.publish({ type: 'train', studyId: id, point });
  }

  log(id: string, line: string): void {
    this.store.studies.addLine(id, line);
    this.publish({ type: 'log', studyId: id, line });
  }

  #pushed(study: StudyView): StudyView {
    this.publish({ type: 'study', study });
    return study;
  }
}
