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

const foldersIn = (pattern: string): string[] =>
  globSync(pattern)
    .filter((name) => statSync(name).isDirectory())
    .map((name) => name.split(path.sep).join('/'));
const folders = foldersIn('src/*');
const rooms = foldersIn('src/block/*');

test('every folder of src is in the folder map, and every entry of the map exists', () => {
  const map = firstCells('Folder map');
  assert.ok(map.length > 10, 'the folder map was found');
  for (const entry of map) assert.ok(existsSync(entry), `the folder map names ${entry}, which does not exist`);
  for (const folder of folders) assert.ok(map.includes(`${folder}/`), `${folder}/ is missing in the folder map`);
});

test('every folder of src, and every room of the disk engine, says what it is', () => {
  assert.ok(rooms.length > 10, 'the rooms were found');
  for (const folder of [...folders, ...rooms]) {
    const readme = path.join(folder, 'README.md');
    assert.ok(existsSync(readme), `${readme} is missing`);
    const lines = readFileSync(readme, 'utf8').split('\n').filter(Boolean).length;
    assert.ok(lines >= 4 && lines <= 30, `${readme} has ${lines} lines; a newcomer reads 5 to 15`);
  }
});

/** The rows of a table `name` in test/architecture.test.ts. */
function heldTable(name: string): Record<string, string[]> {
  const source = readFileSync('test/architecture.test.ts', 'utf8');
  const table = source.split(`const ${name}`)[1]?.split('\n};')[0] ?? '';
  const rows = [...table.matchAll(/^ {2}(\w+): \[([^\]]*)\],/gm)];
  assert.ok(rows.length > 10, `the table ${name} in test/architecture.test.ts was found`);
  return Object.fromEntries(
    rows.map(([, folder = '', list = '']) => [folder, [...list.matchAll(/'(\w+)'/g)].map(([, other = '']) => other)]),
  );
}

/** The rows of a written table: a folder in the first cell, folders in the last one. */
function writtenTable(text: string): Record<string, string[]> {
  return Object.fromEntries(
    [...text.matchAll(/^\| `(\w+)`[^\n]*\| ([^|\n]*)\|$/gm)].map(([, folder = '', list = '']) => [
      folder,
      [...list.matchAll(/`(\w+)`/g)].map(([, other = '']) => other),
    ]),
  );
}

test('the dependency table is the one that test/architecture.test.ts holds', () => {
  const section = page.split(/^## /m).find((text) => text.startsWith('What may import what')) ?? '';
  assert.deepEqual(writtenTable(section), heldTable('MAY_IMPORT'));
});

test('the table of the rooms of the disk engine is the one that test/architecture.test.ts holds', () => {
  assert.deepEqual(writtenTable(readFileSync('src/block/README.md', 'utf8')), heldTable('ROOMS_OF_BLOCK'));
});

test('every invariant of the page names the test that holds it', () => {
  const section = page.split(/^## /m).find((text) => text.startsWith('Invariants')) ?? '';
  const invariants = [...section.matchAll(/^\d+\. [^\n]*(?:\n {2,}[^\n]*)*/gm)].map(([text]) => text);
  assert.ok(invariants.length > 5, 'the invariants were found');
  for (const invariant of invariants) {
    assert.match(invariant, /`test\/[\w./-]+`/, `no test is named in: ${invariant.slice(0, 80)}`);
  }
});
