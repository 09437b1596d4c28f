/** The lane of an organization: the same in every process with as many lanes. FNV-1a over UTF-16 units. */
export function laneOf(orgId: string, lanes: number): number {
  let hash = 0x811c9dc5;
  for (let index = 0; index < orgId.length; index += 1) {
    hash = Math.imul(hash ^ orgId.charCodeAt(index), 0x01000193) >>> 0;
  }
  return hash % lanes;
}
