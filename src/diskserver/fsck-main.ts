/**
 * Checks or rebuilds one disk and ends: the part of `sealdisk fsck` that holds the plaintext data key, and nothing else.
 * One request on standard input, framed as in src/dataplane/protocol.ts; one line of JSON on standard output.
 */
import { messageOf, SystemError } from '../base/errors.ts';
import { systemClock } from '../base/system-clock.ts';
import { forbidMemoryDumps, machineId } from '../base/system-host.ts';
import { systemRandom } from '../base/system-random.ts';
import type { Logger } from '../base/log.ts';
import type { Environment } from '../block/disk.ts';
import { checkDisk } from '../block/fsck.ts';
import { localFiles } from '../block/files/local-files.ts';
import { rebuildDisk } from '../block/rebuild-disk.ts';
import { selectCipherBackend } from '../crypto/cipher-backend.ts';
import type { FsckRequest } from '../dataplane/fsck-request.ts';
import { MessageReader } from '../dataplane/protocol.ts';

/** What is found is in the answer; the log would say it twice. */
const quiet: Logger = { debug() {}, info() {}, warn() {}, error() {} };

async function run(request: FsckRequest): Promise<object> {
  const env: Environment = {
    files: localFiles,
    clock: systemClock,
    random: systemRandom,
    cipher: selectCipherBackend(quiet),
    log: quiet,
    machineId: machineId(),
  };
  const { dataKey } = request;
  try {
    if (!request.rebuild) return await checkDisk(env, { ...request, diskId: request.identity.diskId });
    if (dataKey === undefined) throw new SystemError('invalid', 'NO_KEY', 'a rebuild needs the key');
    return await rebuildDisk(env, { ...request, dataKey });
  } finally {
    dataKey?.key.fill(0);
  }
}

async function readRequest(): Promise<FsckRequest> {
  const reader = new MessageReader();
  for await (const chunk of process.stdin) {
    const [message] = reader.push(chunk as Uint8Array);
    if (message !== undefined) return message as FsckRequest;
  }
  throw new SystemError('invalid', 'USAGE', 'this is a part of `sealdisk fsck`, which starts it');
}

process.umask(0o077);
forbidMemoryDumps();
readRequest()
  .then(run)
  .then(
    (result) => process.stdout.write(`${JSON.stringify({ result })}\n`),
    (error: unknown) => {
      const { kind, code } = error instanceof SystemError ? error : { kind: 'internal', code: 'INTERNAL' };
      process.stdout.write(`${JSON.stringify({ error: { kind, code, message: messageOf(error) } })}\n`);
    },
  )
  .finally(() => process.stdin.destroy());
