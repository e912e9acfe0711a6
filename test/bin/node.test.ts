import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { test } from 'node:test';

/** Nodes that a machine may have of its own, older than the pinned one. */
const OTHERS = ['/usr/bin/node', '/usr/local/bin/node'].filter((file) => existsSync(file));

const run = (node: string, ...args: string[]): { status: number | null; stdout: string } =>
  spawnSync(node, ['bin/node.js', ...args], { encoding: 'utf8' });

test('programs run on Node 26 whatever Node the machine has, and so does what they start by the name `node`', () => {
  const both = "console.log(process.version, child_process.execSync('node --version', { encoding: 'utf8' }).trim())";
  for (const node of [process.execPath, ...OTHERS])
    assert.match(run(node, '-e', both).stdout, /^v26\.\S+ v26\.\S+\n$/, node);
});

test('the exit code is that of the program', () => {
  assert.equal(run(process.execPath, '-e', 'process.exit(7)').status, 7);
});

test('npm ci needs no package that the lock file does not name', () => {
  const { packages } = JSON.parse(readFileSync('package-lock.json', 'utf8')) as {
    packages: Record<string, { dependencies?: object; optionalDependencies?: object; optional?: boolean }>;
  };
  // npm 11 refuses a lock file that lacks optional packages, those of other platforms included.
  for (const [folder, { optionalDependencies = {} }] of Object.entries(packages)) {
    for (const name of Object.keys(optionalDependencies)) {
      assert.ok(packages[`node_modules/${name}`] ?? packages[`${folder}/node_modules/${name}`], `${name} is missing`);
    }
  }
});
