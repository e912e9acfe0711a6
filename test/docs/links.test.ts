// What the prose points at must be there.
import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';

import { anchors, markdownPages, namedPaths, relativeLinks } from './markdown.ts';

const pages = markdownPages();
assert.ok(pages.includes('README.md'), 'run from the root of the repository: this test would check nothing');

for (const page of pages) {
  const content = readFileSync(page, 'utf8');

  test(`every relative link of ${page} leads somewhere`, () => {
    for (const { target, line } of relativeLinks(content)) {
      const [file = '', fragment] = target.split('#');
      const resolved = file === '' ? page : path.join(path.dirname(page), decodeURIComponent(file));
      assert.ok(existsSync(resolved), `${page}:${line} links to ${target}, which does not exist`);
      if (fragment === undefined || !resolved.endsWith('.md')) continue;
      assert.ok(
        anchors(readFileSync(resolved, 'utf8')).has(decodeURIComponent(fragment)),
        `${page}:${line} links to ${target}, but ${resolved} has no such heading`,
      );
    }
  });

  test(`every file that ${page} names exists`, () => {
    for (const { target, line } of namedPaths(content)) {
      assert.ok(existsSync(target), `${page}:${line} names ${target}, which does not exist`);
    }
  });
}

test('links are found where there are some', () => {
  assert.ok(relativeLinks(readFileSync('README.md', 'utf8')).length > 5);
  assert.deepEqual(relativeLinks('a [b](c.md#d) `[e](f)` [g](https://h)\n```\n[i](j)\n```\n![k](l.png)'), [
    { target: 'c.md#d', line: 1 },
    { target: 'l.png', line: 5 },
  ]);
});
