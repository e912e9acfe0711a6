/** A seeded run of legal and illegal requests by three accounts in two regions, each answer held against the model. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';

import { ApiError } from '../../src/api/errors.ts';
import { Seeded } from '../sim/seeded.ts';
import { compare } from './compare.ts';
import { Model, type Place } from './model.ts';
import type { Move, MoveMaker } from './move.ts';
import { changeKeyState, changeRole, createKey, openKms } from './moves/keys.ts';
import {
  createDisk,
  createSnapshot,
  deleteDisk,
  deleteSnapshot,
  exportDisk,
  switchDefault,
  unexportDisk,
} from './moves/disks.ts';
import { ACCOUNTS, REGIONS, ScenarioCloud } from './scenario-cloud.ts';

/** How often each is drawn. */
const MOVES: readonly (readonly [weight: number, maker: MoveMaker])[] = [
  [4, openKms],
  [5, createKey],
  [14, changeKeyState],
  [2, changeRole],
  [4, switchDefault],
  [25, createDisk],
  [6, deleteDisk],
  [16, exportDisk],
  [12, unexportDisk],
  [14, createSnapshot],
  [6, deleteSnapshot],
];

const PLACES: readonly Place[] = ACCOUNTS.flatMap((account) => REGIONS.map((region) => ({ account, region })));
const RESTART_CHANCE = 0.02;
const COMPARE_EVERY = 20;

export interface Run {
  /** Of every request and what it answered, without ids: equal for equal seeds. */
  readonly digest: string;
  readonly answers: ReadonlyMap<string, number>;
}

export async function runScenario(seed: number, requests: number): Promise<Run> {
  const dice = new Seeded(seed);
  const model = new Model();
  const digest = createHash('sha256');
  const answers = new Map<string, number>();
  const past: string[] = [];
  await using cloud = await ScenarioCloud.open();
  for (const account of ACCOUNTS) {
    // Most of what follows needs it; moves take it away and bring it back.
    await cloud.test.allowDiskRole({ account });
    model.roles.add(account);
  }
  try {
    for (let count = 0; count < requests; count++) {
      if (dice.chance(RESTART_CHANCE)) {
        past.push('the control plane is restarted');
        await cloud.restart();
      }
      const move = nextMove(model, dice);
      past.push(`${move.what}: ${move.expected}`);
      const outcome = await answerOf(move, cloud);
      assert.equal(outcome, move.expected, move.what);
      const kind = `${move.what.split(' ').find((word) => /^[A-Z][a-z]+[A-Z]|^[a-z]+$/.test(word))}: ${outcome}`;
      answers.set(outcome, (answers.get(outcome) ?? 0) + 1);
      digest.update(kind);
      if (count % COMPARE_EVERY === 0) await compare(model, cloud, PLACES);
    }
    await compare(model, cloud, PLACES);
  } catch (error) {
    const told = past.slice(-40).join('\n  ');
    throw new Error(`seed ${seed}, request ${past.length}; the last ones:\n  ${told}`, { cause: error });
  }
  return { digest: digest.digest('hex'), answers };
}

function nextMove(model: Model, dice: Seeded): Move {
  const total = MOVES.reduce((sum, [weight]) => sum + weight, 0);
  for (;;) {
    let left = dice.below(total);
    const [, maker] = MOVES.find(([weight]) => (left -= weight) < 0) ?? [];
    const move = maker?.({ model, dice, place: dice.pick(PLACES) });
    if (move !== undefined) return move;
  }
}

async function answerOf(move: Move, cloud: ScenarioCloud): Promise<string> {
  let answer;
  try {
    answer = await move.perform(cloud);
  } catch (error) {
    if (error instanceof ApiError) return error.code;
    throw error;
  }
  if (move.expected === 'ok') move.apply(answer as Record<string, string>);
  return 'ok';
}
