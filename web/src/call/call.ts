// One hearing's call on one page: joins the person's devices, the line to the
// node, the peer connection and the view. It decides little; each part does its
// own work and tells this one what happened.

import { Encryption } from '../encryption/encryption'
import type { Status } from '../encryption/status'
import { can, thisBrowser } from './abilities'
import { Connection, type JoinGrant, type Phase, browserWorld } from './connection'
import { LevelMeter, LocalMedia, type Devices } from './media'
import { Peer } from './peer'
import type { MediaKind, ParticipantView, RoomView, ServerMessage } from './protocol'
import { type Standing, shown, statusKey } from './shown'
import { Recovery, type Step } from './recovery'
import { expectedLines, qualityWord, readStats } from './stats'
import { CallView } from './view'
import { Wants } from './wants'

const WATCH_EVERY_MS = 200
const MEASURE_EVERY_MS = 1000
/** A peer connection that is still not up after so long is tried afresh; each next
    one is given twice as long, up to the last. */
const SETTLED_WITHIN_MS = 3500
const SETTLED_WITHIN_MOST_MS = 14000
/** So many peer connections in vain, one after the other, and the network is to blame. */
const BLOCKED_AFTER_RESTARTS = 2
/** How long a person may be silent in the test before we ask whether the microphone works. */
const SILENT_AFTER_MS = 4000

export class Call {
  private readonly view: CallView
  private readonly media: LocalMedia
  private readonly meter: LevelMeter
  private readonly connection: Connection
  private readonly peer: Peer
  private readonly encryption: Encryption
  private readonly wants: Wants
  private recovery = new Recovery()

  private phase: Phase | undefined
  private room: RoomView | undefined
  private me: string | undefined
  private iceServers: RTCIceServer[] = []
  private seatedOnce = false
  private joining = false
  private bypassed = false
  private mediaLost = false
  private restartsInVain = 0
  private devices: Devices = { cameras: [], microphones: [] }
  private loudAt = performance.now()
  private restarts = 0
  private lines = 0
  private wakeLock: WakeLockSentinel | undefined
  private watching = 0
  private measuredAt = 0
  private lastMediaBytes = 0
  private unsettledSince = 0
  private settlesWithinMs = SETTLED_WITHIN_MS

  constructor(private readonly root: HTMLElement) {
    this.view = new CallView(root, {
      allow: () => void this.allow(),
      join: () => void this.join(),
      toggleMute: () => this.toggleMute(),
      toggleCamera: () => void this.toggleCamera(),
      choose: (kind, deviceId) => void this.media.choose(kind, deviceId),
      chime: () => this.meter.chime(),
      leave: () => this.leave(),
      rejoin: () => void this.join(),
      startSound: () => void this.view.playAll().then(() => this.view.needsTap(false)),
    })
    this.meter = new LevelMeter((level) => this.onLevel(level))
    this.media = new LocalMedia({
      onTrack: (kind, track) => this.onLocalTrack(kind, track),
      onProblem: (kind, problem) => this.view.problem(kind, problem),
      onDevices: (devices) => {
        this.devices = devices
        this.showDevices()
      },
    })
    this.peer = new Peer({
      onAnswer: (negotiation, sdp) => this.connection.send({ type: 'answer', negotiation, sdp }),
      onCandidate: (candidate) =>
        this.connection.send({
          type: 'candidate',
          candidate: candidate?.candidate ?? '',
          mid: candidate?.sdpMid ?? null,
          index: candidate?.sdpMLineIndex ?? null,
        }),
      onRemote: (participant, stream) => void this.onRemote(participant, stream),
      onRemoteGone: (participant) => this.view.detach(participant),
      onConnectionState: (state) => this.onConnectionState(state),
      onLines: (participants) => this.encryption.lines(participants),
      onLine: (transceiver, side, kind) => this.encryption.protect(transceiver, side, kind),
    })
    this.encryption = new Encryption(root.dataset.encryptionUrl, {
      onSend: (message) => this.connection.send({ type: 'seal', ...message }),
      onStatus: (status, epoch) => this.onEncryption(status, epoch),
      onBypassed: () => this.onBypassed(),
      onMeasured: (counts) => {
        for (const [name, count] of Object.entries(counts)) this.view.mark(`frames${name[0]?.toUpperCase()}${name.slice(1)}`, String(count))
      },
    })
    this.connection = new Connection(
      root.dataset.tokenUrl ?? '',
      root.dataset.csrf ?? '',
      {
        onPhase: (phase) => this.onPhase(phase),
        onMessage: (message) => this.onMessage(message),
        onGrant: (grant: JoinGrant) => (this.iceServers = grant.ice_servers),
      },
      browserWorld(),
    )
    this.wants = new Wants((want) => this.connection.send(want))
    // A phone that changes from Wi-Fi to 4G, or wakes up, need not wait for a time-out.
    for (const event of ['online', 'pageshow', 'resume']) window.addEventListener(event, () => this.suspect())
    networkInformation()?.addEventListener('change', () => this.suspect())
    document.addEventListener('visibilitychange', () => {
      this.look()
      if (document.visibilityState !== 'visible' || this.phase === undefined) return
      this.suspect()
      void this.keepAwake()
    })
    this.view.tested(false, this.media.stream)
    this.view.controls(this.media.muted, this.media.cameraOff)
    this.show()
    this.root.toggleAttribute('data-ready', true)
  }

  private async allow(): Promise<void> {
    this.view.problem('audio', undefined)
    this.view.problem('video', undefined)
    const open = await this.media.open()
    this.loudAt = performance.now()
    this.view.tested(open, this.media.stream)
    this.showDevices()
  }

  private async join(): Promise<void> {
    if (this.joining || (this.phase !== undefined && this.phase.kind !== 'over')) return
    this.joining = true
    // Without a camera or a microphone the person may still listen and be helped.
    if (this.media.track('audio') === null && this.media.track('video') === null) await this.allow()
    this.room = undefined
    this.view.quality('unknown')
    this.mediaLost = false
    this.restartsInVain = 0
    this.recovery = new Recovery()
    this.view.joined(true)
    // Nothing is sent before it is known whether it can be encrypted.
    await this.encryption.ready
    this.joining = false
    this.connection.start(can(thisBrowser(), this.encryption.able))
    void this.keepAwake()
    window.clearInterval(this.watching)
    this.watching = window.setInterval(() => void this.watch(), WATCH_EVERY_MS)
  }

  private leave(): void {
    this.connection.leave()
  }

  private toggleMute(): void {
    if (this.media.track('audio') === null) void this.allow()
    else this.media.setMuted(!this.media.muted)
    this.view.announce(this.view.text(`mute-said-${this.media.muted ? 'off' : 'on'}`))
  }

  private async toggleCamera(): Promise<void> {
    await this.media.setCamera(this.media.cameraOff)
    this.view.announce(this.view.text(`camera-said-${this.media.cameraOff ? 'off' : 'on'}`))
  }

  private onLocalTrack(kind: MediaKind, track: MediaStreamTrack | null): void {
    if (kind === 'audio') this.meter.listen(track)
    if (track !== null) this.view.problem(kind, undefined)
    this.view.controls(this.media.muted, this.media.cameraOff)
    this.showDevices()
    this.publish(kind)
    this.sayMedia()
  }

  /** Sends a kind only while the room is open to us: a pause is a pause on this side too. */
  private publish(kind: MediaKind): void {
    void this.peer.publish(kind, this.mayPublish() ? this.media.track(kind) : null)
  }

  private mayPublish(): boolean {
    return !this.bypassed && this.room !== undefined && this.room.state === 'open' && this.room.place !== 'waiting'
  }

  private sayMedia(): void {
    this.connection.send({ type: 'media', audio: !this.media.muted, video: !this.media.cameraOff })
  }

  private onPhase(phase: Phase): void {
    this.phase = phase
    if (phase.kind === 'seated') {
      this.lines++
      this.seatedOnce = true
      this.recovery.seated()
      this.view.mark('connections', String(this.lines))
      this.sayMedia()
    }
    if (phase.kind === 'over') {
      window.clearInterval(this.watching)
      this.peer.close()
      this.encryption.close()
      this.view.sealing(undefined, [])
      this.media.close()
      this.meter.close()
      this.view.tested(false, this.media.stream)
      this.view.joined(false)
      this.view.participants([])
      this.view.quality('unknown')
      this.view.over(
        phase.message ?? this.view.text(statusKey(this.standing(), shown(this.standing()), this.me), 'status-refused'),
        phase.why === 'left' || phase.why === 'replaced',
      )
      this.seatedOnce = false
      void this.wakeLock?.release().catch(() => undefined)
      this.wakeLock = undefined
    }
    this.show()
  }

  private onMessage(message: ServerMessage): void {
    switch (message.type) {
      case 'waiting':
      case 'joined':
        this.me = message.participant
        this.view.mark('participant', message.participant)
        this.encryption.lineOpened(message.participant)
        this.wants.lineOpened()
        break
      case 'offer':
        if (this.me !== undefined) void this.peer.answer(message, this.me, this.iceServers)
        break
      case 'state':
        this.onRoom(message)
        break
      case 'quality':
        this.view.quality(qualityWord(message))
        break
      case 'limit':
        void this.peer.sendAtMost(message.kind, message.bits_per_second)
        break
      case 'seal':
      case 'seal_refused':
        this.encryption.heard(message)
        break
      case 'refused':
      case 'ended':
        // The close that follows, with its code, decides what to do.
        break
      case 'pong':
        break
    }
  }

  private onRoom(room: RoomView): void {
    const before = this.room
    this.room = room
    this.encryption.room(room)
    const others = room.place === 'waiting' ? [] : room.participants.filter(({ participant, place }) => participant !== this.me && place !== 'waiting')
    this.view.participants(others, room.narrow)
    this.announceChanges(before, others)
    void this.peer.sendTwoSizes(others.filter(({ connected, place }) => connected && place === room.place).length >= 2)
    if (before?.state !== room.state || before.place !== room.place) {
      this.publish('audio')
      this.publish('video')
    }
    this.show()
  }

  private announceChanges(before: RoomView | undefined, others: ParticipantView[]): void {
    if (before === undefined) return
    for (const other of others) {
      const former = before.participants.find(({ participant }) => participant === other.participant)
      if (other.connected && former?.connected !== true) this.view.announce(`${other.label} ${this.view.text('said-came')}`)
      else if (!other.connected && former?.connected === true) this.view.announce(`${other.label} ${this.view.text('said-went')}`)
      else if (former !== undefined && former.audio !== other.audio) this.view.announce(`${other.label} ${this.view.text(other.audio ? 'said-unmuted' : 'said-muted')}`)
    }
  }

  private async onRemote(participant: string, stream: MediaStream): Promise<void> {
    if (!(await this.view.attach(participant, stream))) this.view.needsTap(true)
  }

  private onConnectionState(state: RTCPeerConnectionState): void {
    this.view.mark('connectionState', state)
    // The browser's own checks failed for a while: they see a path on which nobody
    // sends, which the watch does not.
    const now = performance.now()
    if (state === 'disconnected' && this.recovery.believes(now)) this.ask('ice', now)
    if (state === 'failed') this.ask('fresh', now)
    if (state === 'failed' || state === 'disconnected') this.lost(true)
    if (state === 'connected') {
      this.settlesWithinMs = SETTLED_WITHIN_MS
      this.lost(false)
    }
  }

  private onEncryption(status: Status, epoch: number | undefined): void {
    // What the worker says last may cross the end of the call.
    if (this.bypassed || this.phase === undefined || this.phase.kind === 'over') return
    const names = status.kind !== 'clear' ? [] : status.who.filter((who) => who !== this.me).map((who) => this.room?.participants.find(({ participant }) => participant === who)?.label ?? '')
    this.view.mark('epoch', epoch === undefined ? '' : String(epoch))
    this.view.sealing(status, names, status.kind === 'clear' && this.me !== undefined && status.who.includes(this.me))
  }

  /** A browser that does not do what it promised: better no picture than one in clear. */
  private onBypassed(): void {
    if (this.bypassed) return
    this.bypassed = true
    this.publish('audio')
    this.publish('video')
    this.view.sealing({ kind: 'refused', because: 'bypassed' }, [])
  }

  /** Tells the node how high each image is shown now. */
  private look(): void {
    if (this.phase?.kind !== 'seated' || this.room === undefined || this.room.place === 'waiting') return
    this.wants.look(performance.now(), this.view.heights())
  }

  private async watch(): Promise<void> {
    this.look()
    const report = await this.peer.stats()
    if (report === undefined) return
    const sample = readStats(report as unknown as Iterable<[string, unknown]>)
    const now = performance.now()
    const settled = this.peer.state === 'connected' || this.peer.state === 'disconnected'
    if (settled || this.phase?.kind !== 'seated') this.unsettledSince = now
    else if (now - this.unsettledSince > this.settlesWithinMs) {
      this.unsettledSince = now
      this.settlesWithinMs = Math.min(SETTLED_WITHIN_MOST_MS, this.settlesWithinMs * 2)
      this.ask('fresh', now)
      this.lost(true)
    }
    const expected = this.peer.wasUp ? expectedLines(this.room, this.peer.lines, (participant) => this.wants.hides(participant)) : new Map<string, MediaKind>()
    const step = this.recovery.observe(now, expected, sample)
    if (this.recovery.doubts(now)) this.connection.probe()
    if (step !== undefined) {
      this.lost(true)
      this.ask(step, now)
    } else if (sample.mediaBytes > this.lastMediaBytes && this.peer.state === 'connected') {
      this.lost(false)
    }
    this.lastMediaBytes = sample.mediaBytes
    if (now - this.measuredAt >= MEASURE_EVERY_MS) {
      this.measuredAt = now
      this.encryption.measured(report as unknown as Iterable<[string, unknown]>)
      this.view.measured(sample, (mid) => this.peer.lines[mid]?.participant, this.peer.state)
    }
  }

  private ask(step: Step, now: number): void {
    if (this.connection.send(step === 'fresh' ? { type: 'restart_ice', fresh: true } : { type: 'restart_ice' })) {
      this.recovery.asked(step, now)
      this.restarts++
      // A path that stood once is broken, not blocked.
      if (!this.peer.wasUp) this.restartsInVain++
      if (this.restartsInVain >= BLOCKED_AFTER_RESTARTS) this.show()
      this.view.mark('restarts', String(this.restarts))
    }
    // The line may be gone as well, without having said so.
    this.connection.probe()
  }

  /** The browser hints that the network is another one, or that time has passed unnoticed. */
  private suspect(): void {
    if (this.phase === undefined) return
    this.recovery.suspect(performance.now())
    this.connection.probe()
  }

  private lost(lost: boolean): void {
    if (!lost) this.restartsInVain = 0
    if (this.mediaLost === lost) return
    this.mediaLost = lost
    this.show()
  }

  private onLevel(level: number): void {
    this.view.level(level)
    const now = performance.now()
    if (level > 0.15) this.loudAt = now
    this.view.silence(this.phase === undefined && this.media.track('audio') !== null && now - this.loudAt > SILENT_AFTER_MS)
  }

  private showDevices(): void {
    const active: Partial<Record<MediaKind, string>> = {}
    for (const kind of ['audio', 'video'] as const) {
      const deviceId = this.media.track(kind)?.getSettings().deviceId
      if (deviceId !== undefined) active[kind] = deviceId
    }
    this.view.devices(this.devices, active)
  }

  private show(): void {
    const standing = this.standing()
    const state = shown(standing)
    const key = statusKey(standing, state, this.me)
    this.view.show(state, this.view.text(key, `status-${state}`))
  }

  private standing(): Standing {
    return { phase: this.phase, view: this.room, seatedOnce: this.seatedOnce, mediaLost: this.mediaLost, mediaBlocked: this.restartsInVain >= BLOCKED_AFTER_RESTARTS }
  }

  /** The screen of a phone stays lit while the person is seen on it. */
  private async keepAwake(): Promise<void> {
    if (!('wakeLock' in navigator) || this.wakeLock?.released === false) return
    this.wakeLock = await navigator.wakeLock.request('screen').catch(() => undefined)
  }
}

/** Tells of a change of network where the browser has it (Chromium). */
function networkInformation(): EventTarget | undefined {
  return (navigator as Navigator & { connection?: EventTarget }).connection
}
