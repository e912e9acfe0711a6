import { dataPlaneSuite } from './data-plane-suite.ts';
import { realDiskServer } from './real-disk-server.ts';

dataPlaneSuite('a real disk server', realDiskServer);
