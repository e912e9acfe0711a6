import type { NewAccount } from '../admin/admin-protocol.ts';

/** What the command line is handed by bin/sealdisk.js, since only the composition root builds servers. */
export interface Composition {
  /** Runs until the server is asked to stop. */
  serve(options: {
    readonly dataDir?: string;
    readonly listen?: string;
    readonly nbdListen?: string;
    readonly nbdCertificate?: string;
    readonly nbdKey?: string;
    readonly nbdClientCa?: string;
    readonly keepExports?: boolean;
  }): Promise<void>;
  /** Creates an account in a data directory that no server has open. */
  createAccountOffline(options: { readonly dataDirectory: string; readonly region?: string }): Promise<NewAccount>;
}
