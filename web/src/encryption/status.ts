// What the end-to-end encryption comes to: what frames do, and what the person
// is told. It knows no cryptography, so every page can load it.

import type { RoomView } from '../call/protocol'

/** What frames do: nothing that anybody could read goes out, in clear, or encrypted for the group. */
export type Mode = 'hold' | 'clear' | 'sealed'

export type Status =
  /** Nobody else is there. */
  | { kind: 'alone' }
  | { kind: 'setting_up' }
  | { kind: 'sealed'; words: string[] }
  /** `who`: the participants whose browsers cannot, or on whose side it did not start; or the node denies that ours can. */
  | { kind: 'clear'; because: 'browser' | 'setup' | 'server'; who: string[] }
  /**
   * Nothing is sent: the group does not come about, or is not who the state
   * shows, or the browser lets frames pass by the encryption.
   */
  | { kind: 'refused'; because: 'stalled' | 'mismatch' | 'bypassed' }

/** Why this page cannot encrypt: its browser lacks something, or it did not start. */
export type Inability = 'browser' | 'setup'

/** Those who are in the same place, whether their line holds or broke a moment ago. */
export function matesOf(view: RoomView): RoomView['participants'] {
  if (view.place === 'waiting' || view.state === 'ended') return []
  return view.participants.filter(({ place, encryption }) => place === view.place && encryption !== undefined)
}

/** What a page that cannot encrypt tells. */
export function withoutEncryption(view: RoomView, me: string, because: Inability): Status {
  const mates = matesOf(view)
  if (mates.length < 2) return { kind: 'alone' }
  const others = mates.filter(({ participant, encryption }) => participant !== me && encryption !== true)
  return { kind: 'clear', because, who: [me, ...others.map(({ participant }) => participant)] }
}
