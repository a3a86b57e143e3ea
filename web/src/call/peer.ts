// One peer connection with the node: answers its offers, sends our sound and
// image, hands out what others send. Only the node offers, so there is no
// glare; a `fresh` offer replaces the whole connection.
//
// It knows the protocol's offers and the browser's WebRTC, not the page.

import type { MediaKind, Offer, Track } from './protocol'

export interface PeerListener {
  onAnswer(negotiation: number, sdp: string): void
  onCandidate(candidate: RTCIceCandidate | null): void
  /** A participant's stream, gathered from one or two tracks; again when it changes. */
  onRemote(participant: string, stream: MediaStream): void
  onRemoteGone(participant: string): void
  /** A screen that somebody shares, as a stream of its own; `undefined` when they stop. */
  onScreen?(participant: string, stream: MediaStream | undefined): void
  onConnectionState(state: RTCPeerConnectionState): void
  /** Whose frames each line carries from now on, by mid, before any of them comes. */
  onLines(participants: Record<string, string>): void
  /** A line of an offer, right after it was read: the only time to put a transform on it. */
  onLine(transceiver: RTCRtpTransceiver, side: 'in' | 'out', kind: 'audio' | 'video'): void
}

/** Enough for an identity card held to the camera; more would only crowd out the voice. */
const MAX_VIDEO_BITS_PER_SECOND = 1_200_000
/** The small size of a camera sent twice: half as high, for whoever shows it small or has little room. */
const SMALL_VIDEO_BITS_PER_SECOND = 250_000

export class Peer {
  private connection: RTCPeerConnection | undefined
  private tracks: Record<string, Track> = {}
  private me = ''
  private newest = -1
  private up = false
  private work: Promise<void> = Promise.resolve()
  private readonly local: Record<MediaKind, MediaStreamTrack | null> = { audio: null, video: null, screen: null }
  private readonly limits: Partial<Record<MediaKind, number | null>> = {}
  private twoSizes = false
  private readonly remote = new Map<string, MediaStream>()
  private readonly screens = new Map<string, MediaStream>()
  private readonly screenStreams = new WeakMap<MediaStreamTrack, MediaStream>()

  constructor(private readonly listener: PeerListener) {}

  /** Offers are answered one after the other, and one that a newer offer has overtaken not at all. */
  answer(offer: Offer, me: string, iceServers: RTCIceServer[]): Promise<void> {
    this.newest = offer.negotiation
    this.work = this.work.then(() => this.answerNow(offer, me, iceServers)).catch((error: unknown) => {
      // A broken connection is rebuilt by the watchdog; the reason is for whoever looks.
      console.warn('offer not answered', error)
    })
    return this.work
  }

  /** What we send from now on; `null` sends nothing of that kind. */
  async publish(kind: MediaKind, track: MediaStreamTrack | null): Promise<void> {
    this.local[kind] = track
    for (const transceiver of this.connection?.getTransceivers() ?? []) {
      const line = this.tracks[transceiver.mid ?? '']
      if (line?.participant !== this.me || line.kind !== kind) continue
      // Closed meanwhile: the next connection takes the track from `local`.
      await transceiver.sender.replaceTrack(track).catch((error: unknown) => console.warn('track not replaced', error))
    }
  }

  /** What others can receive of us; `null` when they can receive everything. */
  async sendAtMost(kind: MediaKind, bitsPerSecond: number | null): Promise<void> {
    this.limits[kind] = bitsPerSecond
    if (this.connection !== undefined) await this.limit(this.connection)
  }

  /**
   * Whether the camera is sent in two sizes, where the node took them: worth their
   * price only with several others, who need not all receive the large one.
   */
  async sendTwoSizes(twoSizes: boolean): Promise<void> {
    if (this.twoSizes === twoSizes) return
    this.twoSizes = twoSizes
    if (this.connection !== undefined) await this.limit(this.connection)
  }

  /** What each m-line carries, by mid. */
  get lines(): Record<string, Track> {
    return this.tracks
  }

  /** None without a connection, nor of one that was closed while it was asked. */
  async stats(): Promise<RTCStatsReport | undefined> {
    return this.connection?.getStats().catch(() => undefined)
  }

  /** Whether the present connection ever stood: until then nothing is missing. */
  get wasUp(): boolean {
    return this.connection !== undefined && this.up
  }

  get state(): RTCPeerConnectionState | 'none' {
    return this.connection?.connectionState ?? 'none'
  }

  /** Forgets the connection; what others sent goes from the page. */
  close(): void {
    this.newest = -1
    this.connection?.close()
    this.connection = undefined
    this.tracks = {}
    for (const participant of [...this.remote.keys()]) this.forget(participant)
    for (const participant of [...this.screens.keys()]) this.forgetScreen(participant)
  }

  private async answerNow(offer: Offer, me: string, iceServers: RTCIceServer[]): Promise<void> {
    if (offer.negotiation < this.newest) return
    if (offer.fresh || this.connection === undefined) this.renew(iceServers)
    const connection = this.connection
    if (connection === undefined) return
    this.me = me
    this.tracks = offer.tracks
    await connection.setRemoteDescription({ type: 'offer', sdp: offer.sdp })
    this.listener.onLines(Object.fromEntries(Object.entries(offer.tracks).map(([mid, { participant }]) => [mid, participant])))
    // All of them before anything is awaited: Chromium decides within the same
    // turn that a line without a transform never has one, and does not say so.
    for (const transceiver of connection.getTransceivers()) {
      const kind = transceiver.receiver.track.kind === 'audio' ? 'audio' : 'video'
      this.listener.onLine(transceiver, this.tracks[transceiver.mid ?? '']?.participant === me ? 'out' : 'in', kind)
    }
    for (const transceiver of connection.getTransceivers()) {
      const line = this.tracks[transceiver.mid ?? '']
      if (line === undefined) continue
      if (line.participant === me) {
        transceiver.direction = 'sendonly'
        await transceiver.sender.replaceTrack(this.local[line.kind])
      } else if (transceiver.direction !== 'inactive') {
        transceiver.direction = 'recvonly'
      }
    }
    await connection.setLocalDescription()
    if (connection !== this.connection) return
    this.listener.onAnswer(offer.negotiation, connection.localDescription?.sdp ?? '')
    await this.limit(connection)
    this.gather(connection)
  }

  private renew(iceServers: RTCIceServer[]): void {
    const former = this.connection
    const connection = new RTCPeerConnection({ iceServers, bundlePolicy: 'max-bundle' })
    this.connection = connection
    connection.onicecandidate = ({ candidate }) => {
      if (connection === this.connection) this.listener.onCandidate(candidate)
    }
    this.up = false
    connection.onconnectionstatechange = () => {
      if (connection === this.connection && connection.connectionState === 'connected') this.up = true
      if (connection === this.connection) this.listener.onConnectionState(connection.connectionState)
    }
    former?.close()
  }

  /** Puts together each participant's stream from the lines that carry it. */
  private gather(connection: RTCPeerConnection): void {
    const wanted = new Map<string, MediaStreamTrack[]>()
    const screens = new Map<string, MediaStreamTrack>()
    for (const transceiver of connection.getTransceivers()) {
      const line = this.tracks[transceiver.mid ?? '']
      if (line === undefined || line.participant === this.me || transceiver.currentDirection !== 'recvonly') continue
      if (line.kind === 'screen') screens.set(line.participant, transceiver.receiver.track)
      else wanted.set(line.participant, [...(wanted.get(line.participant) ?? []), transceiver.receiver.track])
    }
    for (const participant of [...this.remote.keys()]) {
      if (!wanted.has(participant)) this.forget(participant)
    }
    for (const [participant, tracks] of wanted) {
      const stream = this.remote.get(participant) ?? new MediaStream()
      for (const track of stream.getTracks()) if (!tracks.includes(track)) stream.removeTrack(track)
      for (const track of tracks) if (!stream.getTracks().includes(track)) stream.addTrack(track)
      this.remote.set(participant, stream)
      this.listener.onRemote(participant, stream)
    }
    for (const participant of [...this.screens.keys()]) {
      if (!screens.has(participant)) this.forgetScreen(participant)
    }
    for (const [participant, track] of screens) {
      if (this.screens.get(participant)?.getTracks()[0] === track) continue
      // The stream of a line that was used before: whoever still shows it goes on.
      const stream = this.screenStreams.get(track) ?? new MediaStream([track])
      this.screenStreams.set(track, stream)
      this.screens.set(participant, stream)
      this.listener.onScreen?.(participant, stream)
    }
  }

  /** Voice before image: the image is bounded, the voice is marked as the one to keep. */
  private async limit(connection: RTCPeerConnection): Promise<void> {
    for (const { mid, sender } of connection.getTransceivers()) {
      // By line, not by track: the first offer often comes before there is anything to send.
      const line = this.tracks[mid ?? '']
      if (line?.participant !== this.me) continue
      const { kind } = line
      const parameters = sender.getParameters()
      const encodings = parameters.encodings ?? []
      const large = encodings.at(-1)
      if (large === undefined) continue
      for (const encoding of encodings) encoding.priority = kind === 'audio' ? 'high' : 'low'
      if (kind !== 'audio') large.maxBitrate = Math.min(MAX_VIDEO_BITS_PER_SECOND, this.limits[kind] ?? MAX_VIDEO_BITS_PER_SECOND)
      const small = encodings.length > 1 ? encodings[0] : undefined
      if (small !== undefined) {
        small.maxBitrate = SMALL_VIDEO_BITS_PER_SECOND
        small.scaleResolutionDownBy = 2
        small.active = this.twoSizes
      }
      // A browser that cannot set them still sends.
      await sender.setParameters(parameters).catch(() => undefined)
    }
  }

  private forgetScreen(participant: string): void {
    this.screens.delete(participant)
    this.listener.onScreen?.(participant, undefined)
  }

  private forget(participant: string): void {
    this.remote.delete(participant)
    this.listener.onRemoteGone(participant)
  }
}
