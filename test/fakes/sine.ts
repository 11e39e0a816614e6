/** A sine of any pitch, length, phase (radians) and amplitude (of 32767). */
export function sine(hz: number, sampleRate: number, ms: number, phase: number, amplitude: number): Int16Array {
  const step = (2 * Math.PI * hz) / sampleRate;
  return Int16Array.from({ length: (sampleRate * ms) / 1000 }, (_, i) =>
    Math.round(amplitude * Math.sin(phase + i * step)),
  );
}
