// Says when to ask the node for another path, from what was received. The twin
// of `participant/src/recovery.rs`, rule for rule; `signaling/PROTOCOL.md` has
// the rules. Pure; time is an argument.

import type { MediaKind } from './protocol'
import type { Sample } from './stats'

/** What to ask the node for: another path for the same peer connection, or a fresh one. */
export type Step = 'ice' | 'fresh'

/** Nothing at all from the node for so long: time to ask on the line whether it
    is still there, so that the answer is known when patience ends. */
const DOUBT_MS = 400
/** Nothing at all from the node for so long: our own way to it is broken. */
const TRANSPORT_SILENCE_MS = 1000
/** The same, once the browser said that the network changed. */
const SUSPECT_SILENCE_MS = 300
/** How long a hint of the browser is remembered. */
const SUSPECT_FOR_MS = 3000
/** The transport lives but a line is silent: slower to judge, since the fault may
    be the other's, slower for images, which a poor network may hold back,
    and never for a screen, on which nothing may move. */
const LINE_SILENCE_MS: Record<MediaKind, number> = { audio: 3000, video: 6000, screen: Infinity }
/** How long another path on the same peer connection is given to work. */
const ICE_GRACE_MS = 2000
/** How long a fresh peer connection is given; it doubles each time in vain. */
const FIRST_REST_MS = 3000
const LONGEST_REST_MS = 48000
/** Once every line has flowed for so long after a step, the next break is a new one. */
const FORGIVEN_MS = 3000

export class Recovery {
  private transport: { bytes: number; at: number } | undefined
  /** When something last came, expected or not. */
  private byteAt = -Infinity
  private readonly lines = new Map<string, { bytes: number; at: number }>()
  /** Lines on which something came since the last step. */
  private readonly flowed = new Set<string>()
  private suspectUntil = -Infinity
  private doubted = false
  private last: { step: Step; at: number } | undefined
  private restMs = 0

  /** The step to ask for now, again and again until `asked` says that it was. */
  observe(now: number, expected: Map<string, MediaKind>, sample: Pick<Sample, 'transportBytes' | 'byMid'>): Step | undefined {
    const transport = (this.transport ??= { bytes: sample.transportBytes, at: now })
    if (sample.transportBytes > transport.bytes) this.byteAt = now
    // Another path counts from nought: less is not more.
    if (sample.transportBytes > transport.bytes || expected.size === 0) transport.at = now
    transport.bytes = sample.transportBytes
    const silentFor = now - transport.at
    const pathLost = silentFor >= (now < this.suspectUntil ? SUSPECT_SILENCE_MS : TRANSPORT_SILENCE_MS)
    if (silentFor < DOUBT_MS) this.doubted = false

    for (const mid of [...this.lines.keys()]) if (!expected.has(mid)) this.lines.delete(mid)
    let lineLost = false
    for (const [mid, kind] of expected) {
      const bytes = sample.byMid.get(mid)?.bytes ?? 0
      const line = this.lines.get(mid) ?? { bytes, at: now }
      this.lines.set(mid, line)
      if (bytes > line.bytes) {
        line.at = now
        this.flowed.add(mid)
      }
      line.bytes = bytes
      lineLost ||= now - line.at >= LINE_SILENCE_MS[kind]
    }

    const sinceAsked = this.last === undefined ? Infinity : now - this.last.at
    if (!pathLost && !lineLost) {
      const healthy = expected.size > 0 && [...expected.keys()].every((mid) => this.flowed.has(mid))
      if (healthy && this.last !== undefined && sinceAsked >= FORGIVEN_MS) {
        this.last = undefined
        this.restMs = 0
      }
      return undefined
    }
    // Another path does not mend a line that is silent on a living one.
    if (this.last === undefined) return pathLost ? 'ice' : 'fresh'
    return sinceAsked >= (this.last.step === 'ice' ? ICE_GRACE_MS : this.restMs) ? 'fresh' : undefined
  }

  /** A step was asked for, by this rule or for another reason: leave it time. */
  asked(step: Step, now: number): void {
    if (step === 'fresh') this.restMs = this.restMs === 0 ? FIRST_REST_MS : Math.min(LONGEST_REST_MS, this.restMs * 2)
    this.last = { step, at: now }
    this.lines.clear()
    this.flowed.clear()
  }

  /** Whether to believe that the path is lost when the browser says so: no step is
      under way, and nothing came lately that proves the contrary. */
  believes(now: number): boolean {
    return (this.last === undefined || now - this.last.at >= ICE_GRACE_MS) && now - this.byteAt >= DOUBT_MS
  }

  /** The browser says that the network changed, or that the page was asleep. */
  suspect(now: number): void {
    this.suspectUntil = now + SUSPECT_FOR_MS
  }

  /** The line was taken up again: what was asked on the former one may be lost. */
  seated(): void {
    if (this.last?.step === 'ice') this.last = undefined
  }

  /** Whether to ask on the line whether it is still there: once a silence. */
  doubts(now: number): boolean {
    if (this.doubted || this.transport === undefined || now - this.transport.at < DOUBT_MS) return false
    this.doubted = true
    return true
  }
}
