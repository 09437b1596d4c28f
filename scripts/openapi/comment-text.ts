import type { AnyDesc, DescFile } from '@bufbuild/protobuf';
import { getComments } from '@bufbuild/protoplugin';

/** What the .proto file says of something, as Markdown; undefined: nothing. */
export function commentText(desc: Exclude<AnyDesc, DescFile>): string | undefined {
  const text = (getComments(desc).leading ?? '')
    .split('\n')
    .map((line) => line.replace(/^ /, '').trimEnd())
    .join('\n')
    .trim();
  return text === '' ? undefined : text;
}
