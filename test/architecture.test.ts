// Checks on the shape of the code itself. The tables are those of ARCHITECTURE.md and src/block/README.md.
import assert from 'node:assert/strict';
import { existsSync, globSync, readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';

const MAY_IMPORT: Record<string, readonly string[]> = {
  base: [],
  crypto: ['base'],
  metadata: ['base'],
  nbd: ['base'],
  api: ['base'],
  audit: ['api', 'base', 'metadata'],
  block: ['base', 'crypto'],
  stream: ['base', 'crypto'],
  kms: ['base', 'crypto', 'metadata'],
  root: ['api', 'base', 'crypto', 'kms', 'metadata'],
  ram: ['base', 'crypto', 'metadata'],
  dataplane: ['base', 'block', 'crypto', 'stream'], // all but base: types only (checked below)
  diskserver: ['base', 'block', 'crypto', 'dataplane', 'nbd', 'stream'], // never metadata, kms or ram: it holds plaintext keys and nothing else
  services: ['api', 'base', 'crypto', 'dataplane', 'kms', 'metadata', 'ram', 'stream'],
  rpc: ['api', 'base', 'ram'],
  admin: ['base'],
  cli: ['admin', 'api', 'audit', 'base', 'nbd', 'stream'],
};

/** The rooms of the disk engine, each after those that it may import. No room imports what lies beside them. */
const ROOMS_OF_BLOCK: Record<string, readonly string[]> = {
  format: [],
  keys: ['format'],
  files: [],
  segments: ['files', 'format', 'keys'],
  log: ['files', 'format', 'keys', 'segments'],
  map: ['files', 'format', 'keys', 'segments'],
  tables: ['files', 'format', 'keys', 'segments'],
  blocks: ['files', 'format', 'keys', 'log', 'map', 'segments'],
  state: ['files', 'format', 'keys', 'log', 'map', 'segments', 'tables'],
  views: ['blocks', 'files', 'format', 'keys', 'map', 'segments', 'state', 'tables'],
  collect: ['files', 'format', 'keys', 'map', 'segments', 'state', 'tables'],
  reencrypt: ['collect', 'files', 'format', 'keys', 'segments', 'state', 'tables'],
  scrub: ['files', 'format', 'keys', 'map', 'segments', 'state', 'tables'],
  rebuild: ['files', 'format', 'keys', 'log', 'map', 'segments', 'tables'],
};

const sources = globSync('src/*/**/*.ts');
assert.ok(sources.length > 0, 'the glob found no source: this test would check nothing');

/** What a file imports of ours, by its path from the root of the repository. */
const importsOf = (file: string): { target: string; typeOnly: boolean; specifier: string }[] =>
  [
    ...readFileSync(file, 'utf8').matchAll(
      /(?:(import|export)\s+(type\s+)?[^'";]*?from\s*|import\s*\(?\s*)'(\.[^']+)'/g,
    ),
  ].map(([, , type, specifier = '']) => ({
    target: path.normalize(path.join(path.dirname(file), specifier)),
    typeOnly: type !== undefined,
    specifier,
  }));

/** The first folder below `root` in which `file` lies, if it lies in one. */
const folderBelow = (root: string, file: string): string | undefined => {
  const parts = path.relative(root, file).split(path.sep);
  return parts.length > 1 && parts[0] !== '..' ? parts[0] : undefined;
};

for (const file of sources) {
  const folder = folderBelow('src', file) ?? '';
  test(`${file} imports only what src/${folder} may import`, () => {
    const allowed = MAY_IMPORT[folder];
    assert.ok(allowed, `src/${folder} is not in the table`);
    for (const { target: imported, typeOnly, specifier } of importsOf(file)) {
      const target = folderBelow('src', imported) ?? '';
      assert.ok(
        target === folder || allowed.includes(target),
        `src/${folder} must not import src/${target}: ${specifier}`,
      );
      const needsTypeOnly: boolean = folder === 'dataplane' && ['block', 'crypto', 'stream'].includes(target);
      assert.ok(!needsTypeOnly || typeOnly, `src/${folder} may import only types of src/${target}: ${specifier}`);
    }
  });
}

const rooms = Object.keys(ROOMS_OF_BLOCK);

test('every room of the disk engine is in the table, after those that it may import', () => {
  const folders = globSync('src/block/*')
    .filter((name) => statSync(name).isDirectory())
    .map((folder) => path.basename(folder));
  assert.deepEqual(folders.toSorted(), rooms.toSorted());
  for (const [room, allowed] of Object.entries(ROOMS_OF_BLOCK))
    for (const other of allowed)
      assert.ok(rooms.indexOf(other) < rooms.indexOf(room), `${room} stands before ${other}`);
});

for (const room of rooms)
  test(`src/block/${room} imports only the rooms that it may import`, () => {
    const files = globSync(`src/block/${room}/**/*.ts`);
    assert.ok(files.length > 0, `src/block/${room} has no source`);
    for (const file of files)
      for (const { target, specifier } of importsOf(file)) {
        if (folderBelow('src', target) !== 'block') continue;
        const other = folderBelow('src/block', target) ?? 'the top of src/block';
        assert.ok(
          other === room || ROOMS_OF_BLOCK[room]?.includes(other),
          `${file} must not import ${other}: ${specifier}`,
        );
      }
  });

for (const action of globSync('src/services/*/actions/*.ts')) {
  const mirror = action.replace(/^src/, 'test').replace(/\.ts$/, '.test.ts');
  test(`${action} has ${mirror}`, () => assert.ok(existsSync(mirror)));
}
