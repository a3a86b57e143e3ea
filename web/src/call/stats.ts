// What the browser measures of a call, read once a second: a small sample made
// of the long `getStats` report, the words for it, and the watchdog that says
// when media has stopped although it should come. All pure; time is an argument.

import type { Quality, RoomView } from './protocol'

export interface TrackSample {
  bytes: number
  packets: number
  lost: number
  framesDecoded: number
  /** Sum of squared loudness since the start (RTCInboundRtpStreamStats.totalAudioEnergy). */
  audioEnergy: number
  frameWidth: number
  frameHeight: number
  freezes: number
}

export interface Sample {
  /** Received media by mid. */
  byMid: Map<string, TrackSample>
  /** All bytes received on the transport, RTCP included where the browser says so. */
  transportBytes: number
  /** Bytes of received media. */
  mediaBytes: number
  bytesSent: number
  rttMs: number | null
  /** The node's address of the pair in use, "address:port/protocol", for tests and support. */
  selectedCandidate: string
  /** "host", "srflx", "prflx" or "relay": how our own side reaches it. */
  localCandidateType: string
}

type Entry = Record<string, unknown> & { type: string; id: string }

/** Reads a report; entries that a browser does not give count as zero. */
export function readStats(report: Iterable<[string, unknown]>): Sample {
  const entries = new Map<string, Entry>()
  for (const [id, entry] of report) entries.set(id, entry as Entry)
  const sample: Sample = {
    byMid: new Map(),
    transportBytes: 0,
    mediaBytes: 0,
    bytesSent: 0,
    rttMs: null,
    selectedCandidate: '',
    localCandidateType: '',
  }
  for (const entry of entries.values()) {
    if (entry.type !== 'inbound-rtp') continue
    const track: TrackSample = {
      bytes: number(entry.bytesReceived),
      packets: number(entry.packetsReceived),
      lost: number(entry.packetsLost),
      framesDecoded: number(entry.framesDecoded),
      audioEnergy: number(entry.totalAudioEnergy),
      frameWidth: number(entry.frameWidth),
      frameHeight: number(entry.frameHeight),
      freezes: number(entry.freezeCount),
    }
    sample.mediaBytes += track.bytes
    if (typeof entry.mid === 'string') sample.byMid.set(entry.mid, track)
  }
  const pair = selectedPair(entries)
  if (pair !== undefined) {
    sample.transportBytes = number(pair.bytesReceived)
    sample.bytesSent = number(pair.bytesSent)
    if (typeof pair.currentRoundTripTime === 'number') sample.rttMs = Math.round(pair.currentRoundTripTime * 1000)
    const remote = entries.get(String(pair.remoteCandidateId))
    const local = entries.get(String(pair.localCandidateId))
    if (remote !== undefined) sample.selectedCandidate = `${String(remote.address ?? remote.ip ?? '')}:${String(remote.port ?? '')}/${String(remote.protocol ?? '')}`
    if (local !== undefined) sample.localCandidateType = String(local.candidateType ?? '')
  }
  sample.transportBytes = Math.max(sample.transportBytes, sample.mediaBytes)
  return sample
}

function selectedPair(entries: Map<string, Entry>): Entry | undefined {
  for (const entry of entries.values()) {
    if (entry.type === 'transport' && typeof entry.selectedCandidatePairId === 'string') {
      const pair = entries.get(entry.selectedCandidatePairId)
      if (pair !== undefined) return pair
    }
  }
  // Firefox marks the pair itself.
  for (const entry of entries.values()) {
    if (entry.type === 'candidate-pair' && (entry.selected === true || (entry.nominated === true && entry.state === 'succeeded'))) return entry
  }
  return undefined
}

function number(value: unknown): number {
  return typeof value === 'number' && Number.isFinite(value) ? value : 0
}

export type QualityWord = 'unknown' | 'good' | 'medium' | 'poor'

/** One word for a connection, from what the node measured over the last seconds. */
export function qualityWord(quality: Quality | undefined): QualityWord {
  if (quality === undefined) return 'unknown'
  const loss = Math.max(quality.loss_up, quality.loss_down)
  const rtt = quality.rtt_ms ?? 0
  if (loss >= 0.1 || rtt >= 600) return 'poor'
  if (loss >= 0.03 || rtt >= 300) return 'medium'
  return 'good'
}

/** Whether the room's state says that someone we hear sends sound or image just now. */
export function mediaIsExpected(view: RoomView | undefined): boolean {
  if (view === undefined || view.state !== 'open' || view.place === 'waiting') return false
  return view.participants.some(
    ({ participant, connected, audio, video }) => connected && (audio || video) && view.hears.includes(participant),
  )
}

/** Nothing at all on our transport for so long: our own way to the node is broken. */
const TRANSPORT_SILENCE_MS = 1000
/** The transport lives but no media comes: slower to judge, since the fault may be the other's. */
const MEDIA_SILENCE_MS = 5000
/** How long a restart is given before the next; it doubles each time in vain. */
const FIRST_REST_MS = 3000
const LONGEST_REST_MS = 24000

/**
 * Says when to ask the node for a new path. Mute is not silence: the caller
 * tells whether anything is expected at all.
 */
export class Watchdog {
  private transportBytes = -1
  private mediaBytes = -1
  private transportAt = 0
  private mediaAt = 0
  private restUntil = 0
  private restMs = FIRST_REST_MS

  /** True when a restart is to be asked for now. */
  observe(now: number, expected: boolean, sample: Pick<Sample, 'transportBytes' | 'mediaBytes'>): boolean {
    if (sample.mediaBytes !== this.mediaBytes || !expected) {
      if (sample.mediaBytes > this.mediaBytes && this.mediaBytes >= 0) this.restMs = FIRST_REST_MS
      this.mediaAt = now
    }
    if (sample.transportBytes !== this.transportBytes || !expected) this.transportAt = now
    this.mediaBytes = sample.mediaBytes
    this.transportBytes = sample.transportBytes
    if (!expected || now < this.restUntil) return false
    if (now - this.transportAt < TRANSPORT_SILENCE_MS && now - this.mediaAt < MEDIA_SILENCE_MS) return false
    this.rested(now)
    return true
  }

  /** A restart was asked for, here or elsewhere: leave it time. */
  rested(now: number): void {
    this.restUntil = now + this.restMs
    this.restMs = Math.min(LONGEST_REST_MS, this.restMs * 2)
    this.transportAt = now
    this.mediaAt = now
  }
}
