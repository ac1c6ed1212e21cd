/** The `bespoke` command: composes the rooms, one file of cli/ per noun. */
import { join } from 'node:path';
import { Command } from 'commander';
import { registerAgent } from './cli/agent.js';
import { registerCount } from './cli/count.js';
import { registerData } from './cli/data.js';
import { defaultDataDirectory } from './cli/data-folder.js';
import { registerDevice } from './cli/device.js';
import { registerDoctor } from './cli/doctor.js';
import { runCommand } from './cli/output.js';
import { registerSpace } from './cli/space.js';
import { registerStart } from './cli/start.js';
import { registerStudy } from './cli/study.js';
import { registerTrain } from './cli/train.js';
import { registerTrainHost } from './cli/train-host.js';

const program = new Command('bespoke').description('Neural networks made to measure for your device.').version('0.1.0');
registerStart(program);
registerStudy(program);
registerTrain(program);
registerDevice(program);
registerAgent(program);
registerData(program, join(defaultDataDirectory, 'datasets'));
registerTrainHost(program);
registerSpace(program);
registerCount(program);
registerDoctor(program);
await runCommand(program, process.argv);
