// Watches that the browser really gives every frame to the encryption. Some
// never run a transform that is put on a line a moment too late, and say
// nothing: the page would show protection while everything goes in clear.

/** Which frames, by kind and direction. */
export type Turn = 'audioOut' | 'videoOut' | 'audioIn' | 'videoIn'
export type Turns = Record<Turn, number>

/** So many looks in a row, a second apart, before it is believed. */
const LOOKS = 3
/** Fewer frames than that in a second may have crossed the counting. */
const FEW = 5

const turns: readonly Turn[] = ['audioOut', 'videoOut', 'videoIn']

export class Guard {
  private before: { browser: Turns; turned: Turns } | undefined
  private readonly suspicious: Turns = { audioOut: 0, videoOut: 0, audioIn: 0, videoIn: 0 }

  /** True when the browser counts frames of which the encryption has seen none. */
  observe(browser: Turns, turned: Turns): boolean {
    const { before } = this
    this.before = { browser, turned }
    if (before === undefined) return false
    for (const turn of turns) {
      const passedBy = browser[turn] - before.browser[turn] >= FEW && turned[turn] === before.turned[turn]
      this.suspicious[turn] = passedBy ? this.suspicious[turn] + 1 : 0
    }
    return turns.some((turn) => this.suspicious[turn] >= LOOKS)
  }
}

/**
 * What a `getStats` report counts: frames of video sent and shown, packets of
 * sound sent. Sound received is played even when there is none, so it says nothing.
 */
export function framesOf(report: Iterable<[string, unknown]>): Turns {
  const frames: Turns = { audioOut: 0, videoOut: 0, audioIn: 0, videoIn: 0 }
  const count = (value: unknown) => (typeof value === 'number' ? value : 0)
  for (const [, entry] of report) {
    const { type, kind, ...rest } = entry as Record<string, unknown>
    if (type === 'outbound-rtp' && kind === 'video') frames.videoOut += count(rest.framesSent)
    if (type === 'outbound-rtp' && kind === 'audio') frames.audioOut += count(rest.packetsSent)
    if (type === 'inbound-rtp' && kind === 'video') frames.videoIn += count(rest.framesDecoded)
  }
  return frames
}
