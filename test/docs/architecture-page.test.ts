// ARCHITECTURE.md is a promise about the tree: the map names every folder, and the table is the one that is enforced.
import assert from 'node:assert/strict';
import { existsSync, globSync, readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';

const page = readFileSync('ARCHITECTURE.md', 'utf8');

/** First cells of the table under a heading, without their backquotes. */
function firstCells(heading: string): string[] {
  const section = page.split(/^## /m).find((text) => text.startsWith(heading)) ?? '';
  return [...section.matchAll(/^\| `([^`]+)` \|/gm)].map(([, cell = '']) => cell);
}

const folders = globSync('src/*')
  .filter((name) => statSync(name).isDirectory())
  .map((name) => name.split(path.sep).join('/'));

test('every folder of src is in the folder map, and every entry of the map exists', () => {
  const map = firstCells('Folder map');
  assert.ok(map.length > 10, 'the folder map was found');
  for (const entry of map) assert.ok(existsSync(entry), `the folder map names ${entry}, which does not exist`);
  for (const folder of folders) assert.ok(map.includes(`${folder}/`), `${folder}/ is missing in the folder map`);
});

test('every folder of src says what it is', () => {
  for (const folder of folders) {
    const readme = path.join(folder, 'README.md');
    assert.ok(existsSync(readme), `${readme} is missing`);
    const lines = readFileSync(readme, 'utf8').split('\n').filter(Boolean).length;
    assert.ok(lines >= 4 && lines <= 30, `${readme} has ${lines} lines; a newcomer reads 5 to 15`);
  }
});

test('the dependency table is the one that test/architecture.test.ts holds', () => {
  const source = readFileSync('test/architecture.test.ts', 'utf8');
  const held = new Map(
    [...source.matchAll(/^ {2}(\w+): \[([^\]]*)\],/gm)].map(([, folder = '', list = '']) => [
      folder,
      [...list.matchAll(/'(\w+)'/g)].map(([, name = '']) => name),
    ]),
  );
  assert.ok(held.size > 10, 'the table in test/architecture.test.ts was found');
  const section = page.split(/^## /m).find((text) => text.startsWith('What may import what')) ?? '';
  const written = new Map(
    [...section.matchAll(/^\| `(\w+)` \| ([^|]*)\|/gm)].map(([, folder = '', list = '']) => [
      folder,
      [...list.matchAll(/`(\w+)`/g)].map(([, name = '']) => name),
    ]),
  );
  assert.deepEqual(Object.fromEntries(written), Object.fromEntries(held));
});

test('every invariant of the page names the test that holds it', () => {
  const section = page.split(/^## /m).find((text) => text.startsWith('Invariants')) ?? '';
  const invariants = [...section.matchAll(/^\d+\. [^\n]*(?:\n {2,}[^\n]*)*/gm)].map(([text]) => text);
  assert.ok(invariants.length > 5, 'the invariants were found');
  for (const invariant of invariants) {
    assert.match(invariant, /`test\/[\w./-]+`/, `no test is named in: ${invariant.slice(0, 80)}`);
  }
});
