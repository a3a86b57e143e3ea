// What the person sees of the call: binds to the HTML of
// `templates/hearings/_call.html` and changes nothing but text, `hidden`,
// `aria-*` and `data-*`. It holds no word of its own: every sentence comes from
// the page's <template data-messages>, in the page's language.

import type { Status } from '../encryption/status'
import type { Devices, MediaProblem } from './media'
import type { MediaKind, ParticipantView, Role } from './protocol'
import type { Shown } from './shown'
import type { QualityWord, Sample } from './stats'
import { heightOf } from './wants'

export interface Actions {
  allow(): void
  join(): void
  toggleMute(): void
  toggleCamera(): void
  choose(kind: MediaKind, deviceId: string): void
  chime(): void
  leave(): void
  rejoin(): void
  startSound(): void
}

interface Tile {
  element: HTMLElement
  video: HTMLVideoElement
}

export class CallView {
  private readonly messages = new Map<string, string>()
  private readonly tiles = new Map<string, Tile>()
  private announced = ''

  constructor(
    private readonly root: HTMLElement,
    actions: Actions,
  ) {
    const template = root.querySelector<HTMLTemplateElement>('template[data-messages]')
    for (const line of template?.content.querySelectorAll<HTMLElement>('[data-key]') ?? []) {
      this.messages.set(line.dataset.key ?? '', line.textContent?.trim() ?? '')
    }
    const clicks: Record<string, () => void> = {
      allow: actions.allow,
      join: actions.join,
      mute: actions.toggleMute,
      camera: actions.toggleCamera,
      chime: actions.chime,
      leave: actions.leave,
      rejoin: actions.rejoin,
      sound: actions.startSound,
    }
    root.addEventListener('click', (event) => {
      const act = (event.target as Element | null)?.closest<HTMLElement>('[data-act]')?.dataset.act
      if (act !== undefined) clicks[act]?.()
    })
    root.addEventListener('change', (event) => {
      const select = event.target
      if (!(select instanceof HTMLSelectElement) || select.dataset.choose === undefined) return
      actions.choose(select.dataset.choose === 'camera' ? 'video' : 'audio', select.value)
    })
    // One letter acts only while the focus is in the call (WCAG 2.1.4), never
    // while the person types or chooses.
    root.addEventListener('keydown', (event) => {
      if (event.ctrlKey || event.metaKey || event.altKey || event.repeat) return
      if ((event.target as Element | null)?.closest('input, textarea, select, [contenteditable]')) return
      if (!root.hasAttribute('data-joined')) return
      if (event.key.toLowerCase() === 'm') actions.toggleMute()
      else if (event.key.toLowerCase() === 'c') actions.toggleCamera()
      else return
      event.preventDefault()
    })
  }

  /** The sentence of that key; where there is none, the sentence of the fallback. */
  text(key: string, fallback = ''): string {
    return this.messages.get(key) ?? this.messages.get(fallback) ?? ''
  }

  show(state: Shown, sentence: string): void {
    const before = this.root.dataset.state
    this.root.dataset.state = state
    this.write('status', sentence)
    const panel = state === 'test' ? 'test' : state === 'ended' || state === 'refused' ? 'over' : 'call'
    for (const element of this.all('[data-panel]')) element.hidden = element.dataset.panel !== panel
    if (panel === 'call' && before === 'test') this.one<HTMLElement>('[data-act="mute"]')?.focus()
    if (panel === 'over' && before !== state) this.one<HTMLElement>('[data-over-title]')?.focus()
  }

  /** `canReturn` shows the button that joins again. */
  over(sentence: string, canReturn: boolean): void {
    this.write('over', sentence)
    const rejoin = this.one<HTMLElement>('[data-act="rejoin"]')
    if (rejoin) rejoin.hidden = !canReturn
  }

  /** The device test: before permission, or with the picture and the level. */
  tested(open: boolean, stream: MediaStream): void {
    this.root.toggleAttribute('data-media', open)
    for (const element of this.all('[data-when-open]')) element.hidden = !open
    const allow = this.one<HTMLElement>('[data-act="allow"]')
    if (allow) allow.hidden = open
    for (const video of this.all<HTMLVideoElement>('video[data-local]')) {
      // An empty stream would hold up the page's `load` for ever.
      const source = open ? stream : null
      if (video.srcObject !== source) video.srcObject = source
      if (open) void video.play().catch(() => undefined)
    }
  }

  problem(kind: MediaKind, problem: MediaProblem | undefined): void {
    const box = this.one<HTMLElement>(`[data-problem="${kind}"]`)
    if (!box) return
    box.hidden = problem === undefined
    const text = box.querySelector<HTMLElement>('[data-problem-text]')
    if (text && problem !== undefined) text.textContent = this.text(`problem-${kind}-${problem}`, `problem-${kind}-failed`)
    const help = box.querySelector<HTMLElement>('[data-problem-help]')
    if (help) {
      help.textContent = problem === 'denied' ? this.text(`help-${browserFamily(navigator.userAgent)}`, 'help-other') : ''
      help.hidden = problem !== 'denied'
    }
  }

  level(level: number): void {
    const meter = this.one<HTMLMeterElement>('meter[data-level]')
    if (meter) meter.value = level
  }

  silence(silent: boolean): void {
    const note = this.one<HTMLElement>('[data-silence]')
    if (note && note.hidden === silent) note.hidden = !silent
  }

  devices({ cameras, microphones }: Devices, active: Partial<Record<MediaKind, string>>): void {
    this.fill('camera', cameras, active.video)
    this.fill('microphone', microphones, active.audio)
  }

  controls(muted: boolean, cameraOff: boolean): void {
    for (const [act, off] of [
      ['mute', muted],
      ['camera', cameraOff],
    ] as const) {
      for (const button of this.all<HTMLButtonElement>(`[data-act="${act}"]`)) {
        // The words change, so no `aria-pressed` beside them: it would say the state twice.
        button.toggleAttribute('data-off', off)
        const label = button.querySelector('[data-label]')
        if (label) label.textContent = this.text(`${act}-${off ? 'off' : 'on'}`)
      }
    }
    this.root.toggleAttribute('data-muted', muted)
    this.root.toggleAttribute('data-camera-off', cameraOff)
  }

  joined(joined: boolean): void {
    this.root.toggleAttribute('data-joined', joined)
  }

  quality(word: QualityWord): void {
    this.root.dataset.quality = word
    this.write('quality', this.text(`quality-${word}`))
  }

  /**
   * How the call is protected: one line that always shows, the check words and
   * what they are for one tap away. `names`: the others whose browsers cannot.
   */
  sealing(status: Status | undefined, names: string[], ownFault = false): void {
    const box = this.one<HTMLElement>('[data-sealing]')
    if (!box) return
    const words = status?.kind === 'sealed' ? status.words : []
    const key = status === undefined ? '' : `sealing-${status.kind}${'because' in status ? `-${status.because}` : ''}${ownFault ? '-own' : ''}`
    const sentence = key === '' || status?.kind === 'alone' ? '' : [this.text(key), names.length > 0 ? `(${names.join(', ')})` : ''].join(' ').trim()
    const before = box.dataset.sealing
    box.dataset.sealing = status?.kind ?? ''
    box.hidden = sentence === ''
    this.write('sealing', sentence)
    this.write('words', words.join(' '))
    for (const element of this.all('[data-when-words]')) element.hidden = words.length === 0
    for (const element of this.all('[data-when-no-words]')) element.hidden = words.length > 0
    // A protection that goes is said aloud; one that comes is only shown.
    if (before !== box.dataset.sealing && (status?.kind === 'clear' || status?.kind === 'refused')) this.announce(sentence)
    this.mark('words', words.join(' '))
  }

  /** Others in the room, connected or not; a tile of one who left goes. `narrow`: the node holds their images back. */
  participants(others: ParticipantView[], narrow = false): void {
    const present = new Set(others.map(({ participant }) => participant))
    for (const [participant, tile] of this.tiles) {
      if (present.has(participant)) continue
      tile.video.srcObject = null
      tile.element.remove()
      this.tiles.delete(participant)
    }
    for (const other of others) {
      const { element } = this.tile(other.participant)
      element.dataset.role = other.role
      element.toggleAttribute('data-connected', other.connected)
      element.toggleAttribute('data-silent', !other.audio)
      element.toggleAttribute('data-no-image', !other.connected || !other.video || narrow)
      const name = element.querySelector('[data-name]')
      if (name) name.textContent = other.label
      const note = element.querySelector('[data-note]')
      if (note) note.textContent = this.note(other, narrow)
    }
    this.root.dataset.others = String(others.filter(({ connected }) => connected).length)
  }

  /** Shows a stream; the promise is false when the browser wants a tap before sound. */
  async attach(participant: string, stream: MediaStream): Promise<boolean> {
    const { video } = this.tile(participant)
    if (video.srcObject !== stream) video.srcObject = stream
    try {
      await video.play()
      return true
    } catch (error) {
      // A newer stream interrupts the former's start: that is no refusal.
      return !(error instanceof DOMException && error.name === 'NotAllowedError')
    }
  }

  detach(participant: string): void {
    const tile = this.tiles.get(participant)
    if (tile) tile.video.srcObject = null
  }

  /**
   * How high whose image is shown, in pixels of the screen; 0 while the page is not
   * looked at. What the browser shows beside the page is looked at all the same.
   */
  heights(): Map<string, number> {
    const heights = new Map<string, number>()
    for (const [participant, { element, video }] of this.tiles) {
      const box = video.getBoundingClientRect()
      const shown = document.visibilityState !== 'hidden' || mayFloat(video)
      const height = shown ? heightOf(box, { width: video.videoWidth, height: video.videoHeight }, window.devicePixelRatio) : 0
      heights.set(participant, height)
      element.dataset.shownHeight = String(Math.round(height))
    }
    return heights
  }

  needsTap(needed: boolean): void {
    const button = this.one<HTMLElement>('[data-act="sound"]')
    if (button) button.hidden = !needed
  }

  async playAll(): Promise<void> {
    for (const { video } of this.tiles.values()) await video.play().catch(() => undefined)
  }

  /** Read out politely, once: someone came, someone muted. */
  announce(sentence: string): void {
    if (sentence === '' || sentence === this.announced) return
    this.announced = sentence
    this.write('announce', sentence)
  }

  /** Measurements for browser tests and for support, in data attributes only. */
  measured(sample: Sample, participantOf: (mid: string) => string | undefined, connectionState: string): void {
    let frames = 0
    let energy = 0
    const perTile = new Map<string, { frames: number; energy: number; width: number }>()
    for (const [mid, track] of sample.byMid) {
      frames += track.framesDecoded
      energy += track.audioEnergy
      const participant = participantOf(mid)
      if (participant === undefined) continue
      const tile = perTile.get(participant) ?? { frames: 0, energy: 0, width: 0 }
      tile.frames += track.framesDecoded
      tile.energy += track.audioEnergy
      tile.width = Math.max(tile.width, track.frameWidth)
      perTile.set(participant, tile)
    }
    const { dataset } = this.root
    dataset.framesDecoded = String(frames)
    dataset.audioEnergy = String(energy)
    dataset.bytesReceived = String(sample.mediaBytes)
    dataset.bytesSent = String(sample.bytesSent)
    dataset.selectedCandidate = sample.selectedCandidate
    dataset.localCandidateType = sample.localCandidateType
    dataset.connectionState = connectionState
    for (const [participant, { frames, energy, width }] of perTile) {
      const tile = this.tiles.get(participant)
      if (!tile) continue
      tile.element.dataset.framesDecoded = String(frames)
      tile.element.dataset.audioEnergy = String(energy)
      tile.element.dataset.frameWidth = String(width)
    }
  }

  /** A fact for tests and support that is not shown. */
  mark(name: string, value: string): void {
    this.root.dataset[name] = value
  }

  roleName(role: Role): string {
    return this.text(`role-${role}`)
  }

  private note({ connected, audio, video }: ParticipantView, narrow: boolean): string {
    if (!connected) return this.text('tile-away')
    if (!audio && !video) return this.text('tile-muted-no-image')
    if (video && narrow) return this.text(audio ? 'tile-narrow' : 'tile-muted-narrow')
    if (!audio) return this.text('tile-muted')
    return video ? '' : this.text('tile-no-image')
  }

  private tile(participant: string): Tile {
    const existing = this.tiles.get(participant)
    if (existing) return existing
    const template = this.one<HTMLTemplateElement>('template[data-remote]')
    const element = template?.content.firstElementChild?.cloneNode(true)
    const stage = this.one<HTMLElement>('[data-stage]')
    if (!(element instanceof HTMLElement) || !stage) throw new Error('the call page has no stage')
    const video = element.querySelector('video')
    if (!video) throw new Error('the call page has no place for a video')
    element.dataset.participant = participant
    stage.append(element)
    const tile = { element, video }
    this.tiles.set(participant, tile)
    return tile
  }

  private fill(name: string, devices: MediaDeviceInfo[], active: string | undefined): void {
    for (const select of this.all<HTMLSelectElement>(`select[data-choose="${name}"]`)) {
      const options = devices.map(({ deviceId, label }, index) => {
        const option = document.createElement('option')
        option.value = deviceId
        option.textContent = label !== '' ? label : `${this.text(`device-${name}`)} ${index + 1}`
        option.selected = deviceId === active
        return option
      })
      select.replaceChildren(...options)
      select.disabled = options.length === 0
    }
  }

  private write(name: string, sentence: string): void {
    for (const element of this.all(`[data-text="${name}"]`)) {
      if (element.textContent !== sentence) element.textContent = sentence
    }
  }

  private one<E extends Element>(selector: string): E | null {
    return this.root.querySelector<E>(selector)
  }

  private all<E extends HTMLElement = HTMLElement>(selector: string): NodeListOf<E> {
    return this.root.querySelectorAll<E>(selector)
  }
}

/** Whether a page that is hidden may show a video in a window of its own (picture in picture). */
function mayFloat(video: HTMLVideoElement): boolean {
  // A browser that does not say whether it does is believed to.
  return !('pictureInPictureElement' in document) || document.pictureInPictureElement === video
}

/** Which help text fits: where the permission is given back differs by browser and system. */
export function browserFamily(userAgent: string): 'ios' | 'android' | 'firefox' | 'safari' | 'chromium' | 'other' {
  if (/iPhone|iPad|iPod/.test(userAgent)) return 'ios'
  if (/Android/.test(userAgent)) return 'android'
  if (/Firefox\//.test(userAgent)) return 'firefox'
  if (/Chrome\/|Chromium\/|Edg\//.test(userAgent)) return 'chromium'
  if (/Safari\//.test(userAgent)) return 'safari'
  return 'other'
}
