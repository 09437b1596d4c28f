/** A text[] as PostgreSQL reads it from text. Names have no control characters, so JSON's quoting serves. */
export function arrayLiteral(names: readonly string[]): string {
  return `{${names.map((name) => JSON.stringify(name)).join(',')}}`;
}
