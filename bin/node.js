#!/usr/bin/env node
// Plain JavaScript, so that any Node can read it: runs a program of this repository on the pinned Node.
// `node_modules/.bin/node` is not enough: npm 10 removes that link together with the other platform's package.
import { spawn } from 'node:child_process';
import { createRequire } from 'node:module';
import path from 'node:path';
import process from 'node:process';

const NODE_MAJOR = 26;

function pinnedNode() {
  if (Number(process.versions.node.split('.')[0]) >= NODE_MAJOR) return process.execPath;
  try {
    return createRequire(import.meta.url).resolve(`node-${process.platform}-${process.arch}/bin/node`);
  } catch {
    process.stderr.write(
      `this needs Node ${NODE_MAJOR}; here is ${process.version} and the pinned one is not installed. ` +
        'Run `npm ci` first (Linux on x64 or arm64), or use a newer Node.\n',
    );
    return process.exit(1);
  }
}

const program = pinnedNode();
const child = spawn(program, ['--disable-warning=ExperimentalWarning', ...process.argv.slice(2)], {
  stdio: 'inherit',
  env: { ...process.env, PATH: [path.dirname(program), process.env.PATH].join(path.delimiter) },
});
for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP']) process.on(signal, () => child.kill(signal));
child.on('error', (error) => {
  process.stderr.write(`cannot start ${program}: ${error.message}\n`);
  process.exit(1);
});
child.on('exit', (code, signal) => {
  if (signal === null) process.exit(code ?? 1);
  process.removeAllListeners(signal);
  process.kill(process.pid, signal);
});
