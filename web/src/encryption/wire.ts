// What the page and the encryption's worker say to each other.

import type { RoomView, Sealed } from '../call/protocol'
import type { Turn } from './guard'
import type { Box } from './sealed-box'
import type { Outgoing } from './session'
import type { Status } from './status'

export type ToWorker =
  /** The line to the node is new. */
  | { type: 'line'; me: string }
  | { type: 'room'; view: RoomView }
  | { type: 'heard'; from: string; message: Sealed }
  | { type: 'seal_refused'; group: string; epoch: number }
  /** Whose frames may come on each line, by mid. */
  | { type: 'lines'; participants: Record<string, string> }
  | { type: 'close' }
  | { type: 'seal'; id: number; kind: string; plain: Uint8Array<ArrayBuffer> }
  | { type: 'open'; id: number; kind: string; sender: string; box: Box }

export type FromWorker =
  /** The first word: whether the browser has all that is needed. */
  | { type: 'ready'; able: boolean }
  | { type: 'send'; message: Outgoing }
  | { type: 'show'; status: Status; epoch: number | undefined }
  | { type: 'sealed'; id: number; box: Box | undefined }
  | { type: 'opened'; id: number; plain: Uint8Array<ArrayBuffer> | undefined }
  /** What became of all frames since the start, and how many came by on which lines. */
  | { type: 'measured'; counts: Record<'sealed' | 'opened' | 'passed' | 'held' | 'refused', number>; turned: Record<Turn, number> }

/** What a transform is told when it is made. */
export type TransformOptions = { side: 'out'; kind: 'audio' | 'video' } | { side: 'in'; kind: 'audio' | 'video'; mid: string }
