import { callAdmin, isNotRunning } from '../../admin/admin-client.ts';
import type { NewAccount } from '../../admin/admin-protocol.ts';
import type { Composition } from '../composition.ts';
import type { Output } from '../output.ts';
import { dataDirectoryOf } from '../server-location.ts';

export async function accountCreate(
  options: { readonly dataDir?: string; readonly region?: string },
  composition: Composition,
  output: Output,
): Promise<void> {
  const dataDirectory = dataDirectoryOf(options);
  const region = options.region === undefined ? {} : { region: options.region };
  print(
    await callAdmin(dataDirectory, 'createAccount', region).catch((error: unknown) => {
      if (!isNotRunning(error)) throw error;
      return composition.createAccountOffline({ dataDirectory, ...region });
    }),
    output,
  );
}

export async function accountAccessKey(
  accountId: string,
  options: { readonly dataDir?: string },
  output: Output,
): Promise<void> {
  print(await callAdmin(dataDirectoryOf(options), 'createAccessKey', { accountId }), output);
}

function print(account: NewAccount, output: Output): void {
  output.result(account, [
    `account           ${account.accountId}`,
    `AccessKey id      ${account.accessKeyId}`,
    `AccessKey secret  ${account.accessKeySecret}   (shown this once)`,
  ]);
}
