/** No answer came in time: nothing is known of what was sent. */
export class StoreSilent extends Error {
  readonly code = 'STORE_SILENT';
}

/** The server is a standby, or its database is set to be read only. */
export class StoreReadOnly extends Error {
  readonly code = '25006';
}

/** The server answers, but writes are not committed: a disk hangs, or a synchronous standby is gone. */
export class CommitsHang extends Error {
  readonly code = 'STORE_SILENT';
}
