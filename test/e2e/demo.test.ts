import assert from 'node:assert/strict';
import path from 'node:path';
import { test } from 'node:test';

import { ensureTools } from '../../scripts/debian-packages.ts';
import { REPOSITORY, runProgram } from '../support/start-server.ts';

const missing = ensureTools().map(({ debianPackage }) => debianPackage);

test(
  'the demonstration holds',
  { skip: missing.length === 0 ? false : `apt-get install ${missing.join(' ')}` },
  async () => {
    const { code, stdout, stderr } = await runProgram(process.execPath, [
      '--disable-warning=ExperimentalWarning',
      path.join(REPOSITORY, 'scripts/demo.ts'),
    ]);
    assert.equal(code, 0, stdout + stderr);
    assert.match(stdout, /All of it holds/);
  },
);
