/** Feeds a decoder with mutated samples and holds it to its budget: a value or a refusal, soon, in bounded memory. */
import assert from 'node:assert/strict';

import { ApiError } from '../../src/api/errors.ts';
import { SystemError } from '../../src/base/errors.ts';
import type { Seeded } from '../sim/seeded.ts';
import { mutate } from './mutate.ts';
import type { Fields } from './mutate.ts';

export interface FuzzTarget {
  readonly name: string;
  readonly samples: readonly Uint8Array[];
  readonly fields?: Fields;
  /** Makes changed bytes authentic again, so that what is behind the MAC or the tag is reached. */
  readonly reseal?: (bytes: Buffer) => Uint8Array;
  /** True when no change may be accepted without `reseal`. */
  readonly isSealed?: boolean;
  /** A value, or undefined for a refusal. Throws only `SystemError` and `ApiError`. */
  readonly decode: (bytes: Uint8Array) => unknown;
}

const MILLISECONDS_MAX = 2_000;
const GROWTH_BYTES_MAX = 512 * 2 ** 20;

/** Answers how many inputs were refused and how many were accepted. */
export async function fuzz(
  target: FuzzTarget,
  random: Seeded,
  inputs: number,
): Promise<{ refused: number; accepted: number }> {
  const reached = { refused: 0, accepted: 0 };
  const before = process.memoryUsage.rss();
  for (let i = 0; i < inputs; i++) {
    const sample = random.pick(target.samples);
    const changed = mutate(random, sample, target.fields, target.samples);
    const resealed = target.reseal !== undefined && random.chance(0.7);
    const input = resealed ? (target.reseal?.(changed) ?? changed) : changed;
    const outcome = await tryDecode(target, Buffer.from(input));
    if (outcome === undefined) reached.refused += 1;
    else {
      reached.accepted += 1;
      const isChanged = !target.samples.some((known) => changed.equals(known));
      if (target.isSealed === true && !resealed && isChanged)
        assert.fail(`${target.name} accepted changed bytes: ${describe(changed)}`);
      checkNumbers(outcome, `${target.name} on ${describe(changed)}`);
    }
  }
  const growth = process.memoryUsage.rss() - before;
  assert.ok(growth < GROWTH_BYTES_MAX, `${target.name} took ${growth} bytes of memory`);
  return reached;
}

async function tryDecode(target: FuzzTarget, input: Buffer): Promise<unknown> {
  const shown = describe(input);
  const started = performance.now();
  try {
    return await target.decode(input);
  } catch (error) {
    if (error instanceof SystemError && error.kind !== 'internal') return undefined;
    if (error instanceof ApiError) return undefined;
    throw new Error(`${target.name} on ${shown}: ${String(error)}`, { cause: error });
  } finally {
    const took = performance.now() - started;
    assert.ok(took < MILLISECONDS_MAX, `${target.name} took ${took} ms on ${shown}`);
  }
}

/** No decoder hands out a number that is not what was stored. */
function checkNumbers(value: unknown, where: string): void {
  if (typeof value === 'number') assert.ok(Number.isSafeInteger(value), `${where}: ${value}`);
  else if (ArrayBuffer.isView(value) || value === null) return;
  else if (value instanceof Map) for (const [, each] of value) checkNumbers(each, where);
  else if (typeof value === 'object') for (const each of Object.values(value)) checkNumbers(each, where);
}

function describe(bytes: Uint8Array): string {
  const hex = Buffer.from(bytes.subarray(0, 512)).toString('hex');
  return `${bytes.length} bytes ${hex}${bytes.length > 512 ? '…' : ''}`;
}
