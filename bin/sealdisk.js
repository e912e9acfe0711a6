#!/usr/bin/env node
// Plain JavaScript, so that any Node can read it: finds the pinned Node, then hands over to src/cli/main.ts.
import { spawn } from 'node:child_process';
import { createRequire } from 'node:module';
import process from 'node:process';
import { fileURLToPath } from 'node:url';

const NODE_MAJOR = 26;

if (Number(process.versions.node.split('.')[0]) >= NODE_MAJOR) {
  const { main } = await import('../src/cli/main.ts');
  process.exitCode = await main(process.argv.slice(2), {
    serve: async (options) => (await import('../src/main.ts')).serve(options),
    fsck: async (options) => (await import('../src/fsck.ts')).fsck(options),
    verifyAuditOffline: async (options) => (await import('../src/audit-offline.ts')).verifyAuditOffline(options),
    auditAnchorOffline: async (options) => (await import('../src/audit-offline.ts')).auditAnchorOffline(options),
    createAccountOffline: async (options) => (await import('../src/main.ts')).createAccountOffline(options),
    checkPolicy: async (text, kind) => (await import('../src/ram/policy/check.ts')).checkPolicy(text, kind),
  });
} else {
  let pinned;
  try {
    pinned = createRequire(import.meta.url).resolve(`node-${process.platform}-${process.arch}/bin/node`);
  } catch {
    process.stderr.write(
      `sealdisk needs Node ${NODE_MAJOR}; this is ${process.version} and the pinned one is not installed. ` +
        'Run `npm ci` in the folder of sealdisk (Linux on x64 or arm64), or start it with a newer Node.\n',
    );
    process.exit(1);
  }
  const child = spawn(
    pinned,
    ['--disable-warning=ExperimentalWarning', fileURLToPath(import.meta.url), ...process.argv.slice(2)],
    {
      stdio: 'inherit',
      // The kernel then ends the child with this process, even when this one is killed.
      env: { ...process.env, SEALDISK_STARTED_BY: String(process.pid) },
    },
  );
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP']) process.on(signal, () => child.kill(signal));
  child.on('error', (error) => {
    process.stderr.write(`sealdisk cannot start ${pinned}: ${error.message}\n`);
    process.exit(1);
  });
  child.on('exit', (code, signal) => {
    if (signal === null) process.exit(code ?? 1);
    process.removeAllListeners(signal);
    process.kill(process.pid, signal);
  });
}
