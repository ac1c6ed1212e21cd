import { parseSpec, resolveSpec } from '@bespoke/cloud/search/spec.js';
import { describe, expect, it } from 'vitest';
import { defaultSpec } from '../../cloud/dashboard/default-spec.js';
import { stagesIn, withStages } from '../../cloud/dashboard/training-choice.js';

describe('stagesIn', () => {
  it.each([
    ['version: 1', null],
    ['version: 1\ntrain: {steps: 3}', null],
    ['version: 1\ntrain: {pipeline: null}', null],
    ['version: 1\ntrain:\n  pipeline:\n    stages: 5\n', 5],
    ['version: 1\ntrain: {pipeline: {stages: some}}', undefined],
    ['version: 1\ntrain: {pipeline: 4}', undefined],
    ['version: 1\ntrain: eeea-cifar\n', null],
    ['version: 1\ntrain:\n', undefined],
    ['version: [1', undefined],
    ['', undefined],
    ['a sentence', undefined],
  ])('reads %j', (yaml, stages) => {
    expect(stagesIn(yaml)).toBe(stages);
  });
});

describe('withStages', () => {
  it('adds the keys behind what the form starts with, and takes them away again', () => {
    const piped = withStages(defaultSpec, 3);
    expect(piped).toBe(`${defaultSpec}train:\n  pipeline: { stages: 3, microBatches: auto }\n`);
    expect(resolveSpec(parseSpec(piped)).train.pipeline).toMatchObject({ stages: 3, microBatches: 'auto' });
    expect(withStages(piped, null)).toBe(defaultSpec);
  });

  it('changes the number of stages alone, and keeps comments and long lines', () => {
    const long = `# ${'why '.repeat(40)}`;
    const yaml = `version: 1\n${long}\ntrain:\n  steps: 9 # few\n  pipeline:\n    stages: 2\n    remat: always\n`;
    expect(withStages(yaml, 4)).toBe(yaml.replace('stages: 2', 'stages: 4'));
    expect(withStages(yaml, null)).toBe(`version: 1\n${long}\ntrain:\n  steps: 9 # few\n`);
  });

  it('stands beside the name of a preset', () => {
    expect(withStages('version: 1\ntrain: eeea-cifar\n', 2)).toBe(
      'version: 1\ntrain:\n  preset: eeea-cifar\n  pipeline: { stages: 2, microBatches: auto }\n',
    );
  });

  it('takes the place of a null', () => {
    expect(withStages('version: 1\ntrain: { pipeline: null }\n', 2)).toBe(
      'version: 1\ntrain: { pipeline: { stages: 2, microBatches: auto } }\n',
    );
  });
});
