/**
 * Decides which machine of a fleet makes a file. A lease that is not renewed ends by itself, so that a machine that dies is
 * replaced.
 *
 * A lease only saves work: two makers at the same time do no harm.
 */
export interface KeptLeases {
  /**
   * Takes the lease of a key, if it is free. Returns false if another holder has it.
   *
   * @param holder identifies this making
   * @param life milliseconds after which the lease ends, unless it is renewed
   */
  take(key: string, holder: string, life: number): Promise<boolean>;
  /** Starts the life of the lease anew. Returns false if the holder no longer has it. */
  renew(key: string, holder: string, life: number): Promise<boolean>;
  /** Ends the lease, if the holder has it. */
  release(key: string, holder: string): Promise<void>;
  /** Ends the lease of any holder: the file was deleted while it was made. */
  revoke(key: string): Promise<void>;
}
