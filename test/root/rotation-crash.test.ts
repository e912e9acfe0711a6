// A rotation is stopped before and after every single call that changes a file, and at every statement of the database:
// what lies on the medium then is copied, and has to open and to go on to the end.
import assert from 'node:assert/strict';
import { cpSync, existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import fs from 'node:fs/promises';
import { syncBuiltinESMExports } from 'node:module';
import path from 'node:path';
import { StatementSync } from 'node:sqlite';
import { test } from 'node:test';

import { tempDir } from '../metadata/support.ts';
import { looseFile, openTestInstallation, PASSPHRASE, stock, takeStock } from './open-test-installation.ts';

let onStep: (() => void) | undefined;

/** Tells of a call just before it and just after it. */
function tell(owner: Record<string, unknown>, name: string): void {
  const original = owner[name] as (...args: unknown[]) => unknown;
  owner[name] = function told(this: unknown, ...args: unknown[]): unknown {
    onStep?.();
    const result = original.apply(this, args);
    if (!(result instanceof Promise)) {
      onStep?.();
      return result;
    }
    return result.then((value) => {
      onStep?.();
      return value;
    });
  };
}

for (const name of ['rename', 'link', 'unlink', 'rm']) tell(fs as unknown as Record<string, unknown>, name);
const probe = await fs.open(import.meta.filename, 'r');
for (const name of ['write', 'writeFile', 'sync', 'chmod'])
  tell(Object.getPrototypeOf(probe) as Record<string, unknown>, name);
await probe.close();
tell(StatementSync.prototype as unknown as Record<string, unknown>, 'run');
syncBuiltinESMExports();

/** Copies of the directory, one for each state that a process killed at that moment would leave. */
function recordCrashes(directory: string, into: string, before: () => void): () => number {
  let states = 0;
  onStep = () => {
    states += 1;
    before();
    cpSync(directory, path.join(into, String(states)), { recursive: true });
  };
  return () => {
    onStep = undefined;
    return states;
  };
}

interface Rotation {
  readonly name: string;
  readonly first?: Uint8Array;
  readonly to: 'file' | 'passphrase';
}

const ROTATIONS: readonly Rotation[] = [
  { name: 'a root key in a file', to: 'file' },
  { name: 'a root key that moves from a file to a passphrase', to: 'passphrase' },
  { name: 'a root key under a passphrase', first: PASSPHRASE, to: 'passphrase' },
  { name: 'a root key that moves from a passphrase to a file', first: PASSPHRASE, to: 'file' },
];

for (const { name, first, to } of ROTATIONS) {
  test(`the rotation of ${name} can be killed at any moment`, async () => {
    using dir = tempDir();
    using crashes = tempDir();
    const options = first === undefined ? {} : { settings: { provider: 'passphrase' as const }, passphrase: first };
    const home = path.join(dir.path, 'data');
    mkdirSync(home);
    let states: number;
    let inventory;
    {
      await using t = await openTestInstallation(home, options);
      inventory = await stock(t, 2);
      // Somebody seals something at every moment: it has to open with what lies on the medium then.
      const { path: loose, context } = looseFile(home);
      const seal = (): void => writeFileSync(loose, t.trust.keyring.sealer('rows').seal(context, Buffer.from('loose')));
      const finish = recordCrashes(home, crashes.path, seal);
      await t.trust.rotate({ kind: to, passphrase: PASSPHRASE });
      await t.resealing.run();
      states = finish();
      assert.equal(t.resealing.progress.state, 'done');
    }
    assert.ok(states > 60, `only ${states} states`);
    for (let state = 1; state <= states; state++) {
      const left = path.join(crashes.path, String(state));
      await using t = await openTestInstallation(left, { passphrase: PASSPHRASE });
      assert.deepEqual(await takeStock(t, inventory), inventory, `state ${state}: everything opens`);
      await t.resealing.run();
      assert.equal(t.resealing.progress.state, 'done', `state ${state}: ${t.resealing.progress.reason}`);
      assert.equal(t.trust.keyring.storeKeys.length, 3, `state ${state}: the earlier store keys are forgotten`);
      assert.deepEqual(await takeStock(t, inventory), inventory, `state ${state}: everything opens at the end`);
      assert.equal(existsSync(path.join(left, 'root.key')), t.trust.provider === 'file', `state ${state}`);
      assert.equal(existsSync(path.join(left, 'root.key.next')), false, `state ${state}: nothing is left over`);
      const files = readdirSync(path.join(left, 'keys'));
      assert.equal(files.length, 2, `state ${state}: ${files.join(', ')}`);
    }
  });
}
