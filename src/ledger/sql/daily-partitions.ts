/** A query for the daily partitions of a table: `name` and `day`. `table` is a literal or a parameter. */
export function dailyPartitions(table: string): string {
  return `SELECT c.relname AS name, to_date(right(c.relname, 8), 'YYYYMMDD') AS day
FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
WHERE i.inhparent = ${table}::regclass AND c.relname ~ '_[0-9]{8}$'`;
}

/** The partition of a day, `2026-03-08`. */
export function partitionName(table: string, day: string): string {
  return `${table}_${day.replaceAll('-', '')}`;
}
