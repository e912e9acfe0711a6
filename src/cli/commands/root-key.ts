import { callAdmin } from '../../admin/admin-client.ts';
import type { RootKeyStatus } from '../../admin/admin-protocol.ts';
import { SystemError } from '../../base/errors.ts';
import { systemClock } from '../../base/system-clock.ts';
import type { Output } from '../output.ts';
import { readNewPassphrase } from '../passphrase.ts';
import { dataDirectoryOf } from '../server-location.ts';

const POLL_MS = 100;

interface RotateOptions {
  readonly dataDir?: string;
  readonly passphraseFile?: string;
  /** False: do not wait until everything is sealed anew. */
  readonly wait: boolean;
}

export async function rootKeyStatus(options: { readonly dataDir?: string }, output: Output): Promise<void> {
  const status = await callAdmin(dataDirectoryOf(options), 'rootKey', {});
  output.result(status, linesOf(status));
}

/** A new root key with the same provider. */
export async function rotateRootKey(options: RotateOptions, output: Output): Promise<void> {
  const dataDirectory = dataDirectoryOf(options);
  const { provider } = await callAdmin(dataDirectory, 'rootKey', {});
  await rotate(dataDirectory, {}, provider === 'passphrase', options, output);
}

/** A new root key with another provider. */
export async function moveRootKey(options: RotateOptions & { readonly to: string }, output: Output): Promise<void> {
  await rotate(dataDirectoryOf(options), { to: options.to }, options.to === 'passphrase', options, output);
}

async function rotate(
  dataDirectory: string,
  input: { readonly to?: string },
  wantsPassphrase: boolean,
  options: RotateOptions,
  output: Output,
): Promise<void> {
  const passphrase = wantsPassphrase
    ? await readNewPassphrase(options.passphraseFile, 'Passphrase from now on')
    : undefined;
  let status: RootKeyStatus;
  try {
    status = await callAdmin(dataDirectory, 'rotateRootKey', input, passphrase);
  } finally {
    passphrase?.fill(0);
  }
  output.note(`the root key is ${status.rootKeyId} from now on, kept by: ${status.provider}`);
  while (options.wait && isRunning(status)) {
    await systemClock.sleep(POLL_MS);
    status = await callAdmin(dataDirectory, 'rootKey', {});
  }
  if (options.wait && status.resealing.state === 'waiting')
    throw new SystemError(
      'unavailable',
      'RESEALING_WAITS',
      `the new root key holds, but not everything is sealed under new store keys yet: ${status.resealing.reason ?? ''}; the server goes on trying`,
    );
  output.result(status, linesOf(status));
}

const isRunning = ({ resealing, storeKeys }: RootKeyStatus): boolean =>
  resealing.state === 'running' || (resealing.state === 'done' && storeKeys.length > 3);

function linesOf({ provider, rootKeyId, created, storeKeys, resealing }: RootKeyStatus): string[] {
  const { state, keyFiles, rows, reason } = resealing;
  return [
    `root key   ${rootKeyId}   kept by ${provider}   since ${created}`,
    `store keys ${storeKeys.map(({ number, purpose }) => `${number} (${purpose})`).join(', ')}`,
    `resealing  ${state}: ${keyFiles} key files, ${rows} rows${reason === undefined ? '' : `; ${reason}`}`,
  ];
}
