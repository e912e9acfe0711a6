/**
 * What node:http alone does on this machine: it looks at nothing but the name of the operation and answers as many bytes
 * as Sealdisk does. `node bare-server.ts '{"DescribeKey":{"head":[["content-type","…"]],"length":400}}'` prints its port.
 */
import { createServer } from 'node:http';

interface Answer {
  readonly head: readonly (readonly [string, string])[];
  readonly length: number;
}

const answers = new Map(
  Object.entries(JSON.parse(process.argv[2] ?? '{}') as Record<string, Answer>).map(([action, { head, length }]) => [
    action,
    { head: Object.fromEntries(head), body: 'x'.repeat(length) },
  ]),
);

const server = createServer((request, response) => {
  const answer = answers.get(String(request.headers['x-acs-action']));
  response.writeHead(answer === undefined ? 404 : 200, answer?.head ?? {});
  response.end(answer?.body);
});
server.keepAliveTimeout = 60_000;
server.listen(0, '127.0.0.1', () => {
  const address = server.address();
  if (typeof address === 'object' && address !== null) process.stdout.write(`port ${address.port}\n`);
});
