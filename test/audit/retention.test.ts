import assert from 'node:assert/strict';
import { test } from 'node:test';

import { pruneFiles } from '../../src/audit/retention.ts';
import { MemoryFiles, failure } from './memory-files.ts';
import { DIRECTORY, event, KEY, openJournal, STOP, verify } from './test-log.ts';

const DAY_MS = 24 * 3_600_000;
const audits = (files: MemoryFiles): string[] =>
  files
    .list(DIRECTORY)
    .filter((name) => name.startsWith('audit-'))
    .toSorted();

test('old files go, the log says up to where, and verifies; the same files removed by somebody else are missed', async () => {
  const files = new MemoryFiles();
  const { journal, clock } = openJournal(files);
  for (let day = 0; day < 5; day++) {
    await journal.commit(event(`day ${day}`));
    clock.ms += DAY_MS;
  }
  await journal.commit(event('last'));
  const unpruned = files.afterProcessDeath();
  const prune = (keptDays: number): Promise<number> =>
    pruneFiles(files, DIRECTORY, KEY, clock.nowMs() - keptDays * DAY_MS, (pruned) => journal.commit(pruned));
  assert.equal(await prune(100), 0);
  assert.equal(await prune(2), 2);
  assert.equal(await prune(2), 0);
  const kept = audits(files);
  await journal.close(STOP);
  const { findings, notes, first } = await verify(files);
  assert.deepEqual(findings, []);
  assert.ok((first ?? 0) > 1);
  assert.match(notes.join('\n'), /were removed on purpose/);
  for (const name of audits(unpruned))
    if (!kept.includes(name)) unpruned.tamper(`${DIRECTORY}/${name}`, () => undefined);
  assert.ok((await verify(unpruned)).findings.some(({ what }) => what === 'missing'));
});

test('nothing is removed while that cannot be put on record', async () => {
  const files = new MemoryFiles();
  const { journal, clock } = openJournal(files);
  await journal.commit(event('old'));
  clock.ms += 3 * DAY_MS;
  await journal.commit(event('new'));
  clock.ms += DAY_MS;
  const before = audits(files);
  files.before = (call) => {
    if (call === 'write' || call === 'create') throw failure('ENOSPC');
  };
  await assert.rejects(pruneFiles(files, DIRECTORY, KEY, clock.nowMs(), (pruned) => journal.commit(pruned)));
  assert.deepEqual(audits(files), before);
});
