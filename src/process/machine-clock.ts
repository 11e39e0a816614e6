/** Monotonic ms, the same in all processes of a machine (CLOCK_MONOTONIC). https://nodejs.org/api/process.html#processhrtimebigint */
export const machineNow = (): number => Number(process.hrtime.bigint()) / 1e6;
