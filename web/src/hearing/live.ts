// Parts of a page that follow the server. An element with `data-live-url`
// listens to server-sent events; an event `region` with `{"id": "…"}` says that
// `[data-live="…"]` has changed. The page then fetches the region's
// `data-fragment-url` (its own address where there is none) and puts in the
// children that the server rendered: the event itself carries no HTML.
//
//   <div data-live-url="/audition/ID/evenements">
//     <section data-live="presence" data-fragment-url="/audition/ID/fragment/presence">…</section>
//   </div>
//
// The answer may be the children alone or a whole page that holds the region.
// An element with `data-announce="…"` in it is read out politely when its words
// change. Without a script the page is simply reloaded by its reader. A call or
// an editor must not stand inside a region: a swap would take it away.

const RETRY_MS = [1000, 2000, 5000, 10000]

/** `onSwapped` lets other behaviours attach to the new children. */
export function attachLiveRegions(root: ParentNode, onSwapped: (region: HTMLElement) => void = () => undefined): void {
  for (const element of root.querySelectorAll<HTMLElement>('[data-live-url]')) new LivePage(element, onSwapped)
}

class LivePage {
  private source: EventSource | undefined
  private failures = 0
  private missed = false
  private readonly regions = new Map<string, Region>()
  private readonly speaker: HTMLElement

  constructor(
    private readonly root: HTMLElement,
    private readonly onSwapped: (region: HTMLElement) => void,
  ) {
    this.speaker = document.createElement('p')
    this.speaker.className = 'fr-sr-only'
    this.speaker.setAttribute('role', 'status')
    this.root.append(this.speaker)
    this.listen()
    // The person's own act is seen at once, even where events do not come.
    this.root.addEventListener('vp:sent', () => this.refreshAll())
    // A sleeping phone hears nothing: look again when it wakes.
    document.addEventListener('visibilitychange', () => {
      if (document.visibilityState === 'visible' && this.missed) this.refreshAll()
    })
  }

  private listen(): void {
    const source = new EventSource(this.root.dataset.liveUrl ?? '')
    this.source = source
    source.addEventListener('region', (event) => {
      const id = regionOf((event as MessageEvent<unknown>).data)
      if (id !== undefined) this.region(id)?.refresh()
    })
    source.onopen = () => {
      this.failures = 0
      this.root.toggleAttribute('data-live-open', true)
      // What happened while nobody listened is asked for whole.
      if (this.missed) this.refreshAll()
    }
    source.onerror = () => {
      this.missed = true
      this.root.toggleAttribute('data-live-open', false)
      // The browser tries again by itself unless the answer was an error.
      if (source.readyState !== EventSource.CLOSED || source !== this.source) return
      const wait = RETRY_MS[Math.min(this.failures++, RETRY_MS.length - 1)]
      window.setTimeout(() => this.listen(), wait)
    }
  }

  private refreshAll(): void {
    this.missed = false
    for (const element of this.root.querySelectorAll<HTMLElement>('[data-live]')) this.region(element.dataset.live ?? '')?.refresh()
  }

  private region(id: string): Region | undefined {
    const element = [...this.root.querySelectorAll<HTMLElement>('[data-live]')].find((candidate) => candidate.dataset.live === id)
    if (element === undefined) return undefined
    const known = this.regions.get(id)
    if (known?.element === element) return known
    const region = new Region(id, element, this.speaker, this.onSwapped)
    this.regions.set(id, region)
    return region
  }
}

class Region {
  private busy = false
  private again = false

  constructor(
    private readonly id: string,
    readonly element: HTMLElement,
    private readonly speaker: HTMLElement,
    private readonly onSwapped: (region: HTMLElement) => void,
  ) {}

  /** One request at a time; what changes meanwhile is fetched once more after it. */
  refresh(): void {
    if (this.busy) {
      this.again = true
      return
    }
    this.busy = true
    this.again = false
    void this.fetch().finally(() => {
      this.busy = false
      if (this.again) this.refresh()
    })
  }

  private async fetch(attempt = 0): Promise<void> {
    try {
      const response = await fetch(this.element.dataset.fragmentUrl ?? window.location.href, {
        headers: { accept: 'text/html', ...(inCall() ? {} : { 'x-refresh': '1' }) },
        credentials: 'same-origin',
        cache: 'no-store',
      })
      // A redirection leads to a page that is not ours to paste here, e.g. the login.
      if (response.redirected || response.status < 500) {
        if (response.ok && !response.redirected) this.swap(await response.text())
        return
      }
    } catch {
      // No network: tried again below.
    }
    const wait = RETRY_MS[attempt]
    if (wait === undefined) return
    await new Promise((done) => window.setTimeout(done, wait))
    await this.fetch(attempt + 1)
  }

  private swap(html: string): void {
    const parsed = new DOMParser().parseFromString(html, 'text/html')
    const inside = [...parsed.querySelectorAll<HTMLElement>('[data-live]')].find(({ dataset }) => dataset.live === this.id)
    const fresh = document.createElement('div')
    fresh.append(...(inside ?? parsed.body).childNodes)
    if (fresh.innerHTML === this.element.innerHTML) return

    // Nobody's typing is taken away: the swap waits until they leave the field.
    const active = document.activeElement
    if (active !== null && this.element.contains(active) && active.matches('input:not([type="radio"], [type="checkbox"], [type="hidden"]), textarea, select')) {
      active.addEventListener('blur', () => this.refresh(), { once: true })
      return
    }
    const said = announcement(this.element)
    const focused = active !== null && this.element.contains(active) ? active.id : ''
    const open = new Set([...this.element.querySelectorAll('details[open]')].map(({ id }) => id))
    this.element.replaceChildren(...fresh.childNodes)
    for (const details of this.element.querySelectorAll('details')) if (details.id !== '' && open.has(details.id)) details.open = true
    if (focused !== '') document.getElementById(focused)?.focus({ preventScroll: true })
    const says = announcement(this.element)
    if (says !== said && says !== '') this.speaker.textContent = says
    this.onSwapped(this.element)
  }
}

/** A page that only stays open is nobody's work; a call is, without a key being pressed. */
function inCall(): boolean {
  return document.querySelector('[data-call]') !== null
}

function announcement(element: HTMLElement): string {
  return [...element.querySelectorAll<HTMLElement>('[data-announce]')].map(({ dataset }) => dataset.announce ?? '').join(' ').trim()
}

function regionOf(data: unknown): string | undefined {
  if (typeof data !== 'string') return undefined
  try {
    const { id } = JSON.parse(data) as { id?: unknown }
    return typeof id === 'string' ? id : undefined
  } catch {
    return undefined
  }
}
