// Everything that somebody without the key can do to a log, done to a small one: each is found, and says where.
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { parseAnchors } from '../../src/audit/anchor.ts';
import type { Finding } from '../../src/audit/chain-check.ts';
import { AuditJournal } from '../../src/audit/journal.ts';
import { verifyExport } from '../../src/audit/verify.ts';
import { silentLogger } from '../../src/base/log.ts';
import { MemoryFiles } from './memory-files.ts';
import { DIRECTORY, event, KEY, openJournal, StillClock, STOP, verify } from './test-log.ts';

const FILE = (number: number): string => `${DIRECTORY}/audit-0000000${number}.jsonl`;
const HEAD = `${DIRECTORY}/head`;

/** Three files of a few records each, closed in order. */
async function smallLog(): Promise<MemoryFiles> {
  const files = new MemoryFiles();
  const { journal } = openJournal(files, { fileBytesMax: 1_000 });
  for (let i = 0; i < 9; i++) await journal.commit(event(`e${i}`));
  await journal.close(STOP);
  return files;
}

const log = await smallLog();
const numbers = [1, 2, 3];
const contentOf = (file: string): Buffer => Buffer.from(log.read(file, 0) ?? []);
const linesOf = (file: string): string[] => contentOf(file).toString('utf8').split('\n').slice(0, -1);
/** `seq` of the first record of a file. */
const firstOf = (file: string): number => Number(/"seq":(\d+)/.exec(linesOf(file)[0] ?? '')?.[1]);

async function findingsAfter(tamper: (files: MemoryFiles) => void): Promise<readonly Finding[]> {
  const files = log.afterProcessDeath();
  tamper(files);
  return (await verify(files)).findings;
}

function withLines(file: string, lines: readonly string[]): (files: MemoryFiles) => void {
  return (files) => files.tamper(file, () => Buffer.from(lines.map((line) => `${line}\n`).join('')));
}

const names = (findings: readonly Finding[]): string => JSON.stringify(findings);

test('the log that the others are made of is whole and has three files', async () => {
  assert.deepEqual(await findingsAfter(() => undefined), []);
  for (const number of numbers) assert.ok(linesOf(FILE(number)).length >= 3, `file ${number}`);
  assert.equal(log.list(DIRECTORY).length, 4);
});

for (const number of numbers) {
  const file = FILE(number);

  test(`every byte of file ${number}, changed in two ways, is found, in the record that it belongs to`, async () => {
    const content = contentOf(file);
    let seq = firstOf(file);
    for (let at = 0; at < content.length; at++) {
      for (const change of [0x01, 0x20]) {
        const findings = await findingsAfter((files) =>
          files.tamper(file, (bytes) => bytes.map((byte, i) => (i === at ? byte ^ change : byte))),
        );
        const isNamed = findings.some((finding) => finding.what === 'changed' && finding.seq === seq);
        assert.ok(isNamed, `byte ${at} of record ${seq}: ${names(findings)}`);
      }
      if (content[at] === 0x0a) seq += 1;
    }
  });

  test(`every record of file ${number} that is removed is found`, async () => {
    const lines = linesOf(file);
    for (let i = 0; i < lines.length; i++) {
      const seq = firstOf(file) + i;
      const findings = await findingsAfter(withLines(file, lines.toSpliced(i, 1)));
      assert.ok(
        findings.some((finding) => finding.what === 'missing' && finding.seq === seq),
        `record ${seq}: ${names(findings)}`,
      );
    }
  });

  test(`every two records of file ${number} that change places are found`, async () => {
    const lines = linesOf(file);
    for (let i = 0; i < lines.length; i++) {
      for (let j = i + 1; j < lines.length; j++) {
        const swapped = lines.with(i, lines[j] ?? '').with(j, lines[i] ?? '');
        const findings = await findingsAfter(withLines(file, swapped));
        assert.ok(
          findings.some(({ what }) => what === 'misplaced' || what === 'missing'),
          `${i} and ${j}: ${names(findings)}`,
        );
      }
    }
  });

  test(`every record of file ${number} that stands twice, anywhere, is found`, async () => {
    const lines = linesOf(file);
    for (let i = 0; i < lines.length; i++) {
      for (let to = 0; to <= lines.length; to++) {
        const files = log.afterProcessDeath();
        withLines(file, lines.toSpliced(to, 0, lines[i] ?? ''))(files);
        const { findings, notes } = await verify(files);
        // Behind the place where another file took over, nothing counts.
        const isBehind = to === lines.length || (i === to && to === lines.length - 1);
        if (isBehind && number < numbers.length) assert.match(notes.join(), /that does not count/);
        else assert.ok(findings.length > 0, `record ${i} before ${to} again`);
      }
    }
  });

  test(`file ${number}, cut off at any place, is found`, async () => {
    const content = contentOf(file);
    for (let length = 0; length < content.length; length++) {
      const findings = await findingsAfter((files) => files.tamper(file, (bytes) => bytes.subarray(0, length)));
      assert.ok(findings.length > 0, `${length} of ${content.length} bytes`);
    }
  });

  test(`without file ${number}, its records are missed by their numbers`, async () => {
    const findings = await findingsAfter((files) => files.tamper(file, () => undefined));
    const [seq, last] = [firstOf(file), firstOf(file) + linesOf(file).length - 1];
    const span = seq === last ? `record ${seq} is` : `records ${seq} to ${last} are`;
    assert.ok(
      findings.some(({ message }) => message.startsWith(`${span} missing`)),
      names(findings),
    );
  });
}

test('a record of another log is found, and so is one made with another key', async () => {
  const files = new MemoryFiles();
  const other = { ...KEY, macKey: new Uint8Array(32).fill(9) };
  const journal = AuditJournal.open({
    files,
    directory: DIRECTORY,
    key: other,
    clock: new StillClock(),
    log: silentLogger,
  });
  await journal.commit(event('foreign'));
  const [, foreign = ''] = Buffer.from(files.read(FILE(1), 0) ?? [])
    .toString()
    .split('\n');
  const findings = await findingsAfter(withLines(FILE(1), linesOf(FILE(1)).with(1, foreign)));
  assert.deepEqual([findings[0]?.what, findings[0]?.seq], ['changed', 2]);
});

test('the last records cut off together with an older head are found by an anchor only', async () => {
  const files = new MemoryFiles();
  const first = openJournal(files);
  await first.journal.commit(event('a'));
  await first.journal.close(STOP);
  const older = files.afterProcessDeath();
  const second = openJournal(files);
  await second.journal.commit(event('b'));
  const { seq, hash } = second.journal.durable;
  await second.journal.close(STOP);
  assert.deepEqual((await verify(older)).findings, [], 'one machine alone cannot tell');
  const anchors = [{ logId: KEY.logId, seq, hash }];
  assert.deepEqual((await verify(files, anchors)).findings, []);
  const [finding] = (await verify(older, anchors)).findings;
  assert.deepEqual([finding?.what, finding?.seq], ['anchor', seq]);

  const other = older.afterProcessDeath();
  const again = openJournal(other);
  for (let i = 0; i < 5; i++) await again.journal.commit(event(`c${i}`));
  await again.journal.close(STOP);
  const [rewritten] = (await verify(other, anchors)).findings;
  assert.match(rewritten?.message ?? '', /is not the one that was anchored/);
});

test('any byte of either copy of a closed head is found, and so is a head that is missing', async () => {
  const content = Buffer.from(log.read(HEAD, 0) ?? []);
  assert.equal(content.length, 1_024);
  for (let at = 0; at < content.length; at++) {
    const findings = await findingsAfter((files) =>
      files.tamper(HEAD, (bytes) => bytes.map((byte, i) => (i === at ? byte ^ 1 : byte))),
    );
    assert.ok(
      findings.some(({ what }) => what === 'head'),
      `byte ${at}`,
    );
  }
  const gone = await findingsAfter((files) => files.tamper(HEAD, () => undefined));
  assert.deepEqual(
    gone.map(({ what }) => what),
    ['head'],
  );
});

test('bytes behind the end of a closed log are found', async () => {
  for (const more of ['x', '\n', `${linesOf(FILE(3)).at(-1) ?? ''}\n`]) {
    const findings = await findingsAfter((files) =>
      files.tamper(FILE(3), (bytes) => Buffer.concat([bytes, Buffer.from(more)])),
    );
    assert.ok(findings.length > 0, JSON.stringify(more));
  }
});

test('of a log that was not closed, a record cut short behind its head is a note and no finding', async () => {
  const files = new MemoryFiles();
  const { journal } = openJournal(files);
  await journal.commit(event('in a new file'));
  await journal.commit(event('durable'));
  await journal.write(event('written'));
  const image = files.afterProcessDeath();
  image.tamper(FILE(1), (bytes) => bytes.subarray(0, -10));
  const { findings, notes } = await verify(image);
  assert.deepEqual(findings, []);
  assert.match(notes.join(), /a crash cut short/);
  const shorter = files.afterProcessDeath();
  const length = journal.durable.offset;
  shorter.tamper(FILE(1), (bytes) => bytes.subarray(0, length - 1));
  assert.ok((await verify(shorter)).findings.length > 0, 'what the head covers is no torn tail');
});

test('an exported piece is verified by itself; any byte of it that changes is found', async () => {
  const exported = Buffer.concat(numbers.slice(1).map((number) => contentOf(FILE(number))));
  const files = new MemoryFiles();
  const check = async (content: Uint8Array, key: typeof KEY | undefined, anchor?: string) => {
    files.tamper('/export', () => content);
    return verifyExport(files, '/export', key, anchor === undefined ? [] : parseAnchors(anchor));
  };
  const whole = await check(exported, KEY);
  assert.deepEqual([whole.findings, whole.first, whole.notes], [[], firstOf(FILE(2)), []]);
  for (let at = 0; at < exported.length; at += 3) {
    const changed = exported.map((byte, i) => (i === at ? byte ^ 1 : byte));
    assert.ok((await check(changed, KEY)).findings.length > 0, `byte ${at}`);
  }
  // Without the key, the chain of hashes and an anchor of its last record do the same for everything but the last MAC.
  const { last } = whole;
  const anchor = `sealdisk-audit:1:${KEY.logId}:${last?.seq ?? 0}:${last?.hash ?? ''}`;
  assert.match((await check(exported, undefined, anchor)).notes.join('\n'), /is the one that was anchored/);
  const lines = exported.toString('utf8').split('\n');
  for (let i = 0; i < lines.length - 1; i++) {
    const changed = lines.with(i, (lines[i] ?? '').replace('"kind":"admin"', '"kind":"Admin"')).join('\n');
    if (changed === exported.toString('utf8')) continue;
    assert.ok((await check(Buffer.from(changed), undefined, anchor)).findings.length > 0, `line ${i + 1}`);
  }
});

test('records of two histories of one log, mixed, are found although each is authentic', async () => {
  const files = new MemoryFiles();
  const first = openJournal(files);
  await first.journal.commit(event('common'));
  const other = files.afterProcessDeath();
  await first.journal.commit(event('one'));
  await first.journal.commit(event('two'));
  await first.journal.close(STOP);
  const second = openJournal(other);
  await second.journal.commit(event('ONE'));
  await second.journal.close(STOP);
  const lineOf = (log: MemoryFiles, name: string): string =>
    Buffer.from(log.read(FILE(1), 0) ?? [])
      .toString('utf8')
      .split('\n')
      .find((line) => line.includes(`"${name}"`)) ?? '';
  const content = Buffer.from(files.read(FILE(1), 0) ?? []).toString('utf8');
  const mixed = content.replace(lineOf(files, 'one'), lineOf(other, 'ONE'));
  assert.notEqual(mixed, content);
  files.tamper(FILE(1), () => Buffer.from(mixed));
  const { findings } = await verify(files);
  assert.deepEqual(
    findings.map(({ what, seq }) => [what, seq]),
    [['unrelated', 4]],
  );
});
