// The pages that a user follows, followed: every block marked `run`, in order, against a real server.
import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';

import { codeBlocks } from '../docs/markdown.ts';
import type { CodeBlock } from '../docs/markdown.ts';
import { REPOSITORY, runProgram, TestServer, toolEnvironment } from '../support/start-server.ts';

const PAGES = ['README.md', ...globSync('docs/guide/*.md').toSorted()];
const TOOLS = ['nbdinfo', 'nbdcopy', 'qemu-img', 'qemu-io', 'mke2fs', 'e2fsck', 'fio', 'cmp', 'nbdsh', 'openssl'];
/** Stands between the outputs of blocks. */
const MARK = '\u001e';

/** A line of a page as a pattern: `…` stands for anything. */
function pattern(line: string): RegExp {
  const parts = line.trimEnd().split('…');
  return new RegExp(`^${parts.map((part) => part.replaceAll(/[.*+?^${}()|[\]\\]/g, String.raw`\$&`)).join('.*')}$`);
}

/** Every shown line occurs in the output, in the same order. */
function assertShows(where: string, shown: string, output: string): void {
  const lines = output.split('\n').map((line) => line.trimEnd());
  let at = 0;
  for (const expected of shown.split('\n').filter((line) => line.trim() !== '')) {
    const wanted = pattern(expected);
    const found = lines.findIndex((line, index) => index >= at && wanted.test(line));
    assert.ok(
      found >= 0,
      `${where} shows a line that the command did not print:\n  ${expected}\nIt printed:\n${output}`,
    );
    at = found + 1;
  }
}

async function missingTools(script: string): Promise<string[]> {
  const used = TOOLS.filter((tool) => new RegExp(`\\b${tool}\\b`).test(script));
  const found = await Promise.all(
    used.map((tool) => runProgram('sh', ['-c', `command -v ${tool}`]).then(({ code }) => code === 0)),
  );
  return used.filter((_tool, index) => found[index] !== true);
}

/** The shell of a user in the checkout: their own node and npx, none of ours before them. */
function userEnvironment(server: TestServer): NodeJS.ProcessEnv {
  const environment = toolEnvironment();
  const PATH = (environment['PATH'] ?? '').split(path.delimiter).filter((folder) => !folder.includes('node_modules'));
  return { ...environment, PATH: PATH.join(path.delimiter), SEALDISK_DATA_DIR: server.dataDirectory };
}

/** The options that a page starts its server with, in its block marked `serve`. */
function serveOptions(blocks: readonly CodeBlock[]): string[] {
  const [npx, sealdisk, serve, ...options] =
    blocks
      .find(({ attributes }) => attributes.has('serve'))
      ?.text.trim()
      .split(/\s+/) ?? [];
  if (npx !== undefined) assert.deepEqual([npx, sealdisk, serve], ['npx', 'sealdisk', 'serve']);
  return options;
}

async function follow(page: string, blocks: readonly CodeBlock[], server: TestServer): Promise<void> {
  const runnable = blocks.filter((block) => block.language === 'sh' && block.attributes.has('run'));
  const script = ['set -euo pipefail', ...runnable.map(({ text }) => `printf '\\n${MARK}\\n'\n${text}`)].join('\n');
  const environment = userEnvironment(server);
  const { code, stdout, stderr } = await runProgram('bash', ['-c', `cd ${REPOSITORY}\n${script}`], {
    env: environment,
  });
  const outputs = stdout.split(`\n${MARK}\n`).slice(1);
  const last = runnable[outputs.length - 1];
  assert.equal(code, 0, `${page}:${last?.line ?? 0} failed:\n${last?.text ?? ''}\n${outputs.at(-1) ?? ''}\n${stderr}`);
  assert.equal(outputs.length, runnable.length, 'every block was run');
  for (const [index, block] of blocks.entries()) {
    if (!block.attributes.has('output')) continue;
    const command = blocks.slice(0, index).findLast((earlier) => runnable.includes(earlier));
    assert.ok(command !== undefined, `${page}:${block.line} shows the output of nothing`);
    assertShows(`${page}:${block.line}`, block.text, outputs[runnable.indexOf(command)] ?? '');
  }
}

for (const page of PAGES) {
  const blocks = codeBlocks(readFileSync(page, 'utf8'));

  test(`what ${page} tells a user to run works, and prints what the page shows`, async (context) => {
    const script = blocks.filter(({ attributes }) => attributes.has('run')).map(({ text }) => text);
    assert.ok(script.length > 0, `${page} has no block marked \`run\``);
    const missing = await missingTools(script.join('\n'));
    if (missing.length > 0) {
      context.skip(`${missing.join(', ')} not installed`);
      return;
    }
    await using server = await TestServer.start({ args: serveOptions(blocks) });
    await follow(page, blocks, server);
    for (const block of blocks.filter(({ attributes }) => attributes.has('server-output'))) {
      assertShows(`${page}:${block.line}`, block.text, readFileSync(server.logFile, 'utf8'));
    }
  });

  test(`programs shown in ${page} are the files that it names`, () => {
    for (const { attributes, text, line } of blocks) {
      const file = attributes.get('file');
      if (file !== undefined) assert.equal(text, readFileSync(file, 'utf8'), `${page}:${line} differs from ${file}`);
    }
  });
}

test('README.zh-CN.md tells its readers to run what README.md does', () => {
  const runnable = (page: string): string[] =>
    codeBlocks(readFileSync(page, 'utf8'))
      .filter(({ attributes }) => attributes.has('run') || attributes.has('file'))
      .map(({ text }) => text);
  assert.ok(runnable('README.md').length > 0);
  assert.deepEqual(runnable('README.zh-CN.md'), runnable('README.md'));
});
