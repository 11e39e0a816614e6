/** Ms of the machine's monotonic clock: what one process measured can be compared with what another did. */
export function machineMs(): number {
  return Number(process.hrtime.bigint()) / 1e6;
}
