import { randomBytes } from 'node:crypto';

/** Names submissions, each once among all processes; of letters that no text has to escape. */
export function createSubmissions(): () => string {
  const process = randomBytes(9).toString('base64url');
  let count = 0;
  return () => {
    count += 1;
    return `${process}.${count.toString(36)}`;
  };
}
