// Checks on the shape of the code itself. The table is the dependency diagram in ARCHITECTURE.md.
import assert from 'node:assert/strict';
import { existsSync, globSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';

const MAY_IMPORT: Record<string, readonly string[]> = {
  base: [],
  crypto: ['base'],
  metadata: ['base'],
  nbd: ['base'],
  api: ['base'],
  block: ['base', 'crypto'],
  stream: ['base', 'crypto'],
  kms: ['base', 'crypto', 'metadata'],
  ram: ['base', 'crypto', 'metadata'],
  dataplane: ['base', 'block', 'crypto', 'stream'], // all but base: types only (checked below)
  diskserver: ['base', 'block', 'crypto', 'dataplane', 'nbd', 'stream'], // never metadata, kms or ram: it holds plaintext keys and nothing else
  services: ['api', 'base', 'crypto', 'dataplane', 'kms', 'metadata', 'ram', 'stream'],
  rpc: ['api', 'base', 'ram'],
  admin: ['base'],
  cli: ['admin', 'api', 'base', 'nbd', 'stream'],
};

const sources = globSync('src/*/**/*.ts');
assert.ok(sources.length > 0, 'the glob found no source: this test would check nothing');

const importsOf = (file: string): { target: string; typeOnly: boolean; specifier: string }[] =>
  [
    ...readFileSync(file, 'utf8').matchAll(
      /(?:(import|export)\s+(type\s+)?[^'";]*?from\s*|import\s*\(?\s*)'(\.[^']+)'/g,
    ),
  ].map(([, , type, specifier = '']) => ({
    target: path.normalize(path.join(path.dirname(file), specifier)).split(path.sep)[1] ?? '',
    typeOnly: type !== undefined,
    specifier,
  }));

for (const file of sources) {
  const folder = file.split(path.sep)[1] ?? '';
  test(`${file} imports only what src/${folder} may import`, () => {
    const allowed = MAY_IMPORT[folder];
    assert.ok(allowed, `src/${folder} is not in the table`);
    for (const { target, typeOnly, specifier } of importsOf(file)) {
      assert.ok(
        target === folder || allowed.includes(target),
        `src/${folder} must not import src/${target}: ${specifier}`,
      );
      const needsTypeOnly: boolean = folder === 'dataplane' && ['block', 'crypto', 'stream'].includes(target);
      assert.ok(!needsTypeOnly || typeOnly, `src/${folder} may import only types of src/${target}: ${specifier}`);
    }
  });
}

for (const action of globSync('src/services/*/actions/*.ts')) {
  const mirror = action.replace(/^src/, 'test').replace(/\.ts$/, '.test.ts');
  test(`${action} has ${mirror}`, () => assert.ok(existsSync(mirror)));
}
