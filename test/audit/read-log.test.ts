import assert from 'node:assert/strict';
import { test } from 'node:test';

import { lastRecords, readLog, recordsBetween, recordsOfRequest } from '../../src/audit/read-log.ts';
import type { ReadRecord } from '../../src/audit/read-log.ts';
import { verifyExport } from '../../src/audit/verify.ts';
import { MemoryFiles } from './memory-files.ts';
import { DIRECTORY, event, KEY, openJournal } from './test-log.ts';

const names = (records: readonly ReadRecord[]): string[] =>
  records.flatMap(({ fields }) => (fields['kind'] === 'admin' ? [String(fields['operation'])] : []));

async function all<T>(items: AsyncIterable<T>): Promise<T[]> {
  const list: T[] = [];
  for await (const item of items) list.push(item);
  return list;
}

/** `e0` to `e11`, one a minute, in files of three or so. */
async function twelve() {
  const files = new MemoryFiles();
  const { journal, clock } = openJournal(files, { fileBytesMax: 900 });
  for (let i = 0; i < 12; i++) {
    await journal.commit(event(`e${i}`));
    clock.ms += 60_000;
  }
  return { files, journal, clock };
}

test('records are read through all files, from a bookmark on too', async () => {
  const { files, journal } = await twelve();
  const read = await all(readLog(files, DIRECTORY));
  assert.deepEqual(
    names(read),
    Array.from({ length: 12 }, (_, i) => `e${i}`),
  );
  const last = read.at(-1);
  await journal.commit(event('e12'));
  assert.deepEqual(names(await all(readLog(files, DIRECTORY, last?.next))), ['e12']);
});

test('the last records come from as many files as it takes', async () => {
  const { files } = await twelve();
  const last = await lastRecords(files, DIRECTORY, 7);
  assert.equal(last.length, 7);
  assert.deepEqual(names(last).slice(-2), ['e10', 'e11']);
});

test('a span of time is one unbroken piece, which verifies by itself', async () => {
  const { files, clock } = await twelve();
  const start = clock.nowMs() - 12 * 60_000;
  const piece = await all(recordsBetween(files, DIRECTORY, start + 3 * 60_000, start + 6 * 60_000));
  assert.deepEqual(names(piece), ['e3', 'e4', 'e5']);
  files.tamper('/piece', () => Buffer.from(piece.map(({ line }) => `${line}\n`).join('')));
  assert.deepEqual((await verifyExport(files, '/piece', KEY, [])).findings, []);
  const whole = await all(recordsBetween(files, DIRECTORY, -Infinity, Infinity));
  assert.equal(whole.length, (await all(readLog(files, DIRECTORY))).length);
  assert.deepEqual(await all(recordsBetween(files, DIRECTORY, start + 3_600_000, Infinity)), []);
});

test('the records of a request are found in any case of its id', async () => {
  const { files, journal } = await twelve();
  const call = { requestId: 'ABC-1', sourceIp: '::1', class: 'read', parameters: undefined } as const;
  const nothing = {
    account: undefined,
    principal: undefined,
    accessKeyId: undefined,
    claimedAccessKeyId: undefined,
    userAgent: undefined,
    product: undefined,
    action: undefined,
    region: undefined,
    resources: undefined,
    decision: undefined,
  };
  await journal.commit({ kind: 'call', ...nothing, ...call, status: 200, code: 'OK' });
  for (let i = 0; i < 5; i++) await journal.commit(event(`later ${i}`));
  assert.equal((await recordsOfRequest(files, DIRECTORY, 'abc-1')).length, 1);
  assert.deepEqual(await recordsOfRequest(files, DIRECTORY, 'abc-2'), []);
});
