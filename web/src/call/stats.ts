// What the browser measures of a call, read once a second: a small sample made
// of the long `getStats` report, the words for it, and the watchdog that says
// when media has stopped although it should come. All pure; time is an argument.

import type { MediaKind, Quality, RoomView, Track } from './protocol'

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

/** The received m-lines on which something should come just now: mute is not silence. */
export function expectedLines(view: RoomView | undefined, tracks: Record<string, Track>): Map<string, MediaKind> {
  const expected = new Map<string, MediaKind>()
  if (view === undefined || view.state !== 'open' || view.place === 'waiting') return expected
  for (const [mid, { participant, kind }] of Object.entries(tracks)) {
    // A shared screen may well stand still.
    if (kind === 'screen') continue
    const sender = view.participants.find((other) => other.participant === participant)
    if (sender?.connected === true && sender[kind] && view.hears.includes(participant)) expected.set(mid, kind)
  }
  return expected
}

/** Nothing at all on our transport for so long: our own way to the node is broken. */
const TRANSPORT_SILENCE_MS = 1000
/** The transport lives but a line is silent: slower to judge, since the fault may
    be the other's, and slower for images, which a poor network may hold back. */
const LINE_SILENCE_MS: Record<MediaKind, number> = { audio: 3000, video: 6000, screen: Infinity }
/** How long a restart is given before the next; it doubles each time in vain. */
const FIRST_REST_MS = 3000
const LONGEST_REST_MS = 48000
/** Once every line has flowed for so long after a restart, the next break is a new one. */
const FORGIVEN_MS = 3000

/** Says when to ask the node for a new path, from the bytes that came. */
export class Watchdog {
  private readonly lines = new Map<string, { bytes: number; at: number }>()
  private transport = { bytes: -1, at: 0 }
  /** Lines on which something came since the last restart. */
  private readonly flowed = new Set<string>()
  private restartedAt = -Infinity
  private restMs = 0

  /** True when a restart is to be asked for now. */
  observe(now: number, expected: Map<string, MediaKind>, sample: Pick<Sample, 'transportBytes' | 'byMid'>): boolean {
    if (sample.transportBytes !== this.transport.bytes || expected.size === 0) this.transport = { bytes: sample.transportBytes, at: now }
    for (const mid of [...this.lines.keys()]) if (!expected.has(mid)) this.lines.delete(mid)
    let silent = now - this.transport.at >= TRANSPORT_SILENCE_MS
    for (const [mid, kind] of expected) {
      const bytes = sample.byMid.get(mid)?.bytes ?? 0
      const line = this.lines.get(mid)
      if (line !== undefined && bytes > line.bytes) this.flowed.add(mid)
      if (line === undefined || line.bytes !== bytes) this.lines.set(mid, { bytes, at: now })
      else if (now - line.at >= LINE_SILENCE_MS[kind]) silent = true
    }
    if (!silent) {
      const healthy = expected.size > 0 && [...expected.keys()].every((mid) => this.flowed.has(mid))
      if (healthy && now - this.restartedAt >= FORGIVEN_MS) this.restMs = 0
      return false
    }
    if (now - this.restartedAt < this.restMs) return false
    this.restarted(now)
    return true
  }

  /** A restart was asked for, here or elsewhere: leave it time. */
  restarted(now: number): void {
    this.restMs = this.restMs === 0 ? FIRST_REST_MS : Math.min(LONGEST_REST_MS, this.restMs * 2)
    this.restartedAt = now
    this.transport.at = now
    this.lines.clear()
    this.flowed.clear()
  }
}
