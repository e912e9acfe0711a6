import { loadLibgcrypt } from '../../src/crypto/libgcrypt.ts';
import { nodeCipherBackend } from '../../src/crypto/node-aead.ts';
import { aeadSuite } from './aead-suite.ts';

aeadSuite(nodeCipherBackend(), loadLibgcrypt());
