// Which of the call's states a person is shown. One pure function, so that the
// words on the screen can be read off a table in the tests.

import type { Phase } from './connection'
import type { RoomView } from './protocol'

export type Shown = 'test' | 'connecting' | 'waiting' | 'in' | 'paused' | 'reconnecting' | 'ended' | 'refused'

export interface Standing {
  /** `undefined` until the person asks to join. */
  phase: Phase | undefined
  view: RoomView | undefined
  /** Whether this page has been seated before: the first try is no "re"connection. */
  seatedOnce: boolean
  /** Media should come and does not. */
  mediaLost: boolean
  /** The line to the node holds, and several peer connections came to nothing: the network lets no media through. */
  mediaBlocked: boolean
}

export function shown({ phase, view, seatedOnce, mediaLost }: Standing): Shown {
  if (phase === undefined) return 'test'
  switch (phase.kind) {
    case 'over':
      return phase.why === 'refused' ? 'refused' : 'ended'
    case 'connecting':
      return 'connecting'
    case 'reconnecting':
      return seatedOnce ? 'reconnecting' : 'connecting'
    case 'seated':
      if (view === undefined) return 'connecting'
      if (view.state === 'ended') return 'ended'
      if (view.place === 'waiting') return 'waiting'
      if (view.state === 'paused') return 'paused'
      return mediaLost ? 'reconnecting' : 'in'
  }
}

/** The key of the sentence that tells a person where they stand. */
export function statusKey(standing: Standing, state: Shown, me: string | undefined): string {
  const { phase, view } = standing
  if (phase?.kind === 'over') {
    if (phase.why === 'refused') return `refused-${phase.code}`
    return `status-${phase.why}`
  }
  if (phase?.kind === 'reconnecting' && phase.full) return 'status-full'
  if (phase?.kind === 'reconnecting' && phase.attempt >= 5) return `status-${state}-long`
  if (state === 'reconnecting' && phase?.kind === 'seated' && standing.mediaBlocked) return 'status-blocked'
  if (state === 'in' && view !== undefined) {
    if (view.place === 'aside') return 'status-aside'
    const others = view.participants.filter(({ participant, place }) => participant !== me && place !== 'waiting')
    if (!others.some(({ connected }) => connected)) return 'status-alone'
  }
  return `status-${state}`
}
