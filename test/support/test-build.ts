/**
 * A build for tests: the sources in a folder of their own, with some files changed. So the programs that users run need
 * no switch that could weaken them.
 */
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

import { REPOSITORY } from './start-server.ts';

export class TestBuild implements Disposable {
  readonly root: string;

  /** @param extra more folders of the repository than the programs need, `test` for example. */
  constructor(extra: readonly string[] = []) {
    this.root = mkdtempSync(path.join(tmpdir(), 'sealdisk-build-'));
    for (const name of ['bin', 'src', 'package.json', ...extra])
      cpSync(path.join(REPOSITORY, name), path.join(this.root, name), { recursive: true });
    symlinkSync(path.join(REPOSITORY, 'node_modules'), path.join(this.root, 'node_modules'));
  }

  /** The `sealdisk` program. */
  get sealdisk(): string {
    return path.join(this.root, 'bin', 'sealdisk.js');
  }

  read(file: string): string {
    return readFileSync(path.join(this.root, file), 'utf8');
  }

  write(file: string, text: string): void {
    writeFileSync(path.join(this.root, file), text);
  }

  [Symbol.dispose](): void {
    rmSync(this.root, { recursive: true, force: true });
  }
}

/** Both programs, with every seal written to `ledger`. */
export function ledgeredBuild(ledger: string): TestBuild {
  const build = new TestBuild();
  build.write('src/crypto/real-cipher-backend.ts', build.read('src/crypto/cipher-backend.ts'));
  const from = path.join(import.meta.dirname, 'process-ledger.ts');
  build.write(
    'src/crypto/cipher-backend.ts',
    `import { ledgered } from '${from}';
import { selectCipherBackend as select } from './real-cipher-backend.ts';
export { selfTest } from './real-cipher-backend.ts';
export const selectCipherBackend = (log) => ledgered(select(log), '${ledger}');
`,
  );
  return build;
}
