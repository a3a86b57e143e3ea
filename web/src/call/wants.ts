// How high the page shows each image, told to the node, which then sends the size
// that suits, and nothing of what nobody looks at. Pure; time is an argument.
//
// Larger is told at once, for somebody waits for it; smaller once it has lasted,
// so that a window that is being drawn or a tab that is left for a moment costs
// neither messages nor keyframes.

import type { ClientMessage } from './protocol'

export type Want = Extract<ClientMessage, { type: 'want' }>

/** How long an image must be shown smaller before it is told. */
const SMALLER_AFTER_MS = 2000
/** Heights are told in steps, upwards: the node asks no finer (360 is one of them). */
const STEP = 60

export class Wants {
  private readonly told = new Map<string, number>()
  private readonly smallerSince = new Map<string, number>()

  /** `send` answers whether it was sent; what was not is tried again. */
  constructor(private readonly send: (want: Want) => boolean) {}

  /** How high whose camera is shown now, in pixels of the screen, whole each time; 0 is hidden. */
  look(now: number, heights: Map<string, number>): void {
    for (const participant of this.told.keys()) if (!heights.has(participant)) this.forget(participant)
    for (const [participant, exact] of heights) {
      const height = Math.ceil(exact / STEP) * STEP
      const told = this.told.get(participant)
      if (told !== undefined && height < told) {
        const since = this.smallerSince.get(participant) ?? now
        this.smallerSince.set(participant, since)
        if (now - since < SMALLER_AFTER_MS) continue
      } else {
        this.smallerSince.delete(participant)
        if (height === told) continue
      }
      if (!this.send({ type: 'want', participant, kind: 'video', height })) continue
      this.smallerSince.delete(participant)
      this.told.set(participant, height)
    }
  }

  /** Whether the node was told to send nothing of somebody's image: it is not missing. */
  hides(participant: string): boolean {
    return this.told.get(participant) === 0
  }

  /** A line to the node on which nothing was told yet. */
  lineOpened(): void {
    this.told.clear()
    this.smallerSince.clear()
  }

  private forget(participant: string): void {
    this.told.delete(participant)
    this.smallerSince.delete(participant)
  }
}

/** How high an image stands in a box that shows all of it, in pixels of the screen. */
export function heightOf(box: { width: number; height: number }, image: { width: number; height: number }, pixelRatio: number): number {
  // Before its first frame an image is as large as its box.
  const fits = image.width > 0 ? (box.width * image.height) / image.width : box.height
  return Math.min(box.height, fits) * pixelRatio
}
