// The log under every failure that the system can have: what was promised is there, and nothing looks tampered with.
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { readLog } from '../../src/audit/read-log.ts';
import type { MemoryFiles as Files } from './memory-files.ts';
import { failure, MemoryFiles } from './memory-files.ts';
import { DIRECTORY, event, openJournal, StillClock, STOP, verify } from './test-log.ts';

/** Files of a few records, so that short runs have many. */
const SMALL = { fileBytesMax: 1_200 };

async function operationsIn(files: Files): Promise<string[]> {
  const names: string[] = [];
  for await (const { fields } of readLog(files, DIRECTORY))
    if (fields['kind'] === 'admin') names.push(String(fields['operation']));
  return names;
}

/** Appends until the files fail for good, or to the end; answers what was promised. */
async function work(files: Files, prefix: string, rounds = 4): Promise<string[]> {
  const promised: string[] = [];
  const { journal } = openJournal(files, SMALL);
  for (let round = 0; round < rounds; round++) {
    const names = [0, 1, 2].map((i) => `${prefix}${round}-${i}`);
    void journal.write(event(`${prefix}${round}-read`));
    const outcomes = await Promise.allSettled(names.map((name) => journal.commit(event(name))));
    promised.push(...names.filter((_, i) => outcomes[i]?.status === 'fulfilled'));
  }
  await journal.close(STOP);
  return promised;
}

async function assertWhole(files: Files, promised: readonly string[], where: string): Promise<void> {
  const { findings } = await verify(files);
  assert.deepEqual(findings, [], where);
  const there = new Set(await operationsIn(files));
  assert.deepEqual(
    promised.filter((name) => !there.has(name)),
    [],
    `${where}: promised and not there`,
  );
}

test('what is committed is in the log, in order, through files and restarts', async () => {
  const files = new MemoryFiles();
  const promised = [...(await work(files, 'a')), ...(await work(files, 'b'))];
  assert.equal(promised.length, 24);
  await assertWhole(files, promised, 'two runs');
  const there = (await operationsIn(files)).filter((name) => promised.includes(name));
  assert.deepEqual(there, promised);
  assert.ok(files.list(DIRECTORY).filter((name) => name.startsWith('audit-')).length > 3);
});

test('whoever commits while a sync runs shares the next one', async () => {
  const files = new MemoryFiles();
  const { journal } = openJournal(files);
  await journal.commit(event('first'));
  let syncs = 0;
  files.before = (call, file) => {
    if (call === 'sync' && file.endsWith('.jsonl')) syncs += 1;
  };
  const { calls } = files;
  await Promise.all(Array.from({ length: 100 }, (_, i) => journal.commit(event(`e${i}`))));
  assert.ok(files.calls - calls < 20, `${files.calls - calls} calls of the system`);
  await journal.close(STOP);
  assert.equal((await verify(files)).findings.length, 0);
  assert.ok(syncs < 5);
});

test('a crash at any call of the system loses nothing that was promised, and does not look like tampering', async () => {
  const { calls: total } = await (async () => {
    const files = new MemoryFiles();
    await work(files, 'a');
    return files;
  })();
  assert.ok(total > 30, 'there are calls to crash at');
  let crashes = 0;
  for (let at = 1; at <= total; at++) {
    const files = new MemoryFiles(at);
    files.before = () => {
      if (files.calls >= at) throw failure('EIO');
    };
    const promised = await work(files, 'a');
    const images = [files.afterProcessDeath(), ...[1, 2, 3, 4].map((seed) => files.afterPowerLoss(seed * 1000 + at))];
    for (const [i, image] of images.entries()) {
      const again = await work(image, 'b', 1);
      assert.equal(again.length, 3, `call ${at}, image ${i}: the log goes on`);
      await assertWhole(image, [...promised, ...again], `crash at call ${at}, image ${i}`);
      crashes += 1;
    }
  }
  assert.ok(crashes >= 150);
});

test('a crash while a log that crashed is opened again loses nothing either', async () => {
  for (let first = 3; first < 60; first += 7) {
    for (let second = 1; second < 14; second++) {
      const files = new MemoryFiles(first);
      files.before = () => {
        if (files.calls >= first) throw failure('EIO');
      };
      const promised = await work(files, 'a');
      const image = files.afterPowerLoss(first * 31 + second);
      image.before = () => {
        if (image.calls >= second) throw failure('EIO');
      };
      promised.push(...(await work(image, 'b', 1)));
      const last = image.afterPowerLoss(first * 37 + second);
      promised.push(...(await work(last, 'c', 1)));
      await assertWhole(last, promised, `crashes at calls ${first} and ${second}`);
    }
  }
});

for (const code of ['ENOSPC', 'EIO']) {
  test(`one call that fails with ${code} breaks no promise, and the log goes on`, async () => {
    const dry = new MemoryFiles();
    await work(dry, 'a');
    for (let at = 1; at <= dry.calls; at++) {
      const files = new MemoryFiles(at);
      files.before = () => {
        if (files.calls === at) throw failure(code);
      };
      const promised = await work(files, 'a');
      assert.ok(promised.length >= 9, `call ${at}: only ${promised.length} of 12 were promised`);
      // What was promised after a failed sync must not rest on the pages that it lost.
      const images = [files, files.afterProcessDeath(), files.afterPowerLoss(at)];
      for (const image of images.slice(1)) image.before = () => undefined;
      for (const image of images) await assertWhole(image, promised, `${code} at call ${at}`);
    }
  });
}

test('while nothing can be written, commits are refused, reads are counted, and both heal by themselves', async () => {
  const files = new MemoryFiles();
  const { journal, clock } = openJournal(files);
  await journal.commit(event('before'));
  files.before = (call) => {
    if (call !== 'open') throw failure('ENOSPC');
  };
  await assert.rejects(journal.commit(event('refused')), { kind: 'unavailable', code: 'AUDIT_UNAVAILABLE' });
  await assert.rejects(journal.ready(), { code: 'AUDIT_UNAVAILABLE' });
  await journal.write(event('missed'));
  await assert.rejects(journal.commit(event('refused again')), { code: 'AUDIT_UNAVAILABLE' });
  files.before = () => undefined;
  await journal.ready();
  await journal.commit(event('after'));
  await journal.close(STOP);
  assert.deepEqual(await operationsIn(files), ['before', 'after']);
  const { findings, notes } = await verify(files);
  assert.deepEqual(findings, []);
  assert.match(notes.join('\n'), /3 records were not written from 2026-11-24T08:00:00\.000Z on \(ENOSPC/);
  assert.equal(clock.nowMs(), Date.UTC(2026, 10, 24, 8));
});

test('a log that failed is tried again when nobody asks', async () => {
  const files = new MemoryFiles();
  const { journal, clock } = openJournal(files);
  await journal.commit(event('before'));
  files.before = () => {
    throw failure('EIO');
  };
  await assert.rejects(journal.commit(event('refused')));
  files.before = () => undefined;
  clock.tick();
  await journal.synced();
  await journal.write(event('read'));
  await journal.close(STOP);
  assert.deepEqual(await operationsIn(files), ['before', 'read']);
});

test('reads are in the file when they are answered, and durable soon after', async () => {
  const files = new MemoryFiles();
  const { journal, clock } = openJournal(files);
  await journal.commit(event('first'));
  await journal.write(event('read'));
  assert.deepEqual(await operationsIn(files.afterProcessDeath()), ['first', 'read']);
  clock.tick();
  await journal.synced();
  for (let seed = 1; seed < 10; seed++)
    assert.deepEqual(await operationsIn(files.afterPowerLoss(seed)), ['first', 'read']);
});

test('a new day begins a new file', async () => {
  const files = new MemoryFiles();
  const { journal, clock } = openJournal(files);
  await journal.commit(event('monday'));
  clock.ms += 24 * 3_600_000;
  await journal.commit(event('tuesday'));
  await journal.commit(event('tuesday too'));
  await journal.close(STOP);
  const names = files.list(DIRECTORY).filter((name) => name.startsWith('audit-'));
  assert.deepEqual(names.toSorted(), ['audit-00000001.jsonl', 'audit-00000002.jsonl']);
  assert.deepEqual((await verify(files)).findings, []);
});

test('a log that was closed goes on in its last file', async () => {
  const files = new MemoryFiles();
  for (const name of ['a', 'b', 'c']) {
    const { journal } = openJournal(files);
    await journal.commit(event(name));
    await journal.close(STOP);
  }
  assert.deepEqual(await operationsIn(files), ['a', 'b', 'c']);
  assert.equal(files.list(DIRECTORY).filter((name) => name.startsWith('audit-')).length, 1);
});

test('a log that is found changed goes on, and says so in a record for ever', async () => {
  const damages: [string, (files: Files) => void, RegExp][] = [
    [
      'cut',
      (files) => files.tamper(`${DIRECTORY}/audit-00000001.jsonl`, (bytes) => bytes.subarray(0, -200)),
      /was gone or changed/,
    ],
    ['removed', (files) => files.tamper(`${DIRECTORY}/audit-00000001.jsonl`, () => undefined), /was gone or changed/],
    ['no head', (files) => files.tamper(`${DIRECTORY}/head`, () => undefined), /head of the log was missing/],
    [
      'more',
      (files) => files.tamper(`${DIRECTORY}/audit-00000001.jsonl`, (bytes) => Buffer.concat([bytes, Buffer.from('x')])),
      /something stood behind record/,
    ],
  ];
  for (const [name, damage, reason] of damages) {
    const files = new MemoryFiles();
    const first = openJournal(files);
    for (let i = 0; i < 5; i++) await first.journal.commit(event(`a${i}`));
    await first.journal.close(STOP);
    damage(files);
    const second = openJournal(files);
    await second.journal.commit(event('b'));
    await second.journal.close(STOP);
    const { findings } = await verify(files);
    assert.ok(
      findings.some(({ what, message }) => what === 'break' && reason.test(message)),
      `${name}: ${JSON.stringify(findings)}`,
    );
    assert.ok((await operationsIn(files)).includes('b'), name);
    const third = openJournal(files);
    await third.journal.close(STOP);
    assert.ok((await verify(files)).findings.some(({ what }) => what === 'break'));
  }
});

test('much that is written and not synced makes writers wait for a sync', async () => {
  const files = new MemoryFiles();
  const { journal } = openJournal(files, { unsyncedCharactersMax: 500 }, new StillClock());
  await journal.commit(event('first'));
  const before = journal.durable.seq;
  for (let i = 0; i < 20; i++) await journal.write(event(`read ${i}`));
  assert.ok(journal.durable.seq > before + 5);
  await journal.close(STOP);
});

test('a record that was dropped while another one failed is not taken for durable by a later sync', async () => {
  const files = new MemoryFiles();
  const { journal } = openJournal(files);
  await journal.commit(event('before'));
  const failing = ['sync', 'create'];
  files.before = (call) => {
    if (call !== failing[0]) return;
    failing.shift();
    throw failure('EIO');
  };
  const first = journal.commit(event('first'));
  // Until the first one's sync is under way.
  await Promise.resolve();
  await Promise.resolve();
  const second = journal.commit(event('second'));
  const outcomes = await Promise.allSettled([first, second]);
  assert.deepEqual(failing, [], 'both calls failed');
  const there = await operationsIn(files);
  for (const [i, name] of ['first', 'second'].entries())
    assert.ok(outcomes[i]?.status === 'rejected' || there.includes(name), `${name} was promised and is not there`);
  await journal.close(STOP);
});
