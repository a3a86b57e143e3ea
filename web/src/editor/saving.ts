// When to save a text that is being typed, and what an answer means. It knows
// neither the page nor the network: the world comes in as an argument.

/** Saved when typing stops for so long… */
const STILL_MS = 800
/** …and at the latest so long after the first unsaved letter. */
const LATEST_MS = 3000
const RETRY_MS = [1000, 2000, 4000, 8000]

export type SaveState = 'clean' | 'dirty' | 'saving' | 'saved' | 'retrying' | 'conflict' | 'refused'

export type Answer =
  | { kind: 'saved'; version: string }
  /** Someone saved another version meanwhile. */
  | { kind: 'conflict'; message?: string }
  /** The service will not take it: signed out, or the record is closed. */
  | { kind: 'refused'; message?: string }
  /** Nobody answered: the text is to be sent again. */
  | { kind: 'unreachable' }

export interface SavingWorld {
  now(): number
  setTimer(run: () => void, ms: number): number
  clearTimer(timer: number): void
  send(text: string, version: string): Promise<Answer>
}

export class Saving {
  private state: SaveState = 'clean'
  private saved: string
  private unsavedSince: number | undefined
  private timer: number | undefined
  private running: Promise<void> | undefined
  private failures = 0
  private handedOver = false

  constructor(
    private readonly read: () => string,
    private version: string,
    private readonly world: SavingWorld,
    private readonly onState: (state: SaveState, message?: string) => void,
  ) {
    this.saved = read()
  }

  get unsaved(): boolean {
    return !this.handedOver && this.read() !== this.saved
  }

  get stopped(): boolean {
    return this.state === 'conflict' || this.state === 'refused'
  }

  /** A letter was typed. */
  typed(): void {
    if (this.stopped) return
    const now = this.world.now()
    this.unsavedSince ??= now
    if (this.state !== 'saving' && this.state !== 'retrying') this.set('dirty')
    this.plan(Math.max(0, Math.min(now + STILL_MS, this.unsavedSince + LATEST_MS) - now))
  }

  /** Saves now; done when what stood there at the call is saved, or cannot be. */
  async flush(): Promise<boolean> {
    if (this.running !== undefined) await this.running
    if (this.unsaved && !this.stopped) await this.save()
    return !this.unsaved
  }

  /** The text leaves by another way (its own form): nothing more is sent from here. */
  handOver(): void {
    this.handedOver = true
    if (this.timer !== undefined) this.world.clearTimer(this.timer)
    this.timer = undefined
  }

  private plan(ms: number): void {
    if (this.timer !== undefined) this.world.clearTimer(this.timer)
    this.timer = this.world.setTimer(() => {
      this.timer = undefined
      void this.save()
    }, ms)
  }

  private save(): Promise<void> {
    if (this.running !== undefined) return this.running
    if (this.stopped || !this.unsaved) {
      this.unsavedSince = undefined
      if (this.state === 'dirty') this.set('saved')
      return Promise.resolve()
    }
    this.running = this.send().finally(() => (this.running = undefined))
    return this.running
  }

  private async send(): Promise<void> {
    if (this.timer !== undefined) this.world.clearTimer(this.timer)
    this.timer = undefined
    const text = this.read()
    this.unsavedSince = undefined
    this.set('saving')
    const answer = await this.world.send(text, this.version).catch((): Answer => ({ kind: 'unreachable' }))
    switch (answer.kind) {
      case 'saved':
        this.failures = 0
        this.version = answer.version
        this.saved = text
        this.set('saved')
        if (this.unsaved) {
          this.unsavedSince = this.world.now()
          this.set('dirty')
          this.plan(STILL_MS)
        }
        break
      case 'conflict':
      case 'refused':
        this.set(answer.kind, answer.message)
        break
      case 'unreachable':
        this.set('retrying')
        this.plan(RETRY_MS[Math.min(this.failures++, RETRY_MS.length - 1)] ?? 8000)
    }
  }

  private set(state: SaveState, message?: string): void {
    this.state = state
    this.onState(state, message)
  }
}
