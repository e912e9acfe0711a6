import { callAdmin } from '../../admin/admin-client.ts';
import { SystemError } from '../../base/errors.ts';
import { systemClock } from '../../base/system-clock.ts';
import type { Output } from '../output.ts';
import { readPassphrase } from '../passphrase.ts';
import { dataDirectoryOf } from '../server-location.ts';

/** Until the opened server has its disk server and its API. */
const READY_MS_MAX = 60_000;
const POLL_MS = 50;
const WANTS_PASSPHRASE = ['SEALED', 'ROOT_PASSPHRASE_WRONG'];

/** Opens a sealed server, and waits until it serves. */
export async function unseal(
  options: { readonly dataDir?: string; readonly passphraseFile?: string },
  output: Output,
): Promise<void> {
  const dataDirectory = dataDirectoryOf(options);
  const { sealed } = await callAdmin(dataDirectory, 'status', {});
  const needed = options.passphraseFile !== undefined || WANTS_PASSPHRASE.includes(sealed?.code ?? '');
  const passphrase =
    sealed !== undefined && needed ? await readPassphrase(options.passphraseFile, 'Passphrase') : undefined;
  try {
    const { provider } = await callAdmin(dataDirectory, 'unseal', {}, passphrase);
    await untilOpen(dataDirectory);
    output.result({ sealed: false, provider }, [
      sealed === undefined ? 'the server is open already' : `the server is open; its root key is kept by: ${provider}`,
    ]);
  } finally {
    passphrase?.fill(0);
  }
}

async function untilOpen(dataDirectory: string): Promise<void> {
  const endMs = systemClock.monotonicMs() + READY_MS_MAX;
  while ((await callAdmin(dataDirectory, 'status', {})).sealed !== undefined) {
    if (systemClock.monotonicMs() > endMs)
      throw new SystemError('unavailable', 'NOT_READY', 'the server was opened and does not serve yet; see its log');
    await systemClock.sleep(POLL_MS);
  }
}
