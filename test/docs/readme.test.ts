// The lists in both READMEs are those of the code.
import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { test } from 'node:test';

import { TOOLS } from '../../scripts/debian-packages.ts';

/** Between the two programs, not for users. */
const INTERNAL = new Set(['SEALDISK_STARTED_BY']);

for (const page of ['README.md', 'README.zh-CN.md']) {
  const content = readFileSync(page, 'utf8');

  test(`${page} names every setting, and only settings`, () => {
    const source = [...globSync('src/**/*.ts'), 'bin/sealdisk.js'].map((file) => readFileSync(file, 'utf8')).join('\n');
    const read = new Set([...source.matchAll(/'(SEALDISK_[A-Z0-9_]+)'/g)].map(([, name = '']) => name));
    const known = read.difference(INTERNAL);
    assert.ok(known.size > 5, 'settings were found');
    assert.deepEqual([...new Set(content.match(/\bSEALDISK_[A-Z0-9_]+/g))].toSorted(), [...known].toSorted());
  });

  test(`${page} names the Debian packages that the tests install`, () => {
    for (const debianPackage of new Set(TOOLS.map((tool) => tool.debianPackage))) {
      assert.ok(content.includes(debianPackage), `${debianPackage} is missing`);
    }
  });

  test(`${page} names every command`, () => {
    const source = globSync('src/cli/*.ts').map((file) => readFileSync(file, 'utf8'));
    const commands = [...source.join('\n').matchAll(/\.command\('([a-z-]+)/g)].map(([, name = '']) => name);
    assert.ok(commands.length > 5, 'commands were found');
    for (const name of commands) assert.match(content, new RegExp(`\\b${name}\\b`), `the command ${name} is missing`);
  });
}
