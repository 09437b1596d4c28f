/** The database's clock, in whole milliseconds since 1970, rounded down. */
export const databaseNowMs = 'floor(extract(epoch FROM clock_timestamp()) * 1000)::bigint';
