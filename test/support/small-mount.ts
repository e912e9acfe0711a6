/** A file system of a few megabytes of its own, to be filled up. Needs root. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

export class SmallMount implements Disposable {
  readonly path: string;

  private constructor(directory: string) {
    this.path = directory;
  }

  /** Undefined where this user may not mount. */
  static make(options: string): SmallMount | undefined {
    const directory = mkdtempSync(path.join(tmpdir(), 'sealdisk-mount-'));
    const { status } = spawnSync('mount', ['-t', 'tmpfs', '-o', options, 'sealdisk-test', directory], {
      stdio: 'ignore',
    });
    if (status === 0) return new SmallMount(directory);
    rmdirSync(directory);
    return undefined;
  }

  [Symbol.dispose](): void {
    spawnSync('umount', ['-l', this.path], { stdio: 'ignore' });
    rmdirSync(this.path);
  }
}

function canMount(): boolean {
  const mount = SmallMount.make('size=1m');
  mount?.[Symbol.dispose]();
  return mount !== undefined;
}

/** Why tests that mount are skipped, or false. */
export const SKIP_MOUNT: string | false = canMount() ? false : 'only root may mount a file system';
