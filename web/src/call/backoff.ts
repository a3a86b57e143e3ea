// How long to wait before the next try: not at all at first, since most breaks
// are short, then longer, never in step with the other pages that lost the same
// node. Pure: chance is an argument. The twin of `participant/src/backoff.rs`.

const FIRST_MS = 200
const MOST_MS = 4000

/** Milliseconds to wait before try number `attempt` (0 follows a line that held); `chance` is in [0, 1). */
export function retryDelay(attempt: number, chance: number): number {
  if (attempt === 0) return 0
  const whole = Math.min(MOST_MS, FIRST_MS * 2 ** Math.min(attempt - 1, 10))
  return Math.round(whole / 2 + (whole / 2) * chance)
}
