/** Everything that `npm run soak` does, in the order of its turns. */
import { BROKEN_PROMISES } from '../../scripts/broken-promises.ts';
import { breakPromises } from '../scripts/break-promise.ts';
import { MODEL_BASES, runModel } from '../block/disk-model.ts';
import { guardedDisk, guardedReads } from '../block/native-memory.ts';
import { converse } from '../nbd/conversations.ts';
import { fuzzNbd } from '../nbd/fuzz.ts';
import { holdIdleConnections } from '../nbd/idle-connections.ts';
import { tamper } from '../block/tampering.ts';
import { killLoop } from '../crash/kill-loop.ts';
import { randomTimelines, Timelines } from '../crash/two-timelines.ts';
import { checkLedger } from '../support/process-ledger.ts';
import { fuzzDecoders } from '../fuzz/decoders.ts';
import { crashAtEveryCall } from '../sim/every-call.ts';
import { fillUp } from '../sim/no-space.ts';
import { overlap } from '../sim/overlapping.ts';
import {
  crashAfterFailedHeadSync,
  crashInClose,
  crashInCreate,
  crashInFirstWrite,
  crashInSnapshots,
  writeOnAfterFailedClose,
} from '../sim/narrow-windows.ts';
import { runSeed } from '../sim/simulation.ts';
import type { Counts, SoakPart } from './part.ts';

/** Random work with crashes; one seed in four twice, which must be the same run. */
async function simulate(seed: number): Promise<Counts> {
  const { reached, trace } = await runSeed(seed);
  if (seed % 4 === 0 && (await runSeed(seed)).trace !== trace)
    throw new Error(`seed ${seed} is not the same run twice`);
  const { processCrashes, powerLosses, failedSyncs, tornSectors, droppedSectors, writes, flushes, seals } = reached;
  return {
    crashes: processCrashes + powerLosses,
    'in recovery': reached.crashesInRecovery,
    faults: failedSyncs + tornSectors + droppedSectors,
    inputs: writes + flushes,
    seals,
    digests: seed % 4 === 0 ? 1 : 0,
  };
}

async function everyCall(seed: number): Promise<Counts> {
  const { crashes, crashesInRecovery, snapshotsChecked } = await crashAtEveryCall(seed);
  return { crashes: crashes + crashesInRecovery, 'in recovery': crashesInRecovery, snapshots: snapshotsChecked };
}

async function narrowWindows(seed: number): Promise<Counts> {
  let crashes = 0;
  for (const crash of [
    crashInClose,
    crashInFirstWrite,
    crashInSnapshots,
    crashAfterFailedHeadSync,
    crashInCreate,
    writeOnAfterFailedClose,
  ])
    for (let n = 1; await crash(seed, n); n++) crashes += 1;
  return { crashes };
}

async function decoders(seed: number): Promise<Counts> {
  const reached = Object.values(await fuzzDecoders(seed, 1_000));
  const sum = (of: (each: (typeof reached)[number]) => number): number =>
    reached.reduce((all, each) => all + of(each), 0);
  return { inputs: sum(({ refused, accepted }) => refused + accepted), accepted: sum(({ accepted }) => accepted) };
}

/** Killed at moments that chance decides, so a seed says only which suite it was. */
async function sigkill(seed: number): Promise<Counts> {
  const kills = 10;
  const { seals, writes } = await killLoop(seed % 2 === 0 ? 'Aliyun_AES_256' : 'Aliyun_SM4', kills);
  return { crashes: kills, inputs: writes, seals };
}

async function timelines(seed: number): Promise<Counts> {
  using world = new Timelines();
  const writers = await randomTimelines(seed, 14, world);
  return { processes: writers, seals: checkLedger(world.ledger).seals };
}

async function overlapping(seed: number): Promise<Counts> {
  const { operations, failures, snapshots } = await overlap(seed);
  return { crashes: 1, inputs: operations, faults: failures, snapshots };
}

/** A store that is full at 20 points, told by writes and by syncs. */
async function noSpace(seed: number): Promise<Counts> {
  let refused = 0;
  for (let i = 0; i < 20; i++) refused += await fillUp((seed * 7_919 + i * 16_127) % 330_000, i % 2 === 0, seed);
  return { faults: refused, crashes: 20 };
}

async function model(seed: number): Promise<Counts> {
  const suite = seed % 2 === 0 ? 'aes-256-gcm' : 'sm4-gcm';
  return { inputs: await runModel(suite, MODEL_BASES[Math.floor(seed / 2) % 2] ?? 0, 4, seed) };
}

/** 500 neighbouring bytes, so that a long soak comes to all of them, and 200 other changes of files. */
async function tampering(seed: number): Promise<Counts> {
  const { changes, refused, unreadable, harmless, dead } = await tamper(seed, 500, 1, 200);
  return { faults: changes, refused, unreadable, 'second copies': harmless, dead };
}

/** Ends with the process when something is wrong enough. */
async function native(seed: number): Promise<Counts> {
  return { inputs: (await guardedDisk(seed, 300)) + guardedReads(seed, 500) };
}

async function nbd(seed: number): Promise<Counts> {
  const { conversations, requests, sentBytes } = await fuzzNbd(seed, 6);
  const known = await converse(seed, 4);
  return {
    inputs: conversations + known.conversations,
    requests: requests + known.requests,
    'bytes sent': sentBytes,
  };
}

async function idle(): Promise<Counts> {
  const connections = 4_000;
  await holdIdleConnections(connections);
  return { connections };
}

/** One change of the engine that breaks a promise: some test has to notice. */
async function promises(seed: number): Promise<Counts> {
  const promise = BROKEN_PROMISES[seed % BROKEN_PROMISES.length];
  if (promise === undefined) throw new Error('there are no promises');
  for await (const { by } of breakPromises([promise]))
    if (by === undefined) throw new Error(`nothing notices an engine that ${promise.name}`);
  return { faults: 1 };
}

export const PARTS: readonly SoakPart[] = [
  { name: 'simulation', about: 'random work on a simulated machine that crashes', run: simulate },
  { name: 'every-call', about: 'a crash at every single call of a short piece of work, in six ways', run: everyCall },
  { name: 'narrow-windows', about: 'a crash at every call of single operations', run: narrowWindows },
  {
    name: 'overlapping',
    about: 'the same blocks changed, read and kept at the same time, with failing calls',
    run: overlapping,
  },
  { name: 'no-space', about: 'a store that is full at any point, told by writes or by syncs', run: noSpace },
  { name: 'model', about: 'any sequence of operations against plain bytes, with fresh seeds', run: model },
  {
    name: 'promises',
    about: 'an engine with one promise broken, which some test must notice',
    run: promises,
    secondsMax: 1_200,
  },
  {
    name: 'tampering',
    about: 'bytes of a disk, its snapshot and its clone changed, files cut, exchanged, put back',
    run: tampering,
  },
  { name: 'decoders', about: 'mutated bytes for every decoder of files and of the control protocol', run: decoders },
  { name: 'native', about: 'libgcrypt and preadv2 with canaries, under constant garbage collection', run: native },
  { name: 'nbd', about: 'peers that say almost what a client says, in pieces of any size', run: nbd },
  { name: 'idle', about: 'four thousand idle NBD connections', run: idle },
  { name: 'sigkill', about: 'a real disk server killed under a writing client, with a nonce ledger', run: sigkill },
  {
    name: 'timelines',
    about: 'copies, restores and clones of one disk, written at the same time, with a nonce ledger',
    run: timelines,
  },
];
