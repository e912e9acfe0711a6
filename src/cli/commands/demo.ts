import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

import { SystemError } from '../../base/errors.ts';
import type { Output } from '../output.ts';

/** Runs the demonstration of the checkout; answers its exit code. */
export async function demo(output: Output): Promise<number> {
  const script = fileURLToPath(new URL('../../../scripts/demo.ts', import.meta.url));
  if (!existsSync(script))
    throw new SystemError('not-found', 'NO_DEMO', 'the demonstration is part of the source checkout; run it there');
  const child = spawn(process.execPath, [script, ...(output.json ? ['--json'] : [])], { stdio: 'inherit' });
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', (code) => resolve(code ?? 1));
  });
}
