// How long to wait before the next try: short at first, since most breaks are
// short, then longer, never in step with the other pages that lost the same
// node. Pure: chance is an argument.

const FIRST_MS = 200
const MOST_MS = 4000

/** Milliseconds to wait before try number `attempt` (0 is the first); `chance` is in [0, 1). */
export function retryDelay(attempt: number, chance: number): number {
  const whole = Math.min(MOST_MS, FIRST_MS * 2 ** Math.min(attempt, 10))
  return Math.round(whole / 2 + (whole / 2) * chance)
}
