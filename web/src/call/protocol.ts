// What the page and the media node say to each other: the twin of
// `signaling/src/protocol.rs`, field for field. Only shapes and their reading
// live here; this file knows neither WebSocket nor page.
//
// What the node sends is checked before it is believed: a message that is not
// of this protocol is dropped, an unknown type comes from a newer node.

export const SUBPROTOCOL = 'visioplainte.v1'

export type Role = 'citizen' | 'officer' | 'lawyer' | 'companion' | 'interpreter' | 'supervisor'
export type Place = 'waiting' | 'in' | 'aside'
export type RoomState = 'open' | 'paused' | 'ended'
export type MediaKind = 'audio' | 'video' | 'screen'

export type ClientMessage =
  | { type: 'join'; token: string; resume?: string; can?: Can }
  | { type: 'answer'; negotiation: number; sdp: string }
  | { type: 'candidate'; candidate: string; mid: string | null; index: number | null }
  /** Another path for the same peer connection; `fresh` when that did not help. */
  | { type: 'restart_ice'; fresh?: true }
  | { type: 'media'; audio: boolean; video: boolean }
  | ({ type: 'seal'; to?: string } & Sealed)
  /** Asks to share the screen, or to stop; an offer follows if the seat may. */
  | { type: 'publish'; kind: 'screen'; on: boolean }
  /** How high the page shows somebody's image; 0 when it is hidden. */
  | { type: 'want'; participant: string; kind: 'video' | 'screen'; height: number }
  | { type: 'leave' }
  | { type: 'ping'; t: number }

/** What the browser can do beyond the basics: the newest version it knows of each ability. */
export interface Can {
  /** Of images, besides VP8. */
  codecs?: VideoCodec[]
  /** Redundant sound: 1 is RFC 2198 around Opus. */
  redundancy?: number
  /** Cameras in several sizes at once: 1 is two layers by rid. */
  simulcast?: number
  encryption?: number
}

export type VideoCodec = 'vp9' | 'h264' | 'av1'

export type SealKind = 'key_package' | 'commit' | 'application' | 'status'

/** One message of the end-to-end encryption; the node relays it and understands nothing of `payload`. */
export interface Sealed {
  kind: SealKind
  /** The group's own name; absent without a group. */
  group?: string
  epoch: number
  /** Base64, as is `welcome`. */
  payload: string
  welcome?: string
}

export interface Track {
  participant: string
  kind: MediaKind
}

export interface ParticipantView {
  participant: string
  role: Role
  label: string
  place: Place
  connected: boolean
  audio: boolean
  video: boolean
  /** What they mean to send and does not reach the node: their own way is broken, not ours. */
  silent?: MediaKind[]
  /** Whether they share their screen; absent when they do not. */
  screen?: boolean
  /** Whether their browser can encrypt end to end; absent while they hold no seat. */
  encryption?: boolean
}

export interface RoomView {
  type: 'state'
  version: number
  state: RoomState
  place: Place
  participants: ParticipantView[]
  hears: string[]
  /** Our way carries no image beside the voices at present; absent when it does. */
  narrow?: boolean
}

export interface Offer {
  type: 'offer'
  negotiation: number
  /** The node's peer connection is new: the page builds a new one too. */
  fresh: boolean
  sdp: string
  /** What each m-line carries, by mid; the page's own participant marks what it sends. */
  tracks: Record<string, Track>
}

export interface Quality {
  type: 'quality'
  rtt_ms: number | null
  loss_up: number
  loss_down: number
  bitrate_up: number
  bitrate_down: number
}

/** Voices pass before images: what to send at most, until told otherwise. */
export interface Limit {
  type: 'limit'
  kind: MediaKind
  /** `null`: as much as we like. */
  bits_per_second: number | null
}

export type ServerMessage =
  | { type: 'waiting'; participant: string; resume: string }
  | { type: 'joined'; participant: string; resume: string }
  | Offer
  | RoomView
  | Quality
  | Limit
  | ({ type: 'seal'; from: string } & Sealed)
  | { type: 'seal_refused'; group: string; epoch: number }
  | { type: 'refused'; code: number; retry: boolean }
  | { type: 'ended' }
  | { type: 'pong'; t: number }

/** What a close code asks of the page. */
export type AfterClose =
  /** Try again by itself, with back-off and a fresh token. */
  | 'retry'
  /** Tell the person, who may press "revenir". */
  | 'replaced'
  /** The hearing is over. */
  | 'ended'
  /** Nothing that the page can mend. */
  | 'refused'

/** RFC 6455's own codes and the node's; anything unknown is a broken line. */
export function afterClose(code: number): AfterClose {
  switch (code) {
    case 4400: // malformed
    case 4403: // not in the room
    case 4413: // message too large
      return 'refused'
    case 4409:
      return 'replaced'
    case 4410:
      return 'ended'
    default:
      // 1001 node stopping, 1006 line broken, 4401 token to be renewed, 4404 room not
      // yet pushed, 4408 heartbeat lost, 4429 too many messages, 4503 full.
      return 'retry'
  }
}

/** Reads what the node sent; `undefined` for what is not of this protocol. */
export function parseServerMessage(text: string): ServerMessage | undefined {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    return undefined
  }
  if (!isRecord(value)) return undefined
  switch (value.type) {
    case 'waiting':
    case 'joined':
      return isString(value.participant) && isString(value.resume) ? (value as ServerMessage) : undefined
    case 'offer':
      return isCount(value.negotiation) &&
        typeof value.fresh === 'boolean' &&
        isString(value.sdp) &&
        isRecord(value.tracks) &&
        Object.values(value.tracks).every(isTrack)
        ? (value as unknown as Offer)
        : undefined
    case 'state':
      return isCount(value.version) &&
        isOneOf(value.state, ['open', 'paused', 'ended']) &&
        isOneOf(value.place, places) &&
        Array.isArray(value.participants) &&
        value.participants.every(isParticipant) &&
        Array.isArray(value.hears) &&
        value.hears.every(isString) &&
        (value.narrow === undefined || typeof value.narrow === 'boolean')
        ? (value as unknown as RoomView)
        : undefined
    case 'quality':
      return (value.rtt_ms === null || value.rtt_ms === undefined || isNumber(value.rtt_ms)) &&
        [value.loss_up, value.loss_down, value.bitrate_up, value.bitrate_down].every(isNumber)
        ? ({ ...value, rtt_ms: value.rtt_ms ?? null } as Quality)
        : undefined
    case 'limit':
      return isOneOf(value.kind, ['audio', 'video', 'screen']) && (value.bits_per_second === null || value.bits_per_second === undefined || isCount(value.bits_per_second))
        ? ({ ...value, bits_per_second: value.bits_per_second ?? null } as Limit)
        : undefined
    case 'seal':
      return isString(value.from) &&
        isOneOf(value.kind, sealKinds) &&
        isCount(value.epoch) &&
        isString(value.payload) &&
        [value.group, value.welcome].every((part) => part === undefined || isString(part))
        ? (value as unknown as ServerMessage)
        : undefined
    case 'seal_refused':
      return isString(value.group) && isCount(value.epoch) ? (value as ServerMessage) : undefined
    case 'refused':
      return isCount(value.code) && typeof value.retry === 'boolean' ? (value as ServerMessage) : undefined
    case 'ended':
      return { type: 'ended' }
    case 'pong':
      return isNumber(value.t) ? { type: 'pong', t: value.t } : undefined
    default:
      return undefined
  }
}

const sealKinds = ['key_package', 'commit', 'application', 'status']
const places = ['waiting', 'in', 'aside']
const roles = ['citizen', 'officer', 'lawyer', 'companion', 'interpreter', 'supervisor']

function isParticipant(value: unknown): value is ParticipantView {
  return (
    isRecord(value) &&
    isString(value.participant) &&
    isOneOf(value.role, roles) &&
    isString(value.label) &&
    isOneOf(value.place, places) &&
    [value.connected, value.audio, value.video].every((flag) => typeof flag === 'boolean') &&
    (value.silent === undefined || (Array.isArray(value.silent) && value.silent.every((kind) => isOneOf(kind, ['audio', 'video'])))) &&
    [value.screen, value.encryption].every((flag) => flag === undefined || typeof flag === 'boolean')
  )
}

function isTrack(value: unknown): value is Track {
  return isRecord(value) && isString(value.participant) && isOneOf(value.kind, ['audio', 'video', 'screen'])
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function isString(value: unknown): value is string {
  return typeof value === 'string'
}

function isNumber(value: unknown): value is number {
  return typeof value === 'number' && Number.isFinite(value)
}

function isCount(value: unknown): value is number {
  return isNumber(value) && Number.isInteger(value) && value >= 0
}

function isOneOf(value: unknown, known: string[]): boolean {
  return typeof value === 'string' && known.includes(value)
}
