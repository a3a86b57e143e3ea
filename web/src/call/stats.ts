// What the browser measures of a call, read once a second: a small sample made
// of the long `getStats` report, the words for it, and what should come. All pure.

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

/**
 * The received m-lines on which something should come just now: mute is not
 * silence. `hides`: whose image the page told the node not to send.
 */
export function expectedLines(view: RoomView | undefined, tracks: Record<string, Track>, hides: (participant: string) => boolean): Map<string, MediaKind> {
  const expected = new Map<string, MediaKind>()
  if (view === undefined || view.state !== 'open' || view.place === 'waiting') return expected
  for (const [mid, { participant, kind }] of Object.entries(tracks)) {
    // A shared screen may well stand still.
    if (kind === 'screen') continue
    // What the node holds back, for us or for our way, is not missing.
    if (kind === 'video' && (view.narrow === true || hides(participant))) continue
    const sender = view.participants.find((other) => other.participant === participant)
    // What does not reach the node is not missing for a fault of ours.
    const comes = sender?.connected === true && sender[kind] && sender.silent?.includes(kind) !== true
    if (comes && view.hears.includes(participant)) expected.set(mid, kind)
  }
  return expected
}
