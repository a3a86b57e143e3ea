// The person's own camera and microphone: asked for on a tap, shown before
// anyone else sees them, muted, cut, exchanged, and explained when the browser
// or the system says no.
//
// It knows the browser's devices, neither the network nor the page.

import type { MediaKind } from './protocol'

/** Why there is no sound or image, in the keys of the help texts. */
export type MediaProblem = 'denied' | 'none' | 'busy' | 'unsupported' | 'insecure' | 'failed'

export interface Devices {
  cameras: MediaDeviceInfo[]
  microphones: MediaDeviceInfo[]
}

export interface MediaListener {
  /** What may be sent changed: a track came, went, was muted or exchanged. */
  onTrack(kind: MediaKind, track: MediaStreamTrack | null): void
  onProblem(kind: MediaKind, problem: MediaProblem): void
  onDevices(devices: Devices): void
}

const audioWish: MediaTrackConstraints = { echoCancellation: true, noiseSuppression: true, autoGainControl: true }
/** Sharp enough to read an identity card held to the camera. */
const videoWish: MediaTrackConstraints = { width: { ideal: 1280 }, height: { ideal: 720 }, frameRate: { ideal: 25, max: 30 } }

export class LocalMedia {
  readonly stream = new MediaStream()
  private readonly chosen: Partial<Record<MediaKind, string>> = {}
  private mutedByPerson = false
  private cameraOffByPerson = false

  constructor(private readonly listener: MediaListener) {
    navigator.mediaDevices?.addEventListener?.('devicechange', () => void this.listDevices())
  }

  get muted(): boolean {
    return this.mutedByPerson || this.track('audio') === null
  }

  get cameraOff(): boolean {
    return this.track('video') === null
  }

  track(kind: MediaKind): MediaStreamTrack | null {
    return this.stream.getTracks().find((track) => track.kind === kind && track.readyState === 'live') ?? null
  }

  /** Asks for both; where one is missing, the other is still opened. True when there is at least one. */
  async open(): Promise<boolean> {
    if (navigator.mediaDevices?.getUserMedia === undefined) {
      const problem = window.isSecureContext ? 'unsupported' : 'insecure'
      this.listener.onProblem('audio', problem)
      this.listener.onProblem('video', problem)
      return false
    }
    try {
      this.take(await navigator.mediaDevices.getUserMedia({ audio: this.wish('audio'), video: this.wish('video') }))
    } catch (both) {
      if (problemOf(both) === 'denied') {
        // The person, or the system, may have refused only one of the two.
        const sound = await this.openOne('audio')
        const image = await this.openOne('video')
        if (!sound && !image) return false
      } else {
        await this.openOne('audio')
        await this.openOne('video')
      }
    }
    await this.listDevices()
    return this.track('audio') !== null || this.track('video') !== null
  }

  setMuted(muted: boolean): void {
    this.mutedByPerson = muted
    const track = this.track('audio')
    if (track !== null) track.enabled = !muted
    this.listener.onTrack('audio', track)
  }

  /** Off means off: the device is released and its light goes out. */
  async setCamera(on: boolean): Promise<void> {
    this.cameraOffByPerson = !on
    if (on) await this.openOne('video')
    else this.release('video')
  }

  async choose(kind: MediaKind, deviceId: string): Promise<void> {
    this.chosen[kind] = deviceId
    if (kind === 'video' && this.cameraOffByPerson) return
    // Phones open one camera at a time: the former is let go first.
    this.release(kind)
    await this.openOne(kind)
  }

  /** Lets every device go. */
  close(): void {
    for (const kind of ['audio', 'video'] as const) this.release(kind)
  }

  private async openOne(kind: MediaKind): Promise<boolean> {
    try {
      this.take(await navigator.mediaDevices.getUserMedia({ [kind]: this.wish(kind) }))
      return true
    } catch (error) {
      if (this.chosen[kind] !== undefined && error instanceof DOMException && (error.name === 'OverconstrainedError' || error.name === 'NotFoundError')) {
        // The chosen device has gone: any other is better than none.
        delete this.chosen[kind]
        return this.openOne(kind)
      }
      this.listener.onProblem(kind, problemOf(error))
      return false
    }
  }

  private take(opened: MediaStream): void {
    for (const track of opened.getTracks()) {
      const kind = track.kind as MediaKind
      for (const former of this.stream.getTracks()) {
        if (former.kind !== kind) continue
        this.stream.removeTrack(former)
        former.stop()
      }
      if (kind === 'audio') {
        track.enabled = !this.mutedByPerson
        if ('contentHint' in track) track.contentHint = 'speech'
      }
      track.onended = () => this.lost(kind, track)
      this.stream.addTrack(track)
      this.listener.onTrack(kind, track)
    }
  }

  private release(kind: MediaKind): void {
    for (const track of this.stream.getTracks()) {
      if (track.kind !== kind) continue
      track.onended = null
      this.stream.removeTrack(track)
      track.stop()
    }
    this.listener.onTrack(kind, null)
  }

  /** Unplugged, or taken by the system: try whatever is left. */
  private lost(kind: MediaKind, track: MediaStreamTrack): void {
    if (!this.stream.getTracks().includes(track)) return
    delete this.chosen[kind]
    this.release(kind)
    void this.openOne(kind)
  }

  private wish(kind: MediaKind): MediaTrackConstraints {
    const wish = kind === 'audio' ? { ...audioWish } : { ...videoWish }
    const deviceId = this.chosen[kind]
    if (deviceId !== undefined) wish.deviceId = { exact: deviceId }
    else if (kind === 'video') wish.facingMode = { ideal: 'user' }
    return wish
  }

  private async listDevices(): Promise<void> {
    const all = await navigator.mediaDevices.enumerateDevices().catch(() => [])
    this.listener.onDevices({
      cameras: all.filter(({ kind, deviceId }) => kind === 'videoinput' && deviceId !== ''),
      microphones: all.filter(({ kind, deviceId }) => kind === 'audioinput' && deviceId !== ''),
    })
  }
}

function problemOf(error: unknown): MediaProblem {
  switch (error instanceof DOMException ? error.name : '') {
    case 'NotAllowedError':
    case 'SecurityError':
      return 'denied'
    case 'NotFoundError':
    case 'OverconstrainedError':
      return 'none'
    case 'NotReadableError':
    case 'AbortError':
      return 'busy'
    default:
      return 'failed'
  }
}

/** How loud the microphone is, 0 to 1, read as often as the screen is drawn. */
export class LevelMeter {
  private context: AudioContext | undefined
  private source: MediaStreamAudioSourceNode | undefined
  private frame = 0

  constructor(private readonly onLevel: (level: number) => void) {}

  listen(track: MediaStreamTrack | null): void {
    this.stop()
    if (track === null) return
    const context = (this.context ??= new AudioContext())
    void context.resume()
    const analyser = context.createAnalyser()
    analyser.fftSize = 512
    this.source = context.createMediaStreamSource(new MediaStream([track]))
    this.source.connect(analyser)
    const samples = new Float32Array(analyser.fftSize)
    const read = () => {
      analyser.getFloatTimeDomainData(samples)
      const power = samples.reduce((sum, sample) => sum + sample * sample, 0) / samples.length
      // Speech lies between -60 and 0 dB: the ear hears decibels, not volts.
      const decibels = 10 * Math.log10(power + 1e-10)
      this.onLevel(Math.min(1, Math.max(0, (decibels + 60) / 50)))
      this.frame = requestAnimationFrame(read)
    }
    this.frame = requestAnimationFrame(read)
  }

  stop(): void {
    cancelAnimationFrame(this.frame)
    this.source?.disconnect()
    this.source = undefined
    this.onLevel(0)
  }

  /** Two soft notes, so that a person can tell whether they will hear the other. */
  chime(): void {
    const context = (this.context ??= new AudioContext())
    void context.resume()
    const start = context.currentTime + 0.05
    for (const [index, frequency] of [523.25, 659.25].entries()) {
      const note = context.createOscillator()
      const volume = context.createGain()
      const at = start + index * 0.35
      note.frequency.value = frequency
      volume.gain.setValueAtTime(0, at)
      volume.gain.linearRampToValueAtTime(0.3, at + 0.03)
      volume.gain.exponentialRampToValueAtTime(0.001, at + 0.6)
      note.connect(volume).connect(context.destination)
      note.start(at)
      note.stop(at + 0.65)
    }
  }

  close(): void {
    this.stop()
    void this.context?.close()
    this.context = undefined
  }
}
