/** As much of SQLite compiled to WebAssembly as the tests use: the package has no types of its own. */
declare module "sql.js" {
  export type SqlValue = number | string | Uint8Array | null;

  interface Statement {
    bind(values: SqlValue[]): boolean;
    step(): boolean;
    getAsObject(): Record<string, SqlValue>;
    getColumnNames(): string[];
    free(): boolean;
  }

  interface Database {
    prepare(sql: string): Statement;
    getRowsModified(): number;
    close(): void;
  }

  const initSqlJs: () => Promise<{ Database: new () => Database }>;
  export default initSqlJs;
}
